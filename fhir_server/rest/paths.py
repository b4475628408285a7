"""What a URL of the FHIR API addresses. https://hl7.org/fhir/R4/http.html#styleguide."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from fhir_server.errors import Invalid, NotFound
from fhir_server.model.resource_types import NUMBERS

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class Target:
    """`template` is the shape of the path: `/{type}/{id}/_history/{vid}`; `member` a type in a compartment, or `*`."""

    template: str
    type_name: str = ""
    id: str = ""
    version_id: str = ""
    member: str = ""


def parse_path(path: str) -> Target:
    """The target of a path below the base, as it came (percent-encoded); raises `NotFound` or `Invalid`."""
    segments = [_decoded(part) for part in path.strip("/").split("/")] if path.strip("/") else []
    match segments:
        case []:
            return Target("/")
        case ["metadata" | "_history" | "_search" as name]:
            return Target(f"/{name}")
        case [operation] if operation.startswith("$"):
            return Target(f"/{operation}")
        case [type_name, *rest] if type_name in NUMBERS:
            return _below_type(type_name, rest)
    if segments[-1].startswith("$"):
        raise NotFound(f"There is no operation {segments[-1][:60]} here")
    raise NotFound(f"There is no '{segments[0][:60]}' here: resource types are spelled as in R4")


def _below_type(type_name: str, rest: Sequence[str]) -> Target:
    if not rest:
        return Target("/{type}", type_name)
    if list(rest) in (["_search"], ["_history"]):
        return Target(f"/{{type}}/{rest[0]}", type_name)
    if len(rest) == 1 and rest[0].startswith("$"):
        return Target(f"/{{type}}/{rest[0]}", type_name)
    return _below_id(type_name, rest)


def _below_id(type_name: str, rest: Sequence[str]) -> Target:
    match rest:
        case [resource_id] if not resource_id.startswith(("_", "$")):
            return Target("/{type}/{id}", type_name, _checked(resource_id))
        case [resource_id, "_history"]:
            return Target("/{type}/{id}/_history", type_name, _checked(resource_id))
        case [resource_id, operation] if operation.startswith("$"):
            return Target(f"/{{type}}/{{id}}/{operation}", type_name, _checked(resource_id))
        case [resource_id, member, *search] if _is_member(member) and search in ([], ["_search"]):
            template = "/".join(["/{type}/{id}/{member}", *search])
            return Target(template, type_name, _checked(resource_id), member=member)
        case [resource_id, "_history", version_id]:
            return Target("/{type}/{id}/_history/{vid}", type_name, _checked(resource_id), version_id)
    raise NotFound(f"There is no such operation or compartment on {type_name}")


def _is_member(name: str) -> bool:
    """A type in a compartment, or all of them."""
    return name in NUMBERS or name == "*"


def _checked(resource_id: str) -> str:
    if not _ID.match(resource_id):
        raise Invalid("An id is 1 to 64 letters, digits, '-' and '.'")
    return resource_id


def _decoded(segment: str) -> str:
    try:
        return unquote_to_bytes(segment).decode()
    except UnicodeDecodeError as error:
        raise Invalid("The URL is not UTF-8") from error
