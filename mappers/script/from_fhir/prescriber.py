"""PractitionerRole or Practitioner, with the practice and its place -> Prescriber, Supervisor, FollowUpPrescriber."""

from typing import Any

from mappers.mapped import Resource
from mappers.script.from_fhir.patient import PRIMARY
from mappers.script.from_fhir.sending import Sending, joined, within
from mappers.script.person_rows import LOCATION, PRACTICE, PRACTITIONER, ROLE
from mappers.script.tree import Node


def prescriber(sending: Sending, reference: Any, name: str = "Prescriber", agent: Any = None) -> Node | None:
    resource = sending.at(reference)
    if resource is None:
        return None
    role: Resource = resource if resource["resourceType"] == "PractitionerRole" else {"practitioner": reference}
    practitioner = sending.at(role.get("practitioner")) or {}
    practice = sending.at(role.get("organization")) or {}
    location = sending.at(next(iter(role.get("location", ())), None)) or {}
    person = joined(
        "NonVeterinarian",
        sending.node("", PRACTITIONER, practitioner),
        sending.node("", PRACTICE, practice),
        sending.node("", LOCATION, location or {"address": next(iter(practitioner.get("address", ())), {})}),
        sending.node("", (*ROLE, PRIMARY), role if role.get("telecom") else role | _telecom(practitioner)),
        within("", _agent(sending, agent)),
    )
    return within(name, person)


def _telecom(practitioner: Resource) -> Resource:
    return {"telecom": practitioner["telecom"]} if practitioner.get("telecom") else {}


def _agent(sending: Sending, reference: Any) -> Node | None:
    resource = sending.at(reference)
    return sending.node("PrescriberAgent", PRACTITIONER, resource) if resource else None
