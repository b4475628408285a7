r"""Separators and what escapes them: `\,`, `\|`, `\$` and `\\`. https://hl7.org/fhir/R4/search.html#escaping"""

import re

ESCAPED = re.compile(r"\\([\\,|$])")


def split(text: str, separator: str) -> list[str]:
    """At each separator that is not escaped; the parts keep their escapes."""
    parts, start, position = [], 0, 0
    while position < len(text):
        if text[position] == "\\":
            position += 2
            continue
        if text[position] == separator:
            parts.append(text[start:position])
            start = position + 1
        position += 1
    return [*parts, text[start:]]


def unescape(text: str) -> str:
    return ESCAPED.sub(r"\1", text)


def escape(text: str) -> str:
    return re.sub(r"([\\,|$])", r"\\\1", text)
