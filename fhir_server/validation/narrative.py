"""Narrative: the XHTML a resource may carry, refused when it could do more than be read.

txt-1, txt-2 of https://hl7.org/fhir/R4/narrative.html. The parser never sees a DTD, an external entity or a
processing instruction; what a browser would read in another way than an XML parser (CDATA, comments that HTML
closes early) is refused too, because people look at narrative in browsers.
"""

import re
from html.entities import name2codepoint
from typing import Any, Final
from xml.parsers import expat

from fhir_server.validation.findings import Findings, State, excerpt, json_type

XHTML: Final = "http://www.w3.org/1999/xhtml"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ELEMENTS: Final = _words(
    """
    a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr
    i img li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var
    """
)
ATTRIBUTES: Final = _words(
    """
    abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff
    charset cite class colspan compact coords dir frame headers height href hreflang hspace id lang longdesc
    name nowrap rel rev rowspan rules scope shape span src start style summary tabindex title type valign
    value vspace width xml:lang xml:space
    """
)
LINKS: Final = frozenset({"href", "src", "cite", "longdesc"})

_NAMED_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,7});")
_XML_ENTITIES: Final = frozenset({"amp", "lt", "gt", "quot", "apos"})
_IGNORED_IN_LINKS = dict.fromkeys((*range(0x21), *range(0x7F, 0xA1)))
_ACTIVE_STYLE = re.compile(r"javascript:|vbscript:|expression\(|@import|behavior:|-moz-binding|url\(|\\|/\*")


class _RefusedError(Exception):
    """txt-1 or txt-2 is broken."""


def check_narrative(value: Any, _parent: dict[str, Any], state: State) -> Findings | None:
    if type(value) is not str:
        return state.report("structure", f"xhtml: a string is expected, found {json_type(value)}")
    if not value:
        return state.report("invariant", "ele-1: a xhtml is never empty")
    try:
        _Narrative().read(value)
    except _RefusedError as refusal:
        return state.report("invariant", str(refusal))
    except (expat.ExpatError, UnicodeEncodeError) as error:
        return state.report("invariant", f"txt-1: the narrative is not well-formed XHTML ({error})")
    return None


def _spelled_out(entity: re.Match[str]) -> str:
    """HTML's named entities, which XML does not know without a DTD; the parser refuses unknown ones."""
    name = entity[1]
    if name in _XML_ENTITIES or name not in name2codepoint:
        return entity[0]
    return chr(name2codepoint[name])


class _Narrative:
    """One pass of expat; the handlers raise on what txt-1 does not list."""

    __slots__ = ("_depth", "_has_content", "_parser")

    def __init__(self) -> None:
        self._depth = 0
        self._has_content = False
        self._parser = parser = expat.ParserCreate("utf-8")
        parser.ordered_attributes = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.CommentHandler = self._comment
        parser.StartDoctypeDeclHandler = self._refuse("a DOCTYPE")
        parser.ProcessingInstructionHandler = self._refuse("a processing instruction")
        parser.StartCdataSectionHandler = self._refuse("a CDATA section")

    def read(self, text: str) -> None:
        if not text.startswith("<"):
            raise _RefusedError("txt-1: the narrative does not start with <div>")
        if "&" in text:
            text = _NAMED_ENTITY.sub(_spelled_out, text)
        self._parser.Parse(text, True)
        if not self._has_content:
            raise _RefusedError("txt-2: the narrative has no text and no image")

    def _start(self, name: str, attributes: list[str]) -> None:
        if self._depth == 0 and (name != "div" or not _is_xhtml(attributes)):
            raise _RefusedError(f'txt-1: the narrative is a <div xmlns="{XHTML}">')
        if name not in ELEMENTS:
            raise _RefusedError(f"txt-1: the element {excerpt(name)} is not allowed in a narrative")
        self._depth += 1
        if attributes:
            for i in range(0, len(attributes), 2):
                _check_attribute(attributes[i], attributes[i + 1])
            if name == "img" and "src" in attributes[::2]:
                self._has_content = True

    def _end(self, _name: str) -> None:
        self._depth -= 1

    def _text(self, text: str) -> None:
        if not self._has_content and text.strip(" \t\r\n"):
            self._has_content = True

    def _comment(self, text: str) -> None:
        if text.startswith((">", "->")):
            raise _RefusedError("txt-1: a comment that HTML ends early")

    def _refuse(self, what: str) -> Any:
        def handler(*_details: Any) -> None:
            raise _RefusedError(f"txt-1: {what} is not allowed in a narrative")

        return handler


def _is_xhtml(attributes: list[str]) -> bool:
    return ("xmlns", XHTML) in zip(attributes[::2], attributes[1::2], strict=True)


def _check_attribute(name: str, value: str) -> None:
    if name == "xmlns" and value == XHTML:
        return
    if name not in ATTRIBUTES:
        raise _RefusedError(f"txt-1: the attribute {excerpt(name)} is not allowed in a narrative")
    if name in LINKS and not _is_safe_link(name, value):
        raise _RefusedError(f"txt-1: the link {excerpt(value)} could run code")
    if name == "style" and _ACTIVE_STYLE.search(value.lower()):
        raise _RefusedError(f"txt-1: the style {excerpt(value)} could load or run code")


def _is_safe_link(name: str, value: str) -> bool:
    """No script, and data only as an image; browsers skip white space and control characters in a scheme."""
    link = value.translate(_IGNORED_IN_LINKS).lower()
    if link.startswith("data:"):
        return name == "src" and link.startswith("data:image/")
    return not link.startswith(("javascript:", "vbscript:"))
