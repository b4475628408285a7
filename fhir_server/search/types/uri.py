"""Uri parameters: the exact URI. https://hl7.org/fhir/R4/search.html#uri."""

from collections.abc import Iterator

from fhir_server.errors import NotSupported
from fhir_server.search.extract import Typed
from fhir_server.search.text import unescape


def index_keys(typed: Typed) -> Iterator[str]:
    if isinstance(typed.value, str):
        yield typed.value


def query_key(text: str, modifier: str) -> str:
    if modifier:
        raise NotSupported(f"The modifier ':{modifier}' of uri parameters is not supported yet")
    return unescape(text)
