from collections.abc import Callable
from typing import Any

import pytest

from fhir_server.errors import Issue
from fhir_server.model.definitions import load_definitions
from fhir_server.validation.validator import Validator

Problems = list[tuple[str, str]]


@pytest.fixture(scope="session")
def validator() -> Validator:
    return Validator(load_definitions())


@pytest.fixture(scope="session")
def issues(validator: Validator) -> Callable[[Any], list[Issue]]:
    return validator.validate


@pytest.fixture(scope="session")
def problems(validator: Validator) -> Callable[[Any], Problems]:
    """The (code, expression) of every error."""
    return lambda resource: [(i.code, i.expression) for i in validator.validate(resource) if i.severity == "error"]


@pytest.fixture(scope="session")
def rules(validator: Validator) -> Callable[[Any], list[str]]:
    """The rule each error names first: `dom-3`, `ele-1`, ..."""
    return lambda resource: [i.diagnostics.partition(":")[0] for i in validator.validate(resource)]
