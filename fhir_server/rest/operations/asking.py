"""The parameters of an operation, from its URL and from a Parameters resource. https://hl7.org/fhir/R4/operations.html#executing."""

from collections.abc import Iterator, Mapping, Sequence

from fhir_server.errors import Invalid, Issue
from fhir_server.rest.bodies import parsed_body
from fhir_server.rest.conditions import FORMAT
from fhir_server.rest.message import Request
from fhir_server.rest.searchset import CURSOR
from fhir_server.rest.server import Server

Elements = Mapping[str, str]
"""The parameters an operation has, and the element of Parameters.parameter each has its value in."""


def asked(server: Server, request: Request, operation: str, elements: Elements) -> list[tuple[str, str]]:
    """Names and values, those of the URL first; raises `Invalid` for one the operation does not have."""
    own = [pair for pair in request.parameters if pair[0] not in FORMAT and pair[0] != CURSOR]
    found = [*own, *_posted(server, request, operation, elements)]
    for name, _ in found:
        if name not in elements:
            message = f"{operation} has no parameter '{name[:60]}'"
            raise Invalid(message, [Issue("not-supported", message)])
    return found


def once(operation: str, pairs: Sequence[tuple[str, str]], *several: str) -> dict[str, str]:
    """By name; raises `Invalid` for one that stands there twice and is not of `several`."""
    found: dict[str, str] = {}
    for name, text in pairs:
        if name in found and name not in several:
            raise refused(operation, name, "stands there twice")
        found[name] = text.replace(" ", "+")  # a "+" in a URL arrives as a blank
    return found


def refused(operation: str, name: str, problem: str) -> Invalid:
    message = f"{operation}: {name} {problem}"
    return Invalid(message, [Issue("invalid", message, name)])


def _posted(server: Server, request: Request, operation: str, elements: Elements) -> Iterator[tuple[str, str]]:
    if not request.body.strip():
        return
    body = parsed_body(server, request)
    parameters = body.get("parameter", [])
    if body.get("resourceType") != "Parameters" or not isinstance(parameters, list):
        raise Invalid(f"The body of {operation} is a Parameters resource")
    for one in parameters:
        yield _posted_pair(one, operation, elements)


def _posted_pair(parameter: object, operation: str, elements: Elements) -> tuple[str, str]:
    name = str(parameter.get("name")) if isinstance(parameter, dict) else ""
    value = parameter.get(elements.get(name, "")) if isinstance(parameter, dict) else None
    if name in elements and (value is None or isinstance(value, bool | dict | list)):
        raise refused(operation, name, f"has its value in {elements[name]}")
    return name, str(value)
