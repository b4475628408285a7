"""National Drug Codes of ten digits as eleven, which is what prescriptions and claims are written with.

https://www.fda.gov/drugs/drug-approvals-and-databases/national-drug-code-database-background-information: ten digits
come as 4-4-2, 5-3-2 or 5-4-1; the part that is short gets a zero. Ten digits without dashes do not say which part is
short, and are not guessed.
"""

from typing import Final

SYSTEM: Final = "http://hl7.org/fhir/sid/ndc"
_LENGTHS: Final = (5, 4, 2)
_SHAPES: Final = frozenset({(4, 4, 2), (5, 3, 2), (5, 4, 1), (5, 4, 2)})
_DIGITS: Final = 11


def ndc11(text: str) -> str | None:
    """Eleven digits without dashes; None for what is no NDC, or is one in ten digits without dashes."""
    if not text.isascii():
        return None
    parts = text.split("-")
    if len(parts) == 1:
        return text if text.isdigit() and len(text) == _DIGITS else None
    if not all(part.isdigit() for part in parts) or tuple(map(len, parts)) not in _SHAPES:
        return None
    return "".join(part.zfill(length) for part, length in zip(parts, _LENGTHS, strict=True))
