"""Reference parameters: id, Type/id, absolute URL. https://hl7.org/fhir/R4/search.html#reference."""

import re
from collections.abc import Iterator

from fhir_server.errors import NotSupported
from fhir_server.model.resource_types import NUMBERS
from fhir_server.search.extract import Typed
from fhir_server.search.text import unescape

HISTORY = "/_history/"
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def local_reference(reference: str, base_url: str) -> str | None:
    """`Type/id` of a reference to this server, without its version; None for any other."""
    text = reference.removeprefix(base_url + "/").partition(HISTORY)[0]
    type_name, separator, resource_id = text.partition("/")
    return text if separator and type_name in NUMBERS and _ID.fullmatch(resource_id) else None


def index_keys(typed: Typed, base_url: str) -> Iterator[str]:
    """Keys for the whole reference and, where it is local, for the bare id."""
    value = typed.value
    text = value.get("reference") if isinstance(value, dict) else value
    if not isinstance(text, str) or text.startswith("#"):
        return
    local = local_reference(text, base_url)
    if local is None:
        yield text
    else:
        yield local
        yield local.partition("/")[2]


def query_key(text: str, modifier: str, base_url: str) -> str:
    """The key for `123`, `Patient/123`, an absolute URL, or `123` with the modifier `:Patient`."""
    text = unescape(text)
    if modifier in NUMBERS:
        text = text if "/" in text else f"{modifier}/{text}"
    elif modifier:
        raise NotSupported(f"The modifier ':{modifier}' of reference parameters is not supported yet")
    return local_reference(text, base_url) or text
