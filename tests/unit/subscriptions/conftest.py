from collections.abc import Callable
from typing import Any

import pytest

from fhir_server.model.definitions import load_definitions
from fhir_server.validation.validator import Validator


@pytest.fixture(scope="session")
def problems() -> Callable[[dict[str, Any]], list[str]]:
    """What our validator says of a resource."""
    validator = Validator(load_definitions())
    return lambda resource: [f"{issue.expression}: {issue.diagnostics}" for issue in validator.validate(resource)]
