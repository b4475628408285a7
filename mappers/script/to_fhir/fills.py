"""RxFill -> MedicationDispense. https://hl7.org/fhir/R4/medicationdispense.html."""

from typing import Any, Final

from mappers.mapped import Resource
from mappers.script.reading import At, Reading
from mappers.script.rows import EXTENSION
from mappers.script.to_fhir.medication import medication, same_product
from mappers.script.to_fhir.medication_dispensed import medication_dispense
from mappers.script.to_fhir.orders import disagreements, known_order
from mappers.script.to_fhir.parties import Parties, condition_of, identifiers, message_identifier

FILL_STATUS: Final = f"{EXTENSION}FillStatus"
STATUSES: Final = {
    "Dispensed": "completed",
    "PartiallyDispensed": "completed",
    "NotDispensed": "declined",
    "Transferred": "declined",
}
"""MedicationDispense.status by FillStatus; which of them it was is said by its type."""


def rx_fill(reading: Reading, people: Parties) -> None:
    order = known_order(reading, people)
    status = next((name for name in STATUSES if reading.body().one(f"FillStatus/{name}")), "")
    resource = _dispense(reading, people, STATUSES.get(status, "unknown"))
    numbers = identifiers(reading)
    resource["identifier"] = [message_identifier(reading), *numbers[:-1]]
    if status:
        resource["type"] = {"coding": [{"system": FILL_STATUS, "code": status}]}
        for at in reading.body().several(f"FillStatus/{status}"):
            _reason(at, resource)
    resource |= {"authorizingPrescription": [order]} if order else {}
    resource |= {"performer": [{"actor": people.pharmacy}]} if people.pharmacy else {}
    _substitution(reading, resource)
    disagreements(reading, "MedicationDispense", people)
    condition = condition_of(message_identifier(reading))
    reading.add("MedicationDispense", resource, "match", condition, reading.message.kind)


def _dispense(reading: Reading, people: Parties, status: str) -> Resource:
    """What was dispensed; of what was not, the medication that was prescribed."""
    at = reading.body().one("MedicationDispensed")
    if at:
        return medication_dispense(at, people.patient, status)
    prescribed = reading.body().one("MedicationPrescribed")
    resource: Resource = {"resourceType": "MedicationDispense", "status": status, "subject": people.patient}
    return resource | (medication(prescribed) if prescribed else {})


def _reason(at: At, resource: Resource) -> None:
    codes = [one.node.text for one in at.several("ReasonCode") if one.node.text]
    for one in at.several("ReasonCode"):
        one.carry()
    if codes:
        codings = [{"system": f"{EXTENSION}ReasonCode", "code": code} for code in codes]
        resource["statusReasonCodeableConcept"] = {"coding": codings}
    note = at.text("Note")
    if note:
        resource.setdefault("note", []).insert(0, {"text": note})


def _substitution(reading: Reading, resource: Resource) -> None:
    """Whether the product is another than was prescribed, where both have a code of one system."""
    prescribed = next((one.resource for one in reading.entries if one.type_name == "MedicationRequest"), None)
    same: Any = same_product(prescribed, resource) if prescribed else None
    if same is not None:
        resource["substitution"] = {"wasSubstituted": not same}
