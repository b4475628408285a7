"""_text and _content. https://hl7.org/fhir/R4/search.html#content

Every word of the query is a word of the text; nothing is stemmed or ranked.
"""

import html
import re
from collections.abc import Callable
from typing import Any

from fhirpathpy import compile as compile_path
from fhirpathpy.models import models

from tests.oracle.escapes import unescape
from tests.oracle.extraction import Resource
from tests.oracle.strings import words

TEXT_TYPES = {"string", "markdown"}
TAG = re.compile(r"<[^>]*>")
DESCENDANTS: Any = compile_path("descendants()", models["r4"], {"returnRawData": True})


def narrative(resource: Resource) -> str:
    return html.unescape(TAG.sub(" ", resource.get("text", {}).get("div", "")))


def content(resource: Resource) -> str:
    """Every text value; no ids, urls, dates, numbers and codes. A Reference's address is none either."""
    texts = [node for node in DESCENDANTS(resource) if node.path in TEXT_TYPES and isinstance(node.data, str)]
    read = [node.data for node in texts if not str(node.propName).endswith(".reference")]
    return " ".join([narrative(resource), *read])


def words_test(name: str, value: str) -> Callable[[Resource], bool]:
    """`name` is _text or _content."""
    sought, read = words(unescape(value)), narrative if name == "_text" else content
    return lambda resource: bool(sought) and sought <= words(read(resource))
