"""Prescriber, Supervisor, FollowUpPrescriber -> Practitioner, PractitionerRole, Organization and Location.

https://hl7.org/fhir/R4/practitionerrole.html: who someone is stands in Practitioner, where they work in the others.
"""

from typing import Any, Final

from mappers.mapped import Resource, by_identifier
from mappers.script.person_rows import DEA, LOCATION, NPI, PRACTICE, PRACTITIONER, ROLE
from mappers.script.reading import At, Reading
from mappers.script.rows import fill
from mappers.script.to_fhir.checks import check_identifiers

PRESCRIBER: Final = "D"
"""Qualifier of a To or From that is a prescriber at a place (SPI)."""


def prescriber(reading: Reading, name: str = "Prescriber") -> Any:
    """The reference to the PractitionerRole; None where the message has no such person."""
    body = reading.body()
    at = body.one(f"{name}/NonVeterinarian") or body.one(f"{name}/Veterinarian")
    if at is None:
        return None
    check_identifiers(at)
    role: Resource = {"resourceType": "PractitionerRole", "practitioner": _practitioner(reading, at, name)}
    practice = fill({"resourceType": "Organization"}, PRACTICE, at)
    if "name" in practice or "identifier" in practice:
        role["organization"] = _practice(reading, practice, name, f"{at.place}/PracticeLocation")
    location = fill({"resourceType": "Location"}, LOCATION, at)
    if "address" in location:
        location |= {"managingOrganization": role["organization"]} if "organization" in role else {}
        role["location"] = [reading.add(f"{name}.location", location, place=f"{at.place}/Address")]
    fill(role, ROLE, at)
    return _added(reading, role, name, at.place)


def _practice(reading: Reading, practice: Resource, name: str, place: str) -> Any:
    for number in practice.get("identifier", ()):
        condition = by_identifier(number["system"], number["value"])
        return reading.add(f"{name}.practice", practice, "match", condition, place)
    return reading.add(f"{name}.practice", practice, place=place)


def _practitioner(reading: Reading, at: At, name: str) -> Any:
    resource = fill({"resourceType": "Practitioner"}, PRACTITIONER, at)
    numbers = {one["system"]: one["value"] for one in resource.get("identifier", ())}
    for system in (NPI, DEA, *numbers):
        if system in numbers:
            condition = by_identifier(system, numbers[system])
            return reading.add(f"{name}.practitioner", resource, "match", condition, at.place)
    return reading.add(f"{name}.practitioner", resource, place=at.place)


def _added(reading: Reading, role: Resource, name: str, place: str) -> Any:
    """A role that the network has a number for (To or From with qualifier D) is the one with that number."""
    header = reading.message.header
    spi = next((one.value for one in (header.from_, header.to) if one.qualifier == PRESCRIBER), "")
    if not spi or name != "Prescriber":
        return reading.add(name, role, place=place)
    system = reading.making.system_of("SPI")
    role["identifier"] = [{"system": system, "value": spi}]
    return reading.add(name, role, "match", by_identifier(system, spi), place)


def agent(reading: Reading) -> Any:
    """The reference to whom the prescriber let send the message; None where nobody is named."""
    body = reading.body()
    for at in (*body.several("Prescriber/NonVeterinarian/PrescriberAgent"), *body.several("PrescriberAgent")):
        person = fill({"resourceType": "Practitioner"}, PRACTITIONER, at)
        return reading.add("PrescriberAgent", person, place=at.place) if "name" in person else None
    return None
