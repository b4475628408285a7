"""AL1 and IAM as AllergyIntolerance.

https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-iam-to-allergyintolerance.html
"""

from typing import Final

from mappers.hl7v2.message import Segment, Value
from mappers.hl7v2.tables import ALLERGY_CATEGORY, ALLERGY_CRITICALITY, ALLERGY_SEVERITY, ALLERGY_TYPE
from mappers.hl7v2.to_fhir.concepts import code, codeable_concept
from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.elements import filled, moment
from mappers.hl7v2.to_fhir.identifiers import derived, ei
from mappers.hl7v2.to_fhir.sharing import share
from mappers.mapped import Resource

CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
VERIFICATION: Final = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
STATUSES: Final = {
    "": ("active", ""),
    "U": ("active", "unconfirmed"),
    "P": ("active", "unconfirmed"),
    "S": ("active", "unconfirmed"),
    "D": ("active", "unconfirmed"),
    "C": ("active", "confirmed"),
    "I": ("inactive", "confirmed"),
    "E": ("", "entered-in-error"),
}
"""0438 in IAM-17: clinical and verification status. What was entered in error has no clinical one (ait-2)."""
SENSITIVITIES: Final = {"AL": "allergy", "IN": "intolerance"}
"""0436 in IAM-9."""
DELETED: Final = "D"


def allergies(draft: Draft, patient: Resource, number: str) -> list[Resource]:
    """References to what each AL1 and IAM says; `number` is the patient's, to tell the allergies of two apart."""
    found = (_allergy(draft, segment, patient, number) for segment in draft.message.all("AL1", "IAM"))
    return [one for one in found if one]


def _allergy(draft: Draft, segment: Segment, patient: Resource, number: str) -> Resource | None:
    allergen = codeable_concept(segment.value(3), draft.making)
    if not allergen:
        draft.note("warning", segment.place(3), "an allergy that does not say to what is not carried")
        return None
    detailed = segment.name == "IAM"
    kind = segment.text(2)
    category = code(segment.value(2), ALLERGY_CATEGORY)
    resource = filled(
        resourceType="AllergyIntolerance",
        identifier=[_identifier(draft, segment, number)],
        **_status(segment, detailed=detailed),
        type=(detailed and SENSITIVITIES.get(segment.text(9))) or ALLERGY_TYPE.get(kind),
        category=[category] if category else [],
        code=allergen,
        patient=patient,
        onsetDateTime=moment(segment.value(11 if detailed else 6), draft.making),
        recordedDate=moment(segment.value(13), draft.making) if detailed else None,
        **_severity(draft, segment),
    )
    if detailed and segment.text(12) and "onsetDateTime" not in resource:
        resource["onsetString"] = segment.text(12)
    return share(draft, resource, segment.place(), "merge")


def _identifier(draft: Draft, segment: Segment, number: str) -> Resource:
    """IAM-7, or else the allergen of the patient."""
    own = ei(segment.value(7), draft.making) if segment.name == "IAM" else None
    allergen = segment.value(3)
    return own or derived(draft.making, "allergy", number, allergen.text(3), allergen.text(1) or allergen.text(2))


def _status(segment: Segment, *, detailed: bool) -> Resource:
    clinical, verification = STATUSES[""]
    if detailed:
        clinical, verification = STATUSES.get(segment.text(17), STATUSES[""])
        if segment.text(6) == DELETED:
            clinical, verification = STATUSES["E"]
    return filled(
        clinicalStatus={"coding": [{"system": CLINICAL, "code": clinical}]} if clinical else None,
        verificationStatus={"coding": [{"system": VERIFICATION, "code": verification}]} if verification else None,
    )


def _severity(draft: Draft, segment: Segment) -> Resource:
    """Of the reaction where there is one: R4 has no reaction without its manifestation. Else how critical it is."""
    manifestations = [one for value in segment.repetitions(5) if (one := _manifestation(draft, value))]
    severity = segment.text(4)
    if manifestations:
        _leave_unknown(segment, ALLERGY_SEVERITY)
        draft.choose("AllergyIntolerance.reaction.severity", segment.place(4), "the severity is that of the reaction")
        return {"reaction": [filled(manifestation=manifestations, severity=ALLERGY_SEVERITY.get(severity))]}
    _leave_unknown(segment, ALLERGY_CRITICALITY)
    return filled(criticality=ALLERGY_CRITICALITY.get(severity))


def _manifestation(draft: Draft, value: Value) -> Resource:
    """Mostly a word of its own; a code where a coding system is named."""
    return codeable_concept(value, draft.making) if value.text(3) else filled(text=value.whole(1) or value.text(2))


def _leave_unknown(segment: Segment, table: dict[str, str]) -> None:
    if segment.text(4) and segment.text(4) not in table:
        segment.value(4).leave(1, "is no severity or criticality of FHIR")
