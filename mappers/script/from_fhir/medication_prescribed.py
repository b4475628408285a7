"""MedicationRequest -> MedicationPrescribed, MedicationRequested, MedicationResponse."""

from typing import Any, Final

from mappers.mapped import Resource
from mappers.script.codes import coding_of, unit_code
from mappers.script.from_fhir.medication import medication
from mappers.script.from_fhir.sending import Sending
from mappers.script.from_fhir.sig import sig
from mappers.script.medication_rows import DATES, HL7_SCHEDULE, MEDICATION_REQUEST, ORIGINAL, QUALIFIER, SCHEDULE
from mappers.script.paths import get
from mappers.script.rows import EXTENSION, draw
from mappers.script.tree import Node, grown
from mappers.script.values import DAY, ICD_10_CM, MOMENT, NUMBER
from terminology.ncpdp import tables

Texts = list[tuple[str, str]]
CARRIED: Final = frozenset(
    """resourceType id meta text contained extension identifier status statusReason intent category medicationReference
    medicationCodeableConcept subject authoredOn requester recorder performer reasonCode insurance note
    dosageInstruction dispenseRequest substitution supportingInformation priorPrescription basedOn reported
    language implicitRules groupIdentifier encounter priority""".split()
)
"""Elements that are written, or that say nothing a prescription has to say."""


def medication_prescribed(
    sending: Sending, resource: Resource, name: str = "MedicationPrescribed", *, count_first_fill: bool = False
) -> Node:
    texts = medication(sending, resource) + _schedule(resource)
    texts += quantity(get(resource, "dispenseRequest.quantity"), get(resource, QUALIFIER))
    texts += list(draw(resource, MEDICATION_REQUEST, sending.making))
    if count_first_fill:
        texts = [(path, _one_more(text) if path == "NumberOfRefills" else text) for path, text in texts]
    texts += _dates(resource) + _diagnoses(sending, resource) + sig(sending, resource.get("dosageInstruction", []))
    for left in sorted(resource.keys() - CARRIED):
        sending.note(f"MedicationRequest.{left}", "SCRIPT was given nothing of it")
    return grown(name, texts)


def _one_more(text: str) -> str:
    return str(int(text) + 1)


def _schedule(resource: Resource) -> Texts:
    """SCRIPT has one: the strictest, or a text that is none before the code that says there is none."""
    said = [coding_of(one, tables.NCIT, SCHEDULE, HL7_SCHEDULE).get("code", "") for one in resource.get("category", ())]
    codes = [tables.schedule(code) for code in said if code]
    strictest = [code for code in tables.DEA_SCHEDULES if code in codes]
    chosen = strictest or sorted(codes, key=lambda code: code == tables.UNSPECIFIED)
    return [("DrugCoded/DEASchedule/Code", code) for code in chosen[:1]]


def quantity(amount: Any, qualifier: str | None) -> Texts:
    """Value, CodeListQualifier and unit; a quantity without a number is a qualifier alone."""
    if amount is None or "value" not in amount:
        return [("Quantity/CodeListQualifier", qualifier)] if qualifier else []
    code = unit_code(amount)
    unit = ("Code", code) if code else ("Text", str(amount.get("unit", "")))
    return [
        ("Quantity/Value", NUMBER.write(amount["value"])),
        ("Quantity/CodeListQualifier", qualifier or ORIGINAL),
        (f"Quantity/QuantityUnitOfMeasure/{unit[0]}", unit[1]),
    ]


def _dates(resource: Resource) -> Texts:
    found = [(name, get(resource, f"dispenseRequest.{path}")) for name, path in DATES.items()]
    texts: Texts = []
    for number, (name, when) in enumerate(((name, when) for name, when in found if when), 1):
        path = f"OtherMedicationDate[{number}]/OtherMedicationDate"
        texts += [(f"{path}/Date", DAY.write(when)), (f"{path}/DateTime", MOMENT.write(when))]
        texts.append((f"{path}Qualifier", name))
    return texts


def _diagnoses(sending: Sending, resource: Resource) -> Texts:
    """Two reasons to a Diagnosis, the first of them its Primary."""
    texts: Texts = []
    for number, reason in enumerate(resource.get("reasonCode", ())):
        path = f"Diagnosis[{number // 2 + 1}]/{'Secondary' if number % 2 else 'Primary'}"
        code, qualifier = _diagnosis(reason)
        if not code and not reason.get("text"):
            sending.note("MedicationRequest.reasonCode", "It is neither in ICD-10-CM nor in words")
        texts += [(f"{path}/Code", code), (f"{path}/Qualifier", qualifier)]
        texts.append((f"{path}/Description", reason.get("text", "")))
    return texts


def _diagnosis(reason: Resource) -> tuple[str, str]:
    code = coding_of(reason, tables.ICD_10_CM).get("code")
    if code:
        return ICD_10_CM.write(code), "ABF"
    other = get(reason, f"extension[url={EXTENSION}Diagnosis-Code].valueString") or ""
    qualifier, _, value = str(other).partition("|")
    return value, qualifier
