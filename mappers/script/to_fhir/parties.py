"""Everybody a message names, mapped once, and what their resources are called."""

from dataclasses import dataclass, field
from typing import Any, Final

from mappers.mapped import Resource, by_identifier
from mappers.script.reading import Reading
from mappers.script.to_fhir.allergy import allergies
from mappers.script.to_fhir.coverage import coverages
from mappers.script.to_fhir.observation import observations
from mappers.script.to_fhir.patient import patient
from mappers.script.to_fhir.pharmacy import facility, pharmacy
from mappers.script.to_fhir.prescriber import agent, prescriber

TYPES: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
MESSAGE_ID: Final = "MessageID"
ORDER_NUMBER: Final = "PrescriberOrderNumber"
RX_NUMBER: Final = "RxReferenceNumber"


@dataclass(frozen=True, slots=True)
class Parties:
    """References; None for whom the message does not name."""

    patient: Any = None
    pharmacy: Any = None
    prescriber: Any = None
    supervisor: Any = None
    follow_up: Any = None
    agent: Any = None
    facility: Any = None
    coverages: list[Any] = field(default_factory=list)
    observations: list[Any] = field(default_factory=list)


def parties(reading: Reading) -> Parties:
    who = patient(reading)
    allergies(reading, who)
    return Parties(
        patient=who,
        pharmacy=pharmacy(reading),
        prescriber=prescriber(reading),
        supervisor=prescriber(reading, "Supervisor"),
        follow_up=prescriber(reading, "FollowUpPrescriber"),
        agent=agent(reading),
        facility=facility(reading),
        coverages=coverages(reading, who) if who else [],
        observations=observations(reading, who) if who else [],
    )


def identifiers(reading: Reading) -> list[Resource]:
    """The numbers of an order: the prescriber's, the pharmacy's, and the message it came with."""
    header, system_of = reading.message.header, reading.making.system_of
    numbers = ((ORDER_NUMBER, header.prescriber_order_number, "PLAC"), (RX_NUMBER, header.rx_reference_number, "FILL"))
    typed: list[Resource] = [
        {"type": {"coding": [{"system": TYPES, "code": code}]}, "system": system_of(name), "value": value}
        for name, value, code in numbers
        if value
    ]
    return [*typed, message_identifier(reading)]


def message_identifier(reading: Reading) -> Resource:
    return {"system": reading.making.system_of(MESSAGE_ID), "value": reading.message.header.message_id}


def prescribed_identifier(reading: Reading) -> Resource | None:
    """How a later message names an order: its number, else the message it came with; None where it does neither."""
    header, system_of = reading.message.header, reading.making.system_of
    if header.prescriber_order_number:
        return {"system": system_of(ORDER_NUMBER), "value": header.prescriber_order_number}
    return {"system": system_of(MESSAGE_ID), "value": header.relates_to} if header.relates_to else None


def condition_of(number: Resource) -> str:
    return by_identifier(str(number["system"]), str(number["value"]))
