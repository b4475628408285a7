"""RDE^O11 of a MedicationRequest; the other way round as to_fhir/medication_request.py."""

from collections.abc import Mapping
from typing import Final

from mappers.hl7v2.from_fhir.concepts import code_in, cwe
from mappers.hl7v2.from_fhir.coverage import coverage_rows
from mappers.hl7v2.from_fhir.dosage import dosage_fields, rxr, timings
from mappers.hl7v2.from_fhir.encounter import pv1
from mappers.hl7v2.from_fhir.medication import drug_fields, medication_of, organization_code, rxc
from mappers.hl7v2.from_fhir.orders import extension, notes, orc_of_request, prescription_number
from mappers.hl7v2.from_fhir.patient import patient_rows
from mappers.hl7v2.from_fhir.persons import xad
from mappers.hl7v2.from_fhir.practitioner import dea_number, xcn
from mappers.hl7v2.from_fhir.quantity import amount, number, one_unit
from mappers.hl7v2.from_fhir.sending import Envelope, Row, Sending, Written, moment, row
from mappers.hl7v2.message import Field, Repetition
from mappers.hl7v2.pharmacy_tables import ORDER_TYPES, SCHEDULES, V2
from mappers.making import Making
from mappers.mapped import Resource

KIND: Final = ("RDE", "O11", "RDE_O11")
AGENTS: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
VERIFIER: Final = "verifier"
NOTHING: Final[Resource] = {}


def rde(request: Resource, resources: Mapping[str, Resource], making: Making, envelope: Envelope) -> Written:
    """An order with the patient it is for, his visit and who pays. `resources` are all it refers to, by reference.

    Raises Hl7Fault 103 where the request is no order: a draft, or of a status nobody knows; 102 where amounts share a
    field for their unit and have several.
    """
    sending = Sending(resources, making)
    patient, visit = patient_rows(request.get("subject"), sending), pv1(request.get("encounter"), sending)
    paid = coverage_rows(_coverages(request, sending), sending)
    return sending.written(KIND, [*patient, visit, *paid, *order_rows(request, sending)], envelope)


def _coverages(request: Resource, sending: Sending) -> list[Resource]:
    """MedicationRequest.insurance may also be a ClaimResponse, for which there is no segment."""
    found = [one for reference in request.get("insurance", ()) if (one := sending.at(reference))]
    told = [one for one in found if one.get("resourceType") == "Coverage"]
    if len(told) < len(found):
        sending.note("IN1", "an insurance that is no Coverage has no place in it")
    return told


def order_rows(request: Resource, sending: Sending) -> list[Row]:
    """ORC, RXO where the prescriber allows something, RXE, NTE, TQ1, RXR, RXC."""
    dosages = request.get("dosageInstruction", [])
    medication = medication_of(request, sending)
    priority = request.get("priority", "")
    routes = rxr(dosages, sending)
    written = _rxo(request, medication, sending)
    return [
        orc_of_request(request, sending),
        *([written, *routes] if written else []),
        _rxe(request, medication, sending),
        *notes(request),
        *timings(dosages, priority, sending),
        *routes,
        *rxc(medication, sending),
    ]


def _rxo(request: Resource, medication: Resource, sending: Sending) -> Row | None:
    """What may be substituted, and how often is dispensed: RXE has no field that says either."""
    allowed = _allowed(request)
    interval = request.get("dispenseRequest", NOTHING).get("dispenseInterval", NOTHING)
    days = number(interval.get("value")) if interval.get("code") == "d" else ""
    if interval and not days:
        sending.note("RXO-28", "an interval that is not in days has no place in it")
    if not allowed and not days:
        return None
    code: Field = cwe(medication.get("code", NOTHING), sending.making)
    return row("RXO", {1: code, 9: allowed, 28: days})


def _allowed(request: Resource) -> str:
    """Table 0161."""
    substitution = request.get("substitution", NOTHING)
    if "allowedBoolean" in substitution:
        return "G" if substitution["allowedBoolean"] else "N"
    return code_in([substitution.get("allowedCodeableConcept", NOTHING)], f"{V2}0161")


def _rxe(request: Resource, medication: Resource, sending: Sending) -> Row:
    making, dispense = sending.making, request.get("dispenseRequest", NOTHING)
    dosages = request.get("dosageInstruction", [])
    categories, last = request.get("category", []), extension(request, "last-fill")
    quantity, unit = amount(dispense.get("quantity"), making)
    first, first_unit = amount(dispense.get("initialFill", NOTHING).get("quantity"), making)
    performer = dispense.get("performer")
    fields: dict[int, Field] = {
        **drug_fields(medication, "RXE", sending),
        **dosage_fields(dosages, "RXE", sending),
        9: code_in([request.get("substitution", NOTHING).get("allowedCodeableConcept", NOTHING)], f"{V2}0167"),
        10: quantity,
        11: one_unit("RXE-11", unit, first_unit),
        12: number(dispense.get("numberOfRepeatsAllowed")),
        13: dea_number(request.get("requester"), sending),
        14: _verifiers(request, sending),
        15: prescription_number(request),
        16: number(extension(request, "refills-remaining")),
        17: number(extension(request, "refills-dispensed")),
        18: moment(last),
        27: [cwe(one, making) for one in request.get("reasonCode", ())],
        32: moment(request.get("authoredOn")),
        35: _of_table(categories, "0477", SCHEDULES),
        39: first,
        40: organization_code(performer, sending) if performer else "",
        41: _address(performer, sending),
        44: _of_table(categories, "0480", ORDER_TYPES),
    }
    return row("RXE", fields)


def _verifiers(request: Resource, sending: Sending) -> list[Repetition]:
    """Who the Provenances of the order that are at hand say has verified it."""
    histories = (sending.resources.get(one.get("reference", ""), NOTHING) for one in request.get("eventHistory", ()))
    agents = (agent for history in histories for agent in history.get("agent", ()))
    return [xcn(one.get("who"), sending) for one in agents if code_in([one.get("type", NOTHING)], AGENTS) == VERIFIER]


def _address(pharmacy: Resource | None, sending: Sending) -> Field:
    """Of the pharmacy, where it is at hand."""
    found = sending.resources.get((pharmacy or NOTHING).get("reference", ""), NOTHING).get("address", ())
    return xad(found[0]) if found else ""


def _of_table(categories: list[Resource], table: str, codes: frozenset[str]) -> str:
    code = code_in(categories, f"{V2}{table}")
    return code if code in codes else ""
