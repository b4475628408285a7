"""Facts of a mapping as tables that are read in both directions."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from mappers.making import Making
from mappers.script.paths import get, put
from mappers.script.reading import At
from mappers.script.values import TEXT, Value

EXTENSION: Final = "urn:galenic:script:"
"""Begins the URLs of extensions and code systems for what SCRIPT has and FHIR does not; an element's name ends it."""
IDENTIFIER_TYPES: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
OWN: Final = "@"
"""In a path of a row: `system=@MessageID` is the partner's own system of that name."""


class Row(NamedTuple):
    """`Row("DateOfBirth/Date", "birthDate", DATE)`: where a fact is in SCRIPT, where in FHIR, and how it is written."""

    script: str
    fhir: str
    value: Value = TEXT
    along: tuple[tuple[str, Any], ...] = ()
    """What else stands in FHIR where the fact does: `(path, value)`."""


def identifier(script: str, system: str, type_code: str = "") -> Row:
    """An identifier with its system, and its type of v2-0203."""
    path = f"identifier[system={system}]"
    typed = ((f"{path}.type", {"coding": [{"system": IDENTIFIER_TYPES, "code": type_code}]}),) if type_code else ()
    return Row(script, f"{path}.value", along=typed)


def extension(script: str, value_name: str = "valueString", value: Value = TEXT) -> Row:
    """What FHIR has no element for: an extension called like the element."""
    return Row(script, f"extension[url={EXTENSION}{script.replace('/', '-')}].{value_name}", value)


def fill(resource: dict[str, Any], rows: Sequence[Row], at: At) -> dict[str, Any]:
    """The resource, with what the rows find in the message; of several rows for an element the first has its way."""
    for row in rows:
        text, path = at.text(row.script), _own(row.fhir, at.reading.making)
        if not text:
            continue
        value = row.value.read(text)
        if value is None:
            at.note(row.script, "It has no value that FHIR could carry")
        elif get(resource, path) is None:
            put(resource, path, value)
            for other, constant in row.along:
                put(resource, _own(other, at.reading.making), constant)
        elif get(resource, path) != value:
            at.note(row.script, "Another element already says this, and says something else")
    return resource


def draw(resource: dict[str, Any], rows: Sequence[Row], making: Making) -> Iterator[tuple[str, str]]:
    """Paths and texts of SCRIPT that the rows find in a resource; where several rows share a fact, the first."""
    drawn: set[str] = set()
    for row in rows:
        path = _own(row.fhir, making)
        value = get(resource, path)
        text = "" if value is None or drawn & {path, row.script} else row.value.write(value)
        if text:
            drawn |= {path, row.script}
            yield row.script, text


def _own(path: str, making: Making) -> str:
    """The path with the partner's own systems in place of their names."""
    before, mark, rest = path.partition(f"={OWN}")
    if not mark:
        return path
    name, end, after = rest.partition("]")
    return f"{before}={making.system_of(name)}{end}{after}"
