"""BenefitsCoordination -> Coverage. https://hl7.org/fhir/R4/coverage.html."""

from typing import Any, Final

from mappers.mapped import Resource
from mappers.script.benefits_rows import CLASS_CODES, CLASSES, COVERAGE
from mappers.script.reading import At, Reading
from mappers.script.rows import fill
from mappers.script.to_fhir.identity import add_own

MEMBER: Final = ("CardholderID", "PBMMemberID")
PLAN: Final = ("PayerIdentification/PayerID", *CLASS_CODES, "PayerName")


def coverages(reading: Reading, patient: Any) -> list[Any]:
    """The references to the patient's coverages, the primary first."""
    places = list(reading.body().several("BenefitsCoordination"))
    return [_coverage(reading, at, patient, number) for number, at in enumerate(places, 1)]


def _coverage(reading: Reading, at: At, patient: Any, number: int) -> Any:
    resource: Resource = {"resourceType": "Coverage", "status": "active", "beneficiary": patient}
    fill(resource, COVERAGE, at)
    classes = [(code, at.text(path)) for path, code in CLASS_CODES.items()]
    named = [{"type": {"coding": [{"system": CLASSES, "code": code}]}, "value": text} for code, text in classes if text]
    resource |= {"class": named} if named else {}
    payer_id = at.text("PayerIdentification/PayerID")
    payor: Resource = resource.setdefault("payor", [{}])[0]
    if payer_id:
        payor["identifier"] = {"system": reading.making.system_of("PayerID"), "value": payer_id}
    if not payor:
        payor["display"] = "Not named"
    group_name = at.text("GroupName")
    for one in resource.get("class", ()):
        if group_name and one["type"]["coding"][0]["code"] == "rxgroup":
            one["name"] = group_name
    is_told = any(map(at.peek, MEMBER))
    key = [at.peek(path) for path in (*MEMBER, *PLAN)] if is_told else []
    return add_own(reading, f"Coverage[{number}]", resource, key, at.place)
