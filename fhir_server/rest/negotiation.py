"""Which format goes out, which comes in: JSON, and clear refusals of the rest.

https://hl7.org/fhir/R4/http.html#mime-type
"""

from collections.abc import Sequence
from typing import Final

from fhir_server.errors import NotAcceptable, UnsupportedMedia
from fhir_server.rest.message import FHIR_JSON

PLAIN_JSON: Final = "application/json"
JSON_TYPES: Final = frozenset({FHIR_JSON, PLAIN_JSON, "text/json", "application/json+fhir"})
_WILD: Final = frozenset({"*/*", "application/*", "*"})
_FORMATS: Final = {"json": FHIR_JSON, **dict.fromkeys(JSON_TYPES, FHIR_JSON)}
R4: Final = ("4.0", "4.0.1")

MediaType = tuple[str, dict[str, str]]


def response_type(accept: str | None, format_parameter: str | None) -> str:
    """The media type of the answer; `_format` goes before `Accept`. Raises `NotAcceptable`."""
    if format_parameter is not None:
        wanted = parse_media_type(format_parameter.replace(" ", "+"))  # a "+" in a URL arrives as a blank
        if wanted[0] in _FORMATS and _is_r4(wanted):
            return FHIR_JSON
        raise _refusal(format_parameter)
    if accept is None or not accept.strip():
        return FHIR_JSON
    for name, parameters in _by_quality([parse_media_type(part) for part in accept.split(",")]):
        if name in JSON_TYPES and _is_r4((name, parameters)):
            return PLAIN_JSON if name == PLAIN_JSON else FHIR_JSON
        if name in _WILD:
            return FHIR_JSON
    raise _refusal(accept)


def body_type(content_type: str | None, accepted: frozenset[str]) -> str:
    """The media type of the body; one without Content-Type is taken for JSON. Raises `UnsupportedMedia`."""
    if content_type is None:
        return FHIR_JSON
    name, parameters = parse_media_type(content_type)
    if parameters.get("charset", "utf-8") not in ("utf-8", "utf8"):
        raise UnsupportedMedia(f"The charset '{parameters['charset'][:40]}' is not supported; send UTF-8")
    if name not in accepted or not _is_r4((name, parameters)):
        raise UnsupportedMedia(f"'{name[:60]}' is not supported here; send {' or '.join(sorted(accepted))}")
    return name


def parse_media_type(text: str) -> MediaType:
    name, *rest = text.split(";")
    pairs = (part.partition("=") for part in rest)
    return name.strip().lower(), {key.strip().lower(): value.strip().strip('"').lower() for key, _, value in pairs}


def _is_r4(media_type: MediaType) -> bool:
    return media_type[1].get("fhirversion", "4.0") in R4


def _by_quality(types: Sequence[MediaType]) -> list[MediaType]:
    weighed = [(_quality(media_type), media_type) for media_type in types]
    return [media_type for quality, media_type in sorted(weighed, key=lambda pair: -pair[0]) if quality > 0]


def _quality(media_type: MediaType) -> float:
    try:
        return float(media_type[1].get("q", "1"))
    except ValueError:
        return 0.0


def _refusal(wanted: str) -> NotAcceptable:
    return NotAcceptable(f"'{wanted[:60]}' cannot be served; this server speaks {FHIR_JSON} of R4")
