"""Token parameters: codes, identifiers, booleans. https://hl7.org/fhir/R4/search.html#token."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from fhir_server.errors import Invalid, Issue, NotSupported
from fhir_server.search.asked import Asked
from fhir_server.search.boolean import Not
from fhir_server.search.entries import Entries
from fhir_server.search.fetching import Typed
from fhir_server.search.has_key import HasKey
from fhir_server.search.predicate import Predicate
from fhir_server.search.text import split_escaped, unescape
from fhir_server.search.types import string

NEEDS_TERMINOLOGY = frozenset({"above", "below", "in", "not-in"})


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


def index(typed: Typed, name: str, entries: Entries) -> None:
    """Keys for `system|code`, for `code` in any system, and for `system|`; texts; types of identifiers."""
    for key in keys_of_value(typed):
        entries.keys.add((name, key))
    for text in string.texts_of(typed):
        string.add_folded(text, f"{name}:text", entries)
    if typed.type_name == "Identifier" and isinstance(typed.value.get("type"), dict):
        for system, code in tokens_of(Typed("CodeableConcept", typed.value["type"])):
            entries.keys.add((f"{name}:of-type", f"{whole(system, code)}\0{_text(typed.value, 'value')}"))


def keys_of_value(typed: Typed) -> Iterator[str]:
    """A ContactPoint is asked for by its value alone: its system is no namespace."""
    for system, code in tokens_of(typed):
        yield from (in_any_system(code),) if typed.type_name == "ContactPoint" else keys_of(system, code)


def keys_of(system: str, code: str) -> Iterator[str]:
    if code:
        yield whole(system, code)
        yield in_any_system(code)
    if system:
        yield of_system(system)


def predicate(asked: Asked) -> Predicate:
    """`code`, `system|code`, `|code` (no system) or `system|`; raises `Invalid` and `NotSupported`."""
    match asked.modifier:
        case "":
            return HasKey(asked.name, query_keys(asked))
        case "not":
            return Not(HasKey(asked.name, query_keys(asked)))
        case "text":
            return string.predicate(replace(asked, name=f"{asked.name}:text", modifier=""))
        case "of-type":
            return HasKey(f"{asked.name}:of-type", _sorted(_typed_key(asked, value) for value in asked.values))
    if asked.modifier in NEEDS_TERMINOLOGY:
        raise unsupported(asked, f"The modifier ':{asked.modifier}' of token parameters is not supported yet")
    raise unsupported(asked, f"Token parameters have no modifier ':{asked.modifier[:60]}'")


def unsupported(asked: Asked, message: str) -> NotSupported:
    return NotSupported(message, [Issue("not-supported", message, asked.code)])


def query_keys(asked: Asked) -> tuple[str, ...]:
    return _sorted(_query_key(asked, value) for value in asked.values)


def _sorted(keys: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted(set(keys)))


def _query_key(asked: Asked, text: str) -> str:
    parts = split_escaped(text, "|")
    if len(parts) > 2 or not any(parts):  # noqa: PLR2004 - system and code
        raise _malformed(asked, f"'{text[:60]}' is not a token: code, system|code, |code or system|")
    if len(parts) == 1:
        return in_any_system(unescape(parts[0]))
    system, code = (unescape(part) for part in parts)
    return whole(system, code) if code else of_system(system)


def _typed_key(asked: Asked, text: str) -> str:
    parts = [unescape(part) for part in split_escaped(text, "|")]
    if len(parts) != 3 or not all(parts):  # noqa: PLR2004 - system, code and value
        raise _malformed(asked, f"'{text[:60]}' is not system|code|value")
    system, code, value = parts
    return f"{whole(system, code)}\0{value}"


def _malformed(asked: Asked, problem: str) -> Invalid:
    message = f"{asked.code}: {problem}"
    return Invalid(message, [Issue("invalid", message, asked.code)])


def tokens_of(typed: Typed) -> Iterator[tuple[str, str]]:
    """(system, code) of a value, "" where it has none."""
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


def orders(typed: Typed, _: str) -> Sequence[str]:
    """What `_sort` compares: codes and values without their systems."""
    return [code for _, code in tokens_of(typed) if code]


def _text(value: dict[str, Any], name: str) -> str:
    text = value.get(name)
    return text if isinstance(text, str) else ""
