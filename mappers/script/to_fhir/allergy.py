"""AllergyOrAdverseEvent -> AllergyIntolerance. https://hl7.org/fhir/R4/allergyintolerance.html."""

from typing import Any, Final

from mappers.mapped import Resource
from mappers.script.codes import drug_coding, sig_coding
from mappers.script.reading import At, Reading
from mappers.script.to_fhir.identity import add_own
from mappers.script.values import instant
from terminology.ncpdp.tables import SNOMED_CT

CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
NO_KNOWN_ALLERGY: Final = {"coding": [{"system": SNOMED_CT, "code": "716186003"}], "text": "No known allergy"}
"""https://hl7.org/fhir/R4/allergyintolerance.html#nkda"""

NONE_KNOWN: Final = "NoKnownAllergies"
KEY: Final = tuple(
    f"{of}/{part}" for of in ("DrugProductCoded", "AdverseEvent") for part in ("Code", "Qualifier", "Text")
)
"""What tells one intolerance of a patient from another, with the day since when."""


def allergies(reading: Reading, patient: Any) -> None:
    """What the patient does not tolerate; that nothing is known is one of them."""
    body = reading.body()
    if body.text("AllergyOrAdverseEvent/NoKnownAllergies") and patient:
        add_own(reading, "AllergyIntolerance", _intolerance(patient) | {"code": NO_KNOWN_ALLERGY}, [NONE_KNOWN], "")
    for count, at in enumerate(body.several("AllergyOrAdverseEvent/Allergies") if patient else (), 1):
        _allergy(reading, at, patient, count)


def _intolerance(patient: Any) -> Resource:
    status = {"coding": [{"system": CLINICAL, "code": "active"}]}
    return {"resourceType": "AllergyIntolerance", "clinicalStatus": status, "patient": patient}


def _allergy(reading: Reading, at: At, patient: Any, count: int) -> None:
    resource = _intolerance(patient)
    code = _concept(at, "DrugProductCoded")
    resource |= {"code": code} if code else {"code": {"text": "Not named"}}
    day = instant(at.text("EffectiveDate/DateTime") or at.text("EffectiveDate/Date"))
    resource |= {"onsetDateTime": day} if day else {}
    reaction = _concept(at, "AdverseEvent")
    resource |= {"reaction": [{"manifestation": [reaction]}]} if reaction else {}
    key = [day or "", *map(at.peek, KEY)] if code else []
    add_own(reading, f"AllergyIntolerance[{count}]", resource, key, at.place)


def _concept(at: At, path: str) -> Resource:
    """Text, Code and Qualifier as a concept; {} where there is none."""
    code, qualifier, text = (at.text(f"{path}/{name}") for name in ("Code", "Qualifier", "Text"))
    coding = drug_coding(code, qualifier) or sig_coding(code, qualifier) if code else None
    if code and not coding:
        at.note(f"{path}/Qualifier", "The qualifier names no code system; of the code only its text was carried")
    concept: Resource = {"coding": [coding]} if coding else {}
    return concept | ({"text": text} if text else {})
