"""Location as PL; the other way round as to_fhir/location.py."""

from typing import Any, Final

from mappers.hl7v2.from_fhir.sending import Sending
from mappers.hl7v2.message import Component
from mappers.hl7v2.to_fhir.location import LEVELS
from mappers.mapped import Resource

COMPONENTS: Final = {code: component for component, code, _ in LEVELS}
DESCRIPTION: Final = 9
NOTHING: Final[Resource] = {}


def pl(reference: Any, sending: Sending) -> tuple[Component, ...] | str:
    """Each Location names its own level, and what it is part of the others; nothing where none of them has a level."""
    parts: list[Component] = [""] * DESCRIPTION
    place = innermost = sending.at(reference)
    for _ in LEVELS:
        kind = next((one.get("code") for one in place.get("physicalType", NOTHING).get("coding", ())), None)
        if kind in COMPONENTS:
            parts[COMPONENTS[kind] - 1] = place.get("name", "")
        place = sending.at(place.get("partOf"))
    if not any(parts):
        return ""
    parts[DESCRIPTION - 1] = innermost.get("description", "")
    return tuple(parts)
