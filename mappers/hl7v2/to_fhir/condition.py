"""DG1 as Condition. https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-dg1-to-condition.html."""

from typing import Final

from mappers.hl7v2.message import Segment
from mappers.hl7v2.tables import CODE_SYSTEMS, DIAGNOSIS_USE
from mappers.hl7v2.to_fhir.concepts import code_system, codeable_concept
from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.elements import filled, moment, number
from mappers.hl7v2.to_fhir.identifiers import derived, ei
from mappers.hl7v2.to_fhir.practitioner import practitioners
from mappers.hl7v2.to_fhir.sharing import share
from mappers.mapped import Resource

CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/condition-category"
VERIFICATION: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
DELETED: Final = "D"


def diagnoses(draft: Draft, patient: Resource, known_by: str) -> list[Resource]:
    """Encounter.diagnosis of each DG1, with a Condition each; `known_by` is the number of the visit or the patient."""
    found = (_diagnosis(draft, segment, patient, known_by) for segment in draft.message.all("DG1"))
    return [one for one in found if one]


def _diagnosis(draft: Draft, segment: Segment, patient: Resource, known_by: str) -> Resource | None:
    code = diagnosis_code(draft, segment)
    if not code:
        draft.note("warning", segment.place(3), "a diagnosis without code or text is not carried")
        return None
    clinicians = practitioners(draft, segment, 16)
    resource = filled(
        resourceType="Condition",
        identifier=[_identifier(draft, segment, known_by)],
        verificationStatus=_coded(VERIFICATION, "entered-in-error") if segment.text(21) == DELETED else None,
        category=[_coded(CATEGORY, "encounter-diagnosis")],
        code=code,
        subject=patient,
        onsetDateTime=moment(segment.value(5), draft.making),
        recordedDate=moment(segment.value(19), draft.making),
        asserter=clinicians[0] if clinicians else None,
    )
    reference = share(draft, resource, segment.place(), "merge")
    rank = number(segment.value(15))
    use = codeable_concept(segment.value(6), draft.making, DIAGNOSIS_USE)
    return filled(condition=reference, use=use, rank=rank if isinstance(rank, int) and rank > 0 else None)


def diagnosis_code(draft: Draft, segment: Segment) -> Resource:
    """DG1-3 with the words of DG1-4; before 2.4 its coding system stands in DG1-2."""
    value, method = segment.value(3), segment.text(2)
    code = codeable_concept(value, draft.making)
    if code.get("coding") and method and not value.text(3):
        code["coding"][0]["system"] = code_system(method, draft.making)
        if method.upper() not in CODE_SYSTEMS:
            draft.note("information", segment.place(2), "a coding system that only the sender knows")
    text = segment.text(4)
    return {**code, "text": text} if text else code


def _identifier(draft: Draft, segment: Segment, known_by: str) -> Resource:
    value = segment.value(3)
    named = value.text(1) or segment.text(4) or value.text(2)
    return ei(segment.value(20), draft.making) or derived(
        draft.making, "diagnosis", known_by, value.text(3), named, segment.text(6)
    )


def _coded(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}
