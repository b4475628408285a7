"""The headers the FHIR API reads and writes. https://hl7.org/fhir/R4/http.html#versioning."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final, get_args

from fhir_server.errors import Invalid
from fhir_server.rest.message import Handling, Preferences, Return
from fhir_server.storage.intents import Precondition
from fhir_server.storage.version import Version

RETURNS: Final = get_args(Return)
HANDLINGS: Final = get_args(Handling)

_ETAG = re.compile(r'(?:W/)?"([^"]{0,64})"\Z')
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")


def etag(version: Version) -> str:
    return f'W/"{version.version}"'


def version_headers(version: Version) -> dict[str, str]:
    last_modified = format_datetime(version.last_updated.astimezone(UTC), usegmt=True)
    return {"ETag": etag(version), "Last-Modified": last_modified}


def parse_precondition(headers: Mapping[str, str]) -> Precondition:
    """If-Match with tags or `*`; of If-None-Match only `*` says something about a write (RFC 9110)."""
    if_match = headers.get("if-match")
    if if_match is None:
        return Precondition(present=False if headers.get("if-none-match", "").strip() == "*" else None)
    if if_match.strip() == "*":
        return Precondition(present=True)
    tags = (tag for tag in _tags("If-Match", if_match) if tag.isascii() and tag.isdecimal())
    return Precondition(versions=frozenset(map(int, tags)))


def not_modified(version: Version, if_none_match: str | None, if_modified_since: str | None) -> bool:
    """Whether the client has this version already; If-None-Match goes before If-Modified-Since (RFC 9110)."""
    if if_none_match is not None:
        return if_none_match.strip() == "*" or str(version.version) in _tags("If-None-Match", if_none_match)
    if if_modified_since is None:
        return False
    since = _end_of(if_modified_since)
    return since is not None and version.last_updated <= since


def _tags(name: str, header: str) -> list[str]:
    matches = [_ETAG.match(part.strip()) for part in header.split(",")]
    if not all(matches):
        raise Invalid(f'{name} takes entity tags such as W/"3"')
    return [match.group(1) for match in matches if match]


def _end_of(text: str) -> datetime | None:
    """The end of the second an HTTP date names, or the instant a Bundle's entry has in its place.

    What is neither is ignored, as RFC 9110 asks.
    """
    with suppress(ValueError, OverflowError):
        moment = parsedate_to_datetime(text).replace(microsecond=999_999)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else None
    return None


def parse_preferences(header: str | None) -> Preferences:
    """`return=…` and `handling=…`; other preferences are not ours and are ignored."""
    if header is None:
        return Preferences()
    pairs = (part.strip().partition("=") for part in re.split(r"[,;]", header))
    wishes = {name: value.strip('"') for name, _, value in pairs}
    return Preferences(
        returning=next((known for known in RETURNS if known == wishes.get("return")), None),
        handling=next((known for known in HANDLINGS if known == wishes.get("handling")), None),
    )


def usable_request_id(text: str | None) -> str | None:
    """The client's X-Request-Id where it is one we can repeat in a header and a log line."""
    return text if text and _REQUEST_ID.match(text) else None
