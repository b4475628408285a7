"""ORC of what is sent, and what a request and a dispense have alike; the other way round as to_fhir/order.py."""

from typing import Any, Final

from mappers.hl7v2.faults import TABLE_VALUE_NOT_FOUND, Hl7Fault
from mappers.hl7v2.from_fhir.concepts import Cwe, code_in, cwe
from mappers.hl7v2.from_fhir.identifiers import ei, of_type
from mappers.hl7v2.from_fhir.practitioner import xcn
from mappers.hl7v2.from_fhir.sending import Row, Sending, moment, row
from mappers.hl7v2.message import Component, Field
from mappers.hl7v2.pharmacy_tables import CATEGORY
from mappers.hl7v2.to_fhir.medication_request import CATEGORIES, EXTENSION
from mappers.mapped import Resource

CONTROL: Final = {
    "active": ("NW", ""),
    "on-hold": ("OH", "HD"),
    "cancelled": ("OC", "CA"),
    "stopped": ("OD", "DC"),
    "completed": ("SC", "CM"),
    "entered-in-error": ("SC", "ER"),
}
"""MedicationRequest.status to ORC-1 and ORC-5: what is no longer new is told as something that happened."""
SETTINGS: Final = {setting: code for code, setting in CATEGORY.items()}
PRESCRIPTION_NUMBER: Final = "Prescription number"


def orc_of_request(request: Resource, sending: Sending) -> Row:
    """Raises Hl7Fault 103 where the request is a draft or of unknown status: it is no order yet."""
    status = request.get("status", "")
    if status not in CONTROL:
        raise Hl7Fault(TABLE_VALUE_NOT_FOUND, "ORC-1", "only what is ordered is sent: not a draft, nor what is unknown")
    control, state = CONTROL[status]
    requester = request.get("requester", {})
    of_facility = _is_organization(requester, sending)
    start = request.get("dispenseRequest", {}).get("validityPeriod", {}).get("start")
    reason = request.get("statusReason")
    fields: dict[int, Field] = {
        1: control,
        **numbers(request.get("identifier", []), sending),
        4: ei(group, sending.making) if (group := request.get("groupIdentifier")) else "",
        5: state,
        8: _parent(request, sending),
        9: moment(request.get("authoredOn")),
        10: xcn(request.get("recorder"), sending),
        12: "" if of_facility else xcn(requester, sending),
        15: moment(start),
        16: cwe(reason, sending.making) if reason else "",
        21: _facility(requester, sending) if of_facility else "",
        29: _setting(request.get("category", [])),
    }
    return row("ORC", fields)


def numbers(identifiers: list[Resource], sending: Sending) -> dict[int, Field]:
    """The placer's number and the filler's."""
    found = {field: of_type(identifiers, kind) for field, kind in ((2, "PLAC"), (3, "FILL"))}
    return {field: ei(one, sending.making) for field, one in found.items() if one}


def prescription_number(resource: Resource) -> str:
    one = of_type(resource.get("identifier", []), PRESCRIPTION_NUMBER)
    return str(one["value"]) if one else ""


def extension(resource: Resource, name: str) -> Any:
    """The value of one of ours; None where it is not there."""
    found = (one for one in resource.get("extension", ()) if one.get("url") == f"{EXTENSION}{name}")
    one: Resource = next(found, {})
    return next((one[member] for member in one if member.startswith("value")), None)


def notes(resource: Resource) -> list[Row]:
    """Annotations as NTE, a line each repetition."""
    texts = (one.get("text", "") for one in resource.get("note", ()))
    return [row("NTE", {1: str(number), 3: text.split("\n")}) for number, text in enumerate(texts, start=1) if text]


def _is_organization(reference: Resource, sending: Sending) -> bool:
    named = reference.get("type") or reference.get("reference", "").partition("/")[0]
    return named == "Organization" or sending.at(reference).get("resourceType") == "Organization"


def _facility(reference: Resource, sending: Sending) -> tuple[Component, ...]:
    """An XON: its name, and its number in component 10."""
    at_hand = sending.at(reference)
    name = reference.get("display") or at_hand.get("name", "")
    identifier = next(iter(at_hand.get("identifier", ())), None)
    if identifier is None:
        return (name,)
    number, *authority = ei(identifier, sending.making)
    return (name, "", "", "", "", tuple(map(str, authority)), "", "", "", number)


def _parent(request: Resource, sending: Sending) -> Field:
    """An EIP of the order this one replaces or is part of, where it is named by its number."""
    related = [request.get("priorPrescription", {}), *request.get("basedOn", ())]
    identifier = next((one["identifier"] for one in related if "identifier" in one), None)
    if identifier is None:
        return ""
    number = tuple(map(str, ei(identifier, sending.making)))
    return ("", number) if of_type([identifier], "FILL") else (number,)


def _setting(categories: list[Resource]) -> Cwe | str:
    """Table 0482."""
    setting = code_in(categories, CATEGORIES)
    return (SETTINGS[setting], setting.capitalize(), "HL70482") if setting in SETTINGS else ""
