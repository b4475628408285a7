"""Parameters of type token. https://hl7.org/fhir/R4/search.html#token"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.oracle.escapes import split, unescape
from tests.oracle.extraction import Element
from tests.oracle.strings import folded

PRIMITIVES = {"boolean", "code", "string", "uri", "id", "String", "canonical", "url", "markdown"}


@dataclass(frozen=True, slots=True)
class Token:
    """`has_system` is False where there could not be one: such a value matches neither `system|code` nor `|code`."""

    system: str | None
    code: str | None
    has_system: bool = True


def tokens(element: Element) -> Iterator[Token]:
    """None of what is no token: a Group's characteristic may be a reference or a quantity."""
    value = element.value
    if element.type == "CodeableConcept":
        yield from (_coding(coding) for coding in value.get("coding", ()))
    elif element.type == "Coding":
        yield _coding(value)
    elif element.type == "Identifier":
        yield Token(value.get("system"), value.get("value"))
    elif element.type == "ContactPoint":
        yield Token(None, value.get("value"), has_system=False)
    elif element.type in PRIMITIVES:
        yield Token(None, str(value).lower() if isinstance(value, bool) else value)


def _coding(coding: dict[str, Any]) -> Token:
    return Token(coding.get("system"), coding.get("code"))


def token_test(modifier: str | None, value: str) -> Callable[[Element], bool]:
    """`:not` is the caller's: it is about all values of a resource."""
    if modifier == "text":
        key = folded(unescape(value))
        return lambda element: any(folded(text).startswith(key) for text in labels(element))
    if modifier == "of-type":
        return _of_type_test(value)
    if modifier in (None, "not"):
        form = token_form(value)
        return lambda element: any(form(token) for token in tokens(element))
    raise ValueError(f"a token has no modifier {modifier}")


def token_form(value: str) -> Callable[[Token], bool]:
    """`code`, `system|code`, `|code` or `system|`."""
    system, *rest = (unescape(part) for part in split(value, "|"))
    if not rest:
        return lambda token: token.code == system
    [code] = rest
    if not code:
        return lambda token: token.system == system
    if not system:
        return lambda token: token.has_system and token.system is None and token.code == code
    return lambda token: (token.system, token.code) == (system, code)


def _of_type_test(value: str) -> Callable[[Element], bool]:
    """`system|code|value` over Identifier.type and Identifier.value."""
    system, code, text = (unescape(part) for part in split(value, "|"))

    def test(element: Element) -> bool:
        kinds = element.value.get("type", {}).get("coding", ())
        return element.value.get("value") == text and Token(system, code) in map(_coding, kinds)

    return test


def labels(element: Element) -> Iterator[str]:
    """What `:text` looks at: CodeableConcept.text, Coding.display, Identifier.type.text and its displays."""
    concept = element.value
    if element.type == "Identifier":
        concept = element.value.get("type", {})
    if element.type == "Coding":
        concept = {"coding": [element.value]}
    if not isinstance(concept, dict):
        return
    codings = concept.get("coding", ())
    yield from (text for text in (concept.get("text"), *(one.get("display") for one in codings)) if text is not None)
