"""Parameters of type string. https://hl7.org/fhir/R4/search.html#string"""

import re
import unicodedata
from collections.abc import Callable, Iterator

from tests.oracle.escapes import unescape
from tests.oracle.extraction import Element

PARTS = {
    "HumanName": ("family", "given", "prefix", "suffix", "text"),
    "Address": ("line", "city", "district", "state", "country", "postalCode", "text"),
    "ContactPoint": ("value",),
}


def folded(text: str) -> str:
    """Without case, accents and superfluous space; punctuation stays."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.category(c).startswith("M"))
    return " ".join(unicodedata.normalize("NFKD", plain.casefold()).split())


def texts(element: Element) -> Iterator[str]:
    """Each string that a value consists of."""
    if isinstance(element.value, str):
        yield element.value
        return
    for name in PARTS[element.type]:
        part = element.value.get(name)
        yield from [part] if isinstance(part, str) else [each for each in part or () if each is not None]


def words(text: str) -> set[str]:
    return {word for word in re.split(r"[^\w]|_", folded(text)) if word}


def string_test(modifier: str | None, value: str) -> Callable[[Element], bool]:
    sought = unescape(value)
    if modifier == "exact":
        return lambda element: sought in texts(element)
    key = folded(sought)
    if modifier == "contains":
        return lambda element: any(key in folded(text) for text in texts(element))
    if modifier is None:
        return lambda element: any(folded(text).startswith(key) for text in texts(element))
    raise ValueError(f"a string has no modifier {modifier}")
