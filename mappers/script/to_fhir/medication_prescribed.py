"""MedicationPrescribed, MedicationRequested, MedicationResponse -> MedicationRequest.

https://hl7.org/fhir/R4/medicationrequest.html. Both numbers of refills leave the first fill out, but for what approves
a renewal: its NumberOfRefills counts every dispensing that is approved, so the new order has one repeat less.
https://docs.aidbox.app (RxRenewal: "3 additional dispensings").
"""

from dataclasses import dataclass
from typing import Any, Final

from mappers.mapped import Resource
from mappers.script.codes import unit
from mappers.script.medication_rows import (
    DATES,
    HL7_SCHEDULE,
    MEDICATION_REQUEST,
    ORIGINAL,
    QUALIFIER,
    SCHEDULE,
    SUFFICIENT,
)
from mappers.script.paths import put
from mappers.script.reading import At
from mappers.script.rows import EXTENSION, fill
from mappers.script.schedules import schedules
from mappers.script.to_fhir.medication import medication
from mappers.script.to_fhir.sig import dosages
from mappers.script.values import ICD_10_CM, instant, number
from terminology.ncpdp import tables

CATEGORIES: Final = "http://terminology.hl7.org/CodeSystem/medicationrequest-category"
COMMUNITY: Final = {"coding": [{"system": CATEGORIES, "code": "community", "display": "Community"}]}


@dataclass(frozen=True, slots=True)
class Order:
    """What an order refers to, and what it is: `intent` and `status` are R4's."""

    patient: Any
    intent: str = "order"
    status: str = "active"
    requester: Any = None
    performer: Any = None
    counts_first_fill: bool = False
    """NumberOfRefills counts every dispensing, the first too."""


def medication_request(at: At, order: Order) -> Resource:
    resource: Resource = {"resourceType": "MedicationRequest", "status": order.status, "intent": order.intent}
    resource |= medication(at) | {"subject": order.patient}
    resource["category"] = [COMMUNITY, *_schedule(at)]
    quantity(at, resource, "dispenseRequest.quantity")
    fill(resource, MEDICATION_REQUEST, at)
    if order.counts_first_fill:
        _without_first_fill(at, resource)
    _dates(at, resource)
    _diagnoses(at, resource)
    sig = dosages(at)
    resource |= {"dosageInstruction": sig} if sig else {}
    if order.requester:
        resource["requester"] = order.requester
    if order.performer:
        put(resource, "dispenseRequest.performer", order.performer)
    return resource


def _schedule(at: At) -> list[Resource]:
    """The DEA schedules, by which controlled drugs are found, the strictest first; a text that is none as it is."""
    found = [(node, tables.schedule(text)) for node, text in schedules(at.node)]
    said = {code for _, code in found}
    others = sorted(said - tables.DEA_SCHEDULES.keys(), key=lambda code: (code == tables.UNSPECIFIED, code))
    kept = [code for code in tables.DEA_SCHEDULES if code in said] or others
    at.reading.carried.update(id(node) for node, code in found if code in kept)
    if any(code not in tables.codes()["DEASchedule"] for code in kept):
        at.note("DrugCoded/DEASchedule", "It is no schedule that is known; the drug counts as controlled")
    return [{"coding": _schedule_codings(code)} for code in kept]


def _schedule_codings(code: str) -> list[Resource]:
    """NCI's, and for a schedule HL7's, by which orders in HL7 v2 say it."""
    display = tables.DEA_SCHEDULES.get(code)
    system = tables.NCIT if code in tables.codes()["DEASchedule"] else SCHEDULE
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return [coding, *([{"system": HL7_SCHEDULE, "code": display.removeprefix("C")}] if display else [])]


def quantity(at: At, resource: Resource, path: str) -> None:
    """How much is dispensed at once; `quantity sufficient` has no number."""
    value = number(at.text("Quantity/Value"))
    code, text = (at.text(f"Quantity/QuantityUnitOfMeasure/{name}") for name in ("Code", "Text"))
    qualifier = at.text("Quantity/CodeListQualifier")
    if qualifier not in ("", ORIGINAL):
        put(resource, QUALIFIER, qualifier)
    if qualifier == SUFFICIENT:
        at.note("Quantity", "The quantity is left to the pharmacist; no number was carried")
    elif value is not None:
        put(resource, path, {"value": value, **unit(code, text)})
    elif at.peek("Quantity/Value"):
        at.note("Quantity/Value", "It is no number")


def _without_first_fill(at: At, resource: Resource) -> None:
    request = resource.get("dispenseRequest", {})
    approved = request.pop("numberOfRepeatsAllowed", None)
    reason = "What approves a renewal counts every dispensing; repeats leave the first out"
    at.reading.choose("MedicationRequest.dispenseRequest.numberOfRepeatsAllowed", f"{at.place}/NumberOfRefills", reason)
    if approved:
        request["numberOfRepeatsAllowed"] = approved - 1
    elif approved == 0:
        at.note("NumberOfRefills", "An approval of no dispensing is none; the number was left out")
    if not request:
        resource.pop("dispenseRequest", None)


def _dates(at: At, resource: Resource) -> None:
    for one in at.several("OtherMedicationDate"):
        path = DATES.get(one.peek("OtherMedicationDateQualifier"))
        day = instant(one.peek("OtherMedicationDate/Date") or one.peek("OtherMedicationDate/DateTime"))
        if path and day:
            one.carry()
            put(resource, f"dispenseRequest.{path}", day)


def _diagnoses(at: At, resource: Resource) -> None:
    reasons = [
        made
        for one in at.several("Diagnosis")
        for name in ("Primary", "Secondary")
        for part in one.several(name)
        if (made := _reason(part))
    ]
    resource |= {"reasonCode": reasons} if reasons else {}


def _reason(at: At) -> Resource:
    code, qualifier, text = (at.text(name) for name in ("Code", "Qualifier", "Description"))
    system = tables.DIAGNOSES.get(qualifier)
    if code and not system:
        at.note("Qualifier", "The qualifier names no code system that FHIR knows; its code was kept as an extension")
    dotted = ICD_10_CM.read(code) if code and system else None
    concept: Resource = {"coding": [{"system": system, "code": dotted}]} if dotted else {}
    if code and not system:
        pair = f"{qualifier}|{code}"
        concept["extension"] = [{"url": f"{EXTENSION}Diagnosis-Code", "valueString": pair}]
    return concept | ({"text": text} if text else {})
