"""PL as Locations, each part of the one around it.

https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-datatype-pl-to-location.html
"""

from itertools import accumulate
from typing import Final

from mappers.hl7v2.message import Value
from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.elements import filled
from mappers.hl7v2.to_fhir.identifiers import local
from mappers.hl7v2.to_fhir.sharing import share
from mappers.mapped import Resource

PHYSICAL_TYPE: Final = "http://terminology.hl7.org/CodeSystem/location-physical-type"
LEVELS: Final = (
    (4, "si", "Site"),
    (7, "bu", "Building"),
    (8, "lvl", "Level"),
    (1, "wa", "Ward"),
    (2, "ro", "Room"),
    (3, "bd", "Bed"),
)
"""From the outermost in: component, physical type, display. A point of care is a ward in most hospitals."""
NAMESPACE: Final = "location"
SEPARATOR: Final = "/"


def location(draft: Draft, value: Value, place: str) -> Resource | None:
    """A reference to the innermost place a PL names; None where it names none.

    Beds and rooms have the same names everywhere: each is told apart by the names of all it is in.
    """
    found = [(value.text(number), code, display) for number, code, display in LEVELS if value.text(number)]
    if not found:
        return None
    paths = accumulate((name for name, _, _ in found), lambda outer, inner: f"{outer}{SEPARATOR}{inner}")
    reference: Resource | None = None
    for (name, code, display), path in zip(found, paths, strict=True):
        description = value.text(9) if path.count(SEPARATOR) == len(found) - 1 else ""
        resource = filled(
            resourceType="Location",
            identifier=[local(path, NAMESPACE, draft.making)],
            status="active",
            name=name,
            description=description,
            mode="instance",
            physicalType={"coding": [{"system": PHYSICAL_TYPE, "code": code, "display": display}]},
            partOf=reference,
        )
        reference = share(draft, resource, place)
    return reference
