"""The one place where XML of a partner is parsed. Nothing it says is fetched, expanded, included or obeyed.

https://owasp.org/www-community/vulnerabilities/XML_External_Entity_(XXE)_Processing. Limits are checked while the bytes
are parsed, before a tree of them is built: an answer takes time and memory of the limits, not of the message.
"""

import codecs
import re
from typing import Any, Final, cast

from lxml import etree

from mappers.script.faults import ScriptFault

BYTES_MAX: Final = 4 * 1024 * 1024
"""Longest message (bytes); real ones have some ten thousand."""
DEPTH_MAX: Final = 64
"""Elements within elements (levels); SCRIPT has about fifteen."""
ELEMENTS_MAX: Final = 20_000
"""Elements of a message."""
ATTRIBUTES_MAX: Final = 64
"""Attributes of one element, declarations of namespaces included."""
TEXT_MAX: Final = 1024 * 1024
"""Longest text between two tags (characters); a document that is attached is the longest there is."""
CHUNK_BYTES: Final = 16 * 1024
"""Bytes parsed between two looks at the limits; a tag that is longer is refused."""

ENCODINGS: Final = frozenset({"utf-8", "utf-16", "utf-16le", "utf-16be", "iso-8859-1", "us-ascii", "ascii"})
WRAPPER: Final = "string"
"""Web services wrap a message as the escaped text of this element."""

_DECLARATION = re.compile(r"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_TAG_BYTES_MAX: Final = 2 * CHUNK_BYTES


def parse_xml(raw: bytes) -> etree._Element:
    """The root, with neither comments nor processing instructions; raises ScriptFault.

    A root `string` that has no elements is opened: the message is escaped inside, as WENO's gateway sends it.
    """
    root = _parsed(raw)
    if etree.QName(root).localname == WRAPPER and not len(root):
        return _parsed((root.text or "").strip().encode())
    return root


def _parsed(raw: bytes) -> etree._Element:
    if len(raw) > BYTES_MAX:
        raise ScriptFault(f"The message is longer than {BYTES_MAX} bytes")
    if not raw.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
        raise ScriptFault("The message is empty")
    _refuse_other_syntax(raw)
    target = _Limits()
    parser = etree.XMLParser(
        target=cast("Any", target),
        encoding=_encoding(raw),
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
    )
    try:
        for start in range(0, len(raw), CHUNK_BYTES):
            parser.feed(raw[start : start + CHUNK_BYTES])
            target.look(start)
        root = parser.close()
    except etree.XMLSyntaxError as error:  # also where the target raises: lxml drops what it raised
        line = parser.error_log[-1].line if len(parser.error_log) else 1
        raise target.fault or ScriptFault(f"The message is not well-formed XML, at line {line}") from error
    if not isinstance(root, etree._Element):
        raise ScriptFault("The message is not well-formed XML")
    return root


def _refuse_other_syntax(raw: bytes) -> None:
    """EDIFACT was the syntax up to 10.6; it is told apart from what is not well-formed."""
    if raw.lstrip()[:4] in (b"UNA:", b"UNB+", b"UIB+") or raw.lstrip()[:3] == b"UNA":
        raise ScriptFault("The message is SCRIPT in EDIFACT syntax, which is not supported; send XML")


def _encoding(raw: bytes) -> str:
    """The encoding that is declared or marked; raises ScriptFault for any but the four that are allowed."""
    marked = _marked(raw)
    head = raw[:512].decode(marked or "latin-1", errors="replace").lstrip("\ufeff")
    found = _DECLARATION.match(head)
    if not found:
        return marked or "utf-8"
    declared = found[1].lower()
    if declared not in ENCODINGS:
        raise ScriptFault("The encoding is none of UTF-8, UTF-16, ISO-8859-1 and US-ASCII")
    if bool(marked and marked.startswith("utf-16")) != declared.startswith("utf-16"):
        raise ScriptFault("The encoding is not the one that is declared")
    return marked or declared


def _marked(raw: bytes) -> str | None:
    marks = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16le"), (codecs.BOM_UTF16_BE, "utf-16be"))
    first = (("<\0".encode("latin-1"), "utf-16le"), ("\0<".encode("latin-1"), "utf-16be"))
    return next((name for mark, name in marks + first if raw.startswith(mark)), None)


class _Limits:
    """Builds the tree of what the parser meets, as long as it is within the limits."""

    def __init__(self) -> None:
        self.fault: ScriptFault | None = None
        self._builder = etree.TreeBuilder()
        self._depth = 0
        self._elements = 0
        self._text = 0
        self._met = 0
        self._met_before = 0
        self._bytes_at = 0

    def look(self, start: int) -> None:
        """Between two chunks: bytes that end no tag and begin no text are one tag, and too long for one."""
        if self._met != self._met_before:
            self._met_before, self._bytes_at = self._met, start
        elif start - self._bytes_at > _TAG_BYTES_MAX and not self._text:
            raise ScriptFault(f"A tag is longer than {_TAG_BYTES_MAX} bytes")

    def _refusal(self, text: str) -> ScriptFault:
        self.fault = ScriptFault(text)
        return self.fault

    def start(self, tag: str, attributes: dict[str | bytes, str | bytes]) -> None:
        self._depth += 1
        self._elements += 1
        self._met += 1
        self._text = 0
        if self._depth > DEPTH_MAX:
            raise self._refusal(f"Elements are nested deeper than {DEPTH_MAX} levels")
        if self._elements > ELEMENTS_MAX:
            raise self._refusal(f"The message has more than {ELEMENTS_MAX} elements")
        if len(attributes) > ATTRIBUTES_MAX:
            raise self._refusal(f"An element has more than {ATTRIBUTES_MAX} attributes")
        self._builder.start(tag, attributes)

    def end(self, tag: str) -> None:
        self._depth -= 1
        self._met += 1
        self._text = 0
        self._builder.end(tag)

    def data(self, text: str) -> None:
        self._text += len(text)
        self._met += 1
        if self._text > TEXT_MAX:
            raise self._refusal(f"A text is longer than {TEXT_MAX} characters")
        self._builder.data(text)

    def doctype(self, *_: str | None) -> None:
        raise self._refusal("The message has a DOCTYPE, which is not allowed")

    def pi(self, *_: str | None) -> None:
        """Not obeyed, and not kept."""
        self._met += 1

    def comment(self, _: str) -> None:
        self._met += 1

    def close(self) -> etree._Element:
        return self._builder.close()
