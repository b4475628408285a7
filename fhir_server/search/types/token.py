"""Token parameters: codes, identifiers, booleans. https://hl7.org/fhir/R4/search.html#token."""

from collections.abc import Iterator
from typing import Any

from fhir_server.errors import Invalid, Issue, NotSupported
from fhir_server.search.extract import Typed
from fhir_server.search.text import split_escaped, unescape


def index_keys(typed: Typed) -> Iterator[str]:
    """Keys for `system|code`, for `code` in any system, and for `system|`."""
    for system, code in _tokens(typed):
        if code:
            yield whole(system, code)
            yield in_any_system(code)
        if system:
            yield of_system(system)


def whole(system: str, code: str) -> str:
    """U+0000 is in no value the parser lets in: two different tokens never have one key."""
    return f"{system}\0{code}"


def in_any_system(code: str) -> str:
    return f"\0\0{code}"


def of_system(system: str) -> str:
    return f"{system}\0\0"


def is_identity(key: str) -> bool:
    """Whether the key names a token, not all tokens of a system."""
    return not key.endswith("\0\0")


def query_key(text: str, modifier: str) -> str:
    """`code`, `system|code`, `|code` (no system) or `system|`; raises `NotSupported` for every modifier."""
    if modifier:
        raise NotSupported(f"The modifier ':{modifier}' of token parameters is not supported yet")
    parts = split_escaped(text, "|")
    if len(parts) > 2 or not any(parts):  # noqa: PLR2004 - system and code
        message = f"'{text[:60]}' is not a token: code, system|code, |code or system|"
        raise Invalid(message, [Issue("invalid", message)])
    if len(parts) == 1:
        return in_any_system(unescape(parts[0]))
    system, code = (unescape(part) for part in parts)
    return whole(system, code) if code else of_system(system)


def _tokens(typed: Typed) -> Iterator[tuple[str, str]]:
    value = typed.value
    match typed.type_name:
        case "Coding":
            yield _text(value, "system"), _text(value, "code")
        case "CodeableConcept":
            for coding in value.get("coding", ()):
                yield _text(coding, "system"), _text(coding, "code")
        case "Identifier":
            yield _text(value, "system"), _text(value, "value")
        case "ContactPoint":
            yield "", _text(value, "value")
        case _:
            if isinstance(value, bool):
                yield "", "true" if value else "false"
            elif isinstance(value, str):
                yield "", value


def _text(value: dict[str, Any], name: str) -> str:
    text = value.get(name)
    return text if isinstance(text, str) else ""
