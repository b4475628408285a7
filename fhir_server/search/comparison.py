"""What the ordered parameter types share: the prefixes of their values. https://hl7.org/fhir/R4/search.html#prefix."""

from typing import Final

from fhir_server.errors import Invalid, Issue, NotSupported
from fhir_server.search.asked import Asked

PREFIXES: Final = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")


def split_prefix(text: str) -> tuple[str, str]:
    """`ge2026-11` is ("ge", "2026-11"); without a prefix a value asks for eq."""
    return (text[:2], text[2:]) if text.startswith(PREFIXES) else ("eq", text)


def malformed(asked: Asked, text: str, expected: str) -> Invalid:
    """The error for a value that is not what its type wants, as `expected` says."""
    message = f"The search parameter '{asked.code[:60]}' has the value '{text[:60]}', which is not {expected}"
    return Invalid(message, [Issue("invalid", message, asked.code)])


def refuse_modifier(asked: Asked, type_name: str) -> None:
    """Raises `NotSupported` where there is a modifier: all types have `:missing`, which is handled elsewhere."""
    if asked.modifier:
        message = (
            f"The search parameter '{asked.code[:60]}' is of the type {type_name},"
            f" which has no modifier ':{asked.modifier[:60]}'"
        )
        raise NotSupported(message, [Issue("not-supported", message, asked.code)])
