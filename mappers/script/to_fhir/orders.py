"""NewRx, and the orders that other messages carry along -> MedicationRequest, DetectedIssue.

https://hl7.org/fhir/R4/medicationrequest.html
"""

from typing import Any, Final

from mappers.mapped import How, Resource
from mappers.script.reading import At, Reading
from mappers.script.rows import EXTENSION, extension, fill
from mappers.script.to_fhir.medication_prescribed import Order, medication_request
from mappers.script.to_fhir.parties import (
    Parties,
    condition_of,
    identifiers,
    message_identifier,
    prescribed_identifier,
)
from mappers.script.values import TRUTH

BODY_ROWS: Final = (extension("ProhibitRenewalRequest", "valueBoolean", TRUTH),)
"""Elements beside the medication that say something of the order."""
PEOPLE: Final = {"supervisor": "Supervisor", "follow_up": "FollowUpPrescriber", "facility": "Facility"}
"""Extensions of an order that are references."""


def new_rx(reading: Reading, people: Parties) -> None:
    """An order of a number that is there is no new one: it is not changed by this message."""
    prescribed(reading, people, "match")


def prescribed(reading: Reading, people: Parties, how: How) -> None:
    """What is in MedicationPrescribed as an order, with all its numbers."""
    at = reading.body().one("MedicationPrescribed")
    if at:
        numbers = identifiers(reading)
        order = Order(people.patient, requester=people.prescriber, performer=people.pharmacy)
        resource = _complete(reading, at, order, people) | {"identifier": numbers}
        reading.add("MedicationRequest", resource, how, condition_of(numbers[0]), at.place)


def approved_order(reading: Reading, people: Parties, *, counts_first_fill: bool) -> Any:
    """The reference to the order that an answer to a request makes; None where it makes none.

    It is found again by its message only: the order number of an answer may be the one of the order that it replaces.
    """
    at = reading.body().one("MedicationResponse")
    if at is None or people.patient is None:
        return None
    order = Order(people.patient, "order", "active", people.prescriber, people.pharmacy, counts_first_fill)
    resource = _complete(reading, at, order, people)
    resource["identifier"] = [message_identifier(reading), *identifiers(reading)[:-1]]
    prior = prescribed_identifier(reading) if reading.message.header.prescriber_order_number else None
    resource |= {"priorPrescription": {"identifier": prior}} if prior else {}
    return reading.add("MedicationRequest", resource, "merge", condition_of(message_identifier(reading)), at.place)


def known_order(reading: Reading, people: Parties) -> Any:
    """The reference to the order a request is about; None where the message does not tell.

    If it is stored, it is used as it is. If not, it is what the message says; whether it is still active is unknown.
    """
    at, number = reading.body().one("MedicationPrescribed"), prescribed_identifier(reading)
    if at is None or people.patient is None:
        return {"type": "MedicationRequest", "identifier": number} if number else None
    order = Order(people.patient, "order", "unknown", people.prescriber, people.pharmacy)
    resource = _complete(reading, at, order, people)
    if number is None:
        at.note("", "The message has no number of this order: it cannot be told from others like it")
        return reading.add("MedicationRequest", resource, place=at.place)
    resource["identifier"] = [number]
    return reading.add("MedicationRequest", resource, "match", condition_of(number), at.place)


def found_order(reading: Reading) -> Any:
    """The reference to an order that has to be there; None where the message has no number of it."""
    number = prescribed_identifier(reading)
    for at in reading.body().several("MedicationPrescribed"):
        at.carry()
        at.note("", "The order is found by its number; what the message repeats of it was not written", "information")
    if number is None:
        reading.note(
            "Header", "The message has neither an order number nor the message it relates to: no order is found"
        )
        return None
    said = "PrescriberOrderNumber" if reading.message.header.prescriber_order_number else "RelatesToMessageID"
    reading.choose("Task.focus", f"Header/{said}", "An order's own number goes before the message that it came with")
    return reading.add("MedicationRequest", {"resourceType": "MedicationRequest"}, "find", condition_of(number))


def cancelled_order(reading: Reading, why: Resource) -> None:
    """An order of ours, by its own number, of which the pharmacy says that nothing of it will be dispensed any more."""
    header, kind = reading.message.header, reading.message.kind
    if not header.prescriber_order_number:
        reading.note("Header/PrescriberOrderNumber", "It is missing: the Task is completed, and no order was cancelled")
        return
    condition = condition_of(identifiers(reading)[0])
    reading.add("MedicationRequest.there", {"resourceType": "MedicationRequest"}, "find", condition, kind)
    order = {"resourceType": "MedicationRequest", "status": "cancelled", "statusReason": why}
    reading.add("MedicationRequest", order, "merge", condition, kind)


def proposals(reading: Reading, people: Parties) -> list[Any]:
    """The references to what a pharmacy proposes instead, in the order of its preference."""
    made = []
    for number, at in enumerate(reading.body().several("MedicationRequested") if people.patient else (), 1):
        order = Order(people.patient, "proposal", "draft", people.pharmacy, people.pharmacy)
        resource = medication_request(at, order)
        disagreements(reading, f"MedicationRequested[{number}]", people)
        made.append(reading.add(f"MedicationRequested[{number}]", resource, place=at.place))
    return made


def _complete(reading: Reading, at: At, order: Order, people: Parties) -> Resource:
    """The order with everything that stands around its medication."""
    resource = medication_request(at, order)
    fill(resource, BODY_ROWS, reading.body())
    extra = [
        {"url": f"{EXTENSION}{name}", "valueReference": getattr(people, key)}
        for key, name in PEOPLE.items()
        if getattr(people, key)
    ]
    if reading.message.header.digital_signature_indicator:
        extra.append({"url": f"{EXTENSION}DigitalSignatureIndicator", "valueBoolean": True})
    resource |= {"extension": [*resource.get("extension", ()), *extra]} if extra else {}
    resource |= {"recorder": people.agent} if people.agent else {}
    resource |= {"insurance": people.coverages} if people.coverages else {}
    resource |= {"supportingInformation": people.observations} if people.observations else {}
    disagreements(reading, "MedicationRequest", people)
    return resource


def disagreements(reading: Reading, name: str, people: Parties) -> None:
    """An issue and a note for each time a Sig does not say what its text says; `name` is of what has the Sig."""
    for number, (place, what) in enumerate(reading.disagreements, 1):
        text = (
            f"The structured directions and their text, or two parts of them, disagree on the {what}; the text counts"
        )
        reading.note(place, text)
        issue: Resource = {"resourceType": "DetectedIssue", "status": "preliminary", "detail": text}
        issue |= {"patient": people.patient} if people.patient else {}
        issue["identifiedDateTime"] = reading.making.now.isoformat(timespec="seconds")
        issue["implicated"] = [{"reference": reading.making.full_url(name)}]
        reading.add(f"DetectedIssue[{place}][{number}]", issue, place=place)
    reading.disagreements.clear()
