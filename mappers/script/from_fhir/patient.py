"""Patient -> HumanPatient."""

from typing import Any, Final

from mappers.mapped import Resource
from mappers.script.from_fhir.sending import Sending, within
from mappers.script.person_rows import PATIENT
from mappers.script.rows import Row
from mappers.script.tree import Node

PRIMARY: Final = Row("CommunicationNumbers/PrimaryTelephone/Number", "telecom[system=phone].value")
"""Where no number has rank 1, the first is the primary one: SCRIPT cannot do without it."""


def patient(sending: Sending, reference: Any) -> Node | None:
    resource: Resource | None = sending.at(reference)
    return within("Patient", sending.node("HumanPatient", (*PATIENT, PRIMARY), resource)) if resource else None
