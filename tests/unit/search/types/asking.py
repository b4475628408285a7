"""Values, queries and spans by keyword, for the parameter types."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from fhir_server.search.asked import Asked
from fhir_server.search.entries import Entries
from fhir_server.search.fetching import Typed

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
UCUM = "http://unitsofmeasure.org"


def asked(*values: str, name: str = "name", modifier: str = "", now: datetime = NOW) -> Asked:
    return Asked(name, name, modifier, values, "http://galenic.example/fhir", now)


def number(text: str) -> msgspec.Raw:
    """A number with a fraction or an exponent as the parser keeps it."""
    return msgspec.Raw(text.encode())


def indexed(kind, type_name: str, value: Any, name: str = "name") -> Entries:
    """What one value contributes by the index half of a parameter type."""
    entries = Entries()
    kind.index(Typed(type_name, value), name, entries)
    return entries


def finds(kind, entries: Entries, *values: str, modifier: str = "", now: datetime = NOW, name: str = "name") -> bool:
    return kind.predicate(asked(*values, name=name, modifier=modifier, now=now)).matches(entries)
