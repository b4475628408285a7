"""Parameters of type reference. https://hl7.org/fhir/R4/search.html#reference"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.oracle.definitions import Parameter
from tests.oracle.escapes import unescape
from tests.oracle.extraction import Element
from tests.oracle.tokens import Token, token_form

Key = tuple[str, str]
"""Type and id of a resource on this server."""

VERSION = re.compile(r"/_history/[A-Za-z0-9.-]{1,64}$")
RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})$")
ID = re.compile(r"[A-Za-z0-9.-]{1,64}$")


@dataclass(frozen=True, slots=True)
class Base:
    """The server's own address: what begins with it is local."""

    url: str

    def plain(self, text: str) -> str:
        """Without version, relative if local."""
        return VERSION.sub("", text).removeprefix(self.url + "/")

    def key(self, text: str) -> Key | None:
        """The local resource that a reference is to."""
        found = RELATIVE.match(self.plain(text))
        return (found[1], found[2]) if found else None


def reference_text(element: Element) -> str | None:
    """The literal reference; a canonical is a text of its own."""
    found = element.value if isinstance(element.value, str) else element.value.get("reference")
    return found if isinstance(found, str) else None


def reference_test(parameter: Parameter, modifier: str | None, value: str, base: Base) -> Callable[[Element], bool]:
    if modifier == "identifier":
        form = token_form(value)
        return lambda element: any(form(token) for token in _identifiers(element))
    sought = unescape(value)
    if modifier is not None:
        return _key_test({(modifier, sought.removeprefix(f"{modifier}/"))}, base)
    if ID.match(sought):
        return _key_test({(target, sought) for target in parameter.targets}, base)
    return lambda element: _is_at(element, sought, base)


def _key_test(keys: set[Key], base: Base) -> Callable[[Element], bool]:
    return lambda element: base.key(reference_text(element) or "") in keys


def _is_at(element: Element, sought: str, base: Base) -> bool:
    text = reference_text(element)
    if text is None or text.startswith("#"):
        return False
    if isinstance(element.value, str):
        return text == sought or ("|" not in sought and text.partition("|")[0] == sought)
    return base.plain(text) == base.plain(sought)


def _identifiers(element: Element) -> list[Token]:
    identifier = element.value.get("identifier") if isinstance(element.value, dict) else None
    return [Token(identifier.get("system"), identifier.get("value"))] if identifier else []
