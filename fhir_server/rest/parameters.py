"""The name=value pairs of a query, a form or a condition."""

from typing import Final
from urllib.parse import parse_qsl

from fhir_server.errors import Invalid, TooCostly

PARAMETERS_MAX: Final = 1_000
"""Parameters of one URL, form or condition (parameters)."""

Pairs = tuple[tuple[str, str], ...]


def parse_pairs(text: str) -> Pairs:
    """The pairs in their order, unescaped; raises `Invalid` for what is no text, `TooCostly` for too many."""
    try:
        pairs = tuple(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX))
    except UnicodeError as error:
        raise Invalid("The parameters are not UTF-8") from error
    except ValueError as error:
        raise TooCostly(f"There may be {PARAMETERS_MAX} parameters") from error
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise Invalid("A parameter may not hold the character U+0000")
    return pairs
