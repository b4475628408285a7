"""PID-10 and PID-22 as the race and the ethnicity of US Core, where their codes are those of the CDC.

http://hl7.org/fhir/us/core/StructureDefinition-us-core-race.html. Other countries have codes and extensions of their
own: what is of none of these codes stays a note.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from mappers.hl7v2.message import Segment, Value
from mappers.hl7v2.tables import CDC
from mappers.mapped import Resource

US_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
RACE, ETHNICITY = (10, f"{US_CORE}race"), (22, f"{US_CORE}ethnicity")
RACES: Final = {
    "1002-5": "American Indian or Alaska Native",
    "2028-9": "Asian",
    "2054-5": "Black or African American",
    "2076-8": "Native Hawaiian or Other Pacific Islander",
    "2106-3": "White",
}
ETHNICITIES: Final = {"2135-2": "Hispanic or Latino", "2186-5": "Non Hispanic or Latino"}
"""The categories of the OMB; all other codes of the CDC are finer ones."""
LETTERS: Final = {"H": "2135-2", "N": "2186-5"}
"""Table 0189 to them; U says that it is unknown."""
NAMES: Final = frozenset({"", "CDCREC", "CDC", "HL70005", "HL70189", CDC.removeprefix("urn:oid:")})
"""What senders call the codes of the CDC, and the tables that have them."""
CODE: Final = re.compile(r"[12]\d{3}-\d", re.ASCII)
NO_CODE: Final = "is no code of the CDC, for which US Core has a place"


def race_and_ethnicity(segment: Segment) -> list[Resource]:
    """Extensions of a PID."""
    found = (_extension(segment, *RACE, RACES), _extension(segment, *ETHNICITY, ETHNICITIES))
    return [one for one in found if one]


def _extension(segment: Segment, field: int, url: str, categories: Mapping[str, str]) -> Resource:
    codings = [one for value in segment.repetitions(field) for one in _coding(value, categories)]
    if not codings:
        return {}
    parts = [{"url": "ombCategory" if one["code"] in categories else "detailed", "valueCoding": one} for one in codings]
    text = ", ".join(str(one.get("display", one["code"])) for one in codings)
    return {"url": url, "extension": [*parts, {"url": "text", "valueString": text}]}


def _coding(value: Value, categories: Mapping[str, str]) -> Iterator[Resource]:
    said, display, system = (value.text(number) for number in (1, 2, 3))
    code = LETTERS.get(said, said)
    if CODE.fullmatch(code) and system in NAMES:
        shown = display or categories.get(code, "")
        yield {"system": CDC, "code": code, **({"display": shown} if shown else {})}
    elif said or display:
        value.leave(1, NO_CODE)
