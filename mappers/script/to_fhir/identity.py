"""Identifiers for what a partner gives no number, drawn from how the partner writes it.

Whatever is written alike is the same, in one partner's messages and nobody else's. Nothing is taken for the same for
its likeness: another spelling, another address, another partner make another resource, which a person may link.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Final

from mappers.mapped import Resource, by_identifier
from mappers.script.person_rows import SSN
from mappers.script.reading import At, Reading

PERSON: Final = "person"
"""The word of the partner's system for people without a number."""
DIGITS: Final = 32
"""Of a value, hexadecimal: half of a SHA-256."""
PERSON_ELEMENTS: Final = ("Name/LastName", "Name/FirstName", "DateOfBirth/Date", "Gender", "Address/PostalCode")
NEEDED: Final = PERSON_ELEMENTS[:3]


def identifier_of(reading: Reading, word: str, texts: Iterable[str], whose: str = "") -> Resource:
    """Case, white space and the forms of Unicode make no difference, but in `whose` it is, which is exact."""
    written = "\n".join((whose, *(" ".join(unicodedata.normalize("NFKC", one).casefold().split()) for one in texts)))
    return {"system": reading.making.system_of(word), "value": sha256(written.encode()).hexdigest()[:DIGITS]}


def person_of(reading: Reading, at: At) -> Resource | None:
    """None where the name or the day of birth is missing: then nobody can be told from others."""
    is_told = all(at.peek(path) for path in NEEDED)
    return identifier_of(reading, PERSON, map(at.peek, PERSON_ELEMENTS)) if is_told else None


def add_own(reading: Reading, name: str, resource: Resource, key: Sequence[str], place: str) -> Any:
    """The reference to what a patient has, which is there already where the partner said the same of them before.

    `key` tells it from others of its kind; [] where it cannot be told, and is new.
    """
    whose = next((one.condition for one in reading.entries if one.type_name == "Patient"), "")
    if not key or not whose or SSN in whose:
        return reading.add(name, resource, place=place)
    own = identifier_of(reading, resource["resourceType"], key, whose)
    condition = by_identifier(own["system"], own["value"])
    for said in (one for one in reading.entries if one.condition == condition):
        return {"reference": said.full_url}  # twice in one message
    resource["identifier"] = [*resource.get("identifier", ()), own]
    return reading.add(name, resource, "match", condition, place)
