"""What the pages say: one table a language, with the same keys."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from fhir_server.web.texts import english, spanish

Language = Literal["en", "es"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

TEXTS: Final[Mapping[Language, Mapping[str, str]]] = {"en": english.TEXTS, "es": spanish.TEXTS}
TYPES: Final[Mapping[Language, Mapping[str, str]]] = {"en": english.TYPES, "es": spanish.TYPES}
CRITERIA: Final[Mapping[Language, Mapping[tuple[str, str], str]]] = {
    "en": english.CRITERIA,
    "es": spanish.CRITERIA,
}
MONTHS: Final[Mapping[Language, tuple[str, ...]]] = {"en": english.MONTHS, "es": spanish.MONTHS}
NAMES: Final[Mapping[Language, str]] = {"en": "English", "es": "Español"}
"""Each in itself: whoever looks for a language can read its name."""
