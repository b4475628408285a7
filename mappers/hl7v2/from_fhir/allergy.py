"""AllergyIntolerance as AL1. The other way round: `to_fhir/allergy.py`."""

from typing import Final

from mappers.hl7v2.from_fhir.concepts import cwe
from mappers.hl7v2.message import Field
from mappers.hl7v2.tables import ALLERGY_CATEGORY, ALLERGY_CRITICALITY, ALLERGY_SEVERITY
from mappers.hl7v2.times import timestamp
from mappers.mapped import Note, Resource

TYPES: Final = {category: code for code, category in reversed(ALLERGY_CATEGORY.items())}
SEVERITIES: Final = {severity: code for code, severity in ALLERGY_SEVERITY.items()}
CRITICALITIES: Final = {criticality: code for code, criticality in ALLERGY_CRITICALITY.items()}


def al1(allergies: list[Resource]) -> tuple[list[list[Field]], list[Note]]:
    """An AL1 for each that is in force: the segment has no way to say that one is not."""
    told, notes = [], []
    for number, allergy in enumerate(allergies):
        if _in_force(allergy):
            told.append(_al1(allergy, len(told) + 1))
        else:
            text = "an allergy that is not in force: AL1 cannot say so"
            notes.append(Note("warning", f"AllergyIntolerance[{number}]", text))
    return told, notes


def _al1(allergy: Resource, number: int) -> list[Field]:
    reactions = allergy.get("reaction", ())
    manifestations = [one for reaction in reactions for one in reaction.get("manifestation", ())]
    severity = next((SEVERITIES[one["severity"]] for one in reactions if one.get("severity") in SEVERITIES), "")
    return [
        "AL1",
        str(number),
        next((TYPES[one] for one in allergy.get("category", ()) if one in TYPES), ""),
        cwe(allergy.get("code", {})),
        severity or CRITICALITIES.get(allergy.get("criticality", ""), ""),
        [_text(one) for one in manifestations],
        timestamp(allergy.get("onsetDateTime", ""))[:8],
    ]


def _text(concept: Resource) -> str:
    """AL1-5 is a text."""
    return str(
        concept.get("text") or next((one.get("display", one.get("code")) for one in concept.get("coding", ())), "")
    )


def _in_force(allergy: Resource) -> bool:
    clinical = {one.get("code") for one in allergy.get("clinicalStatus", {}).get("coding", ())}
    verified = {one.get("code") for one in allergy.get("verificationStatus", {}).get("coding", ())}
    return "active" in clinical and not verified & {"entered-in-error", "refuted"}
