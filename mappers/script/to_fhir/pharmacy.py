"""Pharmacy and Facility -> Organization. https://hl7.org/fhir/R4/organization.html."""

from typing import Any, Final

from mappers.mapped import Resource, by_identifier
from mappers.script.person_rows import FACILITY, NCPDP, NPI, PHARMACY
from mappers.script.reading import At, Reading
from mappers.script.rows import Row, fill
from mappers.script.to_fhir.checks import NOTHING, check_identifiers

TYPES: Final = "http://terminology.hl7.org/CodeSystem/organization-type"


def pharmacy(reading: Reading, name: str = "Pharmacy") -> Any:
    """The reference to a pharmacy; None where the message has none."""
    at = reading.body().one(name)
    if at is None:
        return None
    if at.peek("Identification/NPI") == NOTHING:
        at.carry("Identification/NPI")
        rows = tuple(row for row in PHARMACY if row.script != "Identification/NPI")
    else:
        rows = PHARMACY
    check_identifiers(at)
    kind = {"coding": [{"system": TYPES, "code": "prov", "display": "Healthcare Provider"}], "text": "Pharmacy"}
    return _organization(reading, at, {"resourceType": "Organization", "type": [kind]}, rows, name)


def facility(reading: Reading) -> Any:
    """The reference to the place where the patient lives or is cared for; None where the message has none."""
    at = reading.body().one("Facility")
    return _organization(reading, at, {"resourceType": "Organization"}, FACILITY, "Facility") if at else None


def _organization(reading: Reading, at: At, resource: Resource, rows: tuple[Row, ...], name: str) -> Any:
    fill(resource, rows, at)
    numbers = {one["system"]: one["value"] for one in resource.get("identifier", ())}
    if not numbers and "name" not in resource:
        return None
    for system in (NCPDP, NPI, *numbers):
        if system in numbers:
            return reading.add(name, resource, "match", by_identifier(system, numbers[system]), at.place)
    return reading.add(name, resource, place=at.place)
