"""Which bytes are which characters: MSH-18. https://terminology.hl7.org/CodeSystem-v2-0211.html."""

import codecs
from collections.abc import Sequence
from typing import Final

CODECS: Final = {
    "": "utf-8",  # ASCII is meant; UTF-8 reads it too, and nothing else that is sent unlabelled passes for UTF-8
    "ASCII": "utf-8",
    "ISO IR6": "utf-8",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",  # in no version of the table, and often sent
    **{f"8859/{part}": f"iso8859-{part}" for part in (*range(1, 10), 15)},
    "ISO IR14": "iso2022_jp_ext",
    "ISO IR87": "iso2022_jp_ext",
    "ISO IR159": "iso2022_jp_ext",
    "JAS2020": "iso2022_jp_ext",
    "JIS X 0202": "iso2022_jp_ext",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "BIG-5": "big5",
}
"""UTF-16 and UTF-32 are known by their byte order mark alone: without it their MSH cannot be found."""

MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def marked(raw: bytes) -> str:
    """The codec that a byte order mark names, or ""."""
    return next((codec for mark, codec in MARKS if raw.startswith(mark)), "")


def codec_of(names: Sequence[str]) -> str | None:
    """The codec of MSH-18's repetitions: the last one that is named holds the others (`~ISO IR87`).

    The first is the default of the message; others are switched to by escapes of ISO 2022, which the codecs of those
    sets follow by themselves. None where a name is not of the table.
    """
    named = [CODECS.get(name.strip().upper()) for name in names]
    return None if None in named else named[-1]
