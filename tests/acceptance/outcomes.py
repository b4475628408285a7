"""What every refusal looks like from outside; and JSON with its numbers as text."""

import json
import re
from typing import Any

import httpx

from fhir_server.model.definitions import load_definitions
from fhir_server.model.parser import parse_object
from fhir_server.validation.validator import Validator

VALIDATOR = Validator(load_definitions())
FHIR_JSON = "application/fhir+json;charset=utf-8"
INSIDES = re.compile(r"Traceback|File \"|psycopg|sqlalchemy|\bSELECT\b|\bINSERT\b|\.py\b|fhir_server|site-packages")
"""What no client should ever see."""


def exact(text: str | bytes) -> Any:
    """The JSON value; a number is ("number", its text), so that 1.0 and 1.00 differ."""
    return json.loads(text, parse_float=_number, parse_int=_number, parse_constant=_refuse)


def refused(response: httpx.Response, *statuses: int) -> dict[str, Any]:
    """The OperationOutcome of a response that must have one of the statuses."""
    assert response.status_code in statuses, (response.status_code, response.text[:500])
    return checked_outcome(response.headers.get("content-type"), response.content)


def checked_outcome(content_type: str | None, body: bytes) -> dict[str, Any]:
    """The body as an OperationOutcome that is valid R4 and says nothing of the server's insides."""
    assert content_type == FHIR_JSON
    outcome = parse_object(body, 20)
    assert outcome["resourceType"] == "OperationOutcome"
    assert VALIDATOR.validate(outcome) == []
    assert all(issue["severity"] in ("error", "fatal", "warning", "information") for issue in outcome["issue"])
    assert not INSIDES.search(body.decode())
    return outcome


def diagnostics(outcome: dict[str, Any]) -> str:
    return " ".join(issue["diagnostics"] for issue in outcome["issue"])


def _number(text: str) -> tuple[str, str]:
    return "number", text


def _refuse(text: str) -> None:
    raise AssertionError(f"{text} is not JSON")
