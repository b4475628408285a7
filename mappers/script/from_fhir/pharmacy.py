"""Organization -> Pharmacy, Facility."""

from typing import Any

from mappers.script.from_fhir.patient import PRIMARY
from mappers.script.from_fhir.sending import Sending
from mappers.script.person_rows import FACILITY, PHARMACY
from mappers.script.tree import Node


def pharmacy(sending: Sending, reference: Any) -> Node | None:
    resource = sending.at(reference)
    return sending.node("Pharmacy", (*PHARMACY, PRIMARY), resource) if resource else None


def facility(sending: Sending, reference: Any) -> Node | None:
    resource = sending.at(reference)
    return sending.node("Facility", (*FACILITY, PRIMARY), resource) if resource else None
