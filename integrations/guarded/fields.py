"""Header fields that others choose. https://www.rfc-editor.org/rfc/rfc9110#section-5."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from integrations.guarded.refusal import Refused

Field = tuple[str, str]

FIELDS_MAX: Final = 32
FIELD_BYTES_MAX: Final = 4096
"""A name and its value together (bytes)."""

NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE: Final = re.compile(r"([!-~]([ -~\t]*[!-~])?)?")

OURS: Final = frozenset({
    "host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect",
})  # fmt: skip
"""They say to whom the request goes and where it ends, or are between us and the next hop."""

PROXY: Final = "proxy-"


def checked(fields: Sequence[Field], ours: Iterable[str] = ()) -> Sequence[Field]:
    """The same fields; `Refused` where one ends its line, is none, or is `ours` (names in lower case) to set."""
    if len(fields) > FIELDS_MAX:
        raise Refused("there are too many headers")
    reserved = OURS.union(ours)
    for number, (name, value) in enumerate(fields, 1):
        if not NAME.fullmatch(name) or not VALUE.fullmatch(value) or len(name) + len(value) > FIELD_BYTES_MAX:
            raise Refused(f"header {number} is malformed or too long")
        if name.lower() in reserved or name.lower().startswith(PROXY):
            raise Refused(f"header {number} is one that only Galenic sets")
    return fields
