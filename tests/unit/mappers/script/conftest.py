from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fhir_server.model.definitions import load_definitions
from fhir_server.validation.validator import Validator
from mappers.making import Making
from mappers.mapped import Mapped
from tests.golden.script_cases import MAKING


@pytest.fixture(scope="session")
def making() -> Making:
    return MAKING


@pytest.fixture(scope="session")
def problems() -> Callable[[Mapped], list[str]]:
    """What our validator says of every resource that is whole: of what has to be there only a part may be said."""
    validator = Validator(load_definitions())
    return lambda mapped: [
        f"{entry.type_name}: {issue.diagnostics} {issue.expression}"
        for entry in mapped.entries
        if entry.condition not in {one.condition for one in mapped.entries if one.how == "find"}
        for issue in validator.validate(_as_parsed(entry.resource))
    ]


def _as_parsed(value: Any) -> Any:
    """Decimals as the server's parser leaves them."""
    if isinstance(value, Decimal):
        return msgspec.Raw(format(value, "f").encode())
    if isinstance(value, dict):
        return {name: _as_parsed(one) for name, one in value.items()}
    return [_as_parsed(one) for one in value] if isinstance(value, list) else value
