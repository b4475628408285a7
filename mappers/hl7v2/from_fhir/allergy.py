"""AllergyIntolerance as AL1; the other way round as to_fhir/allergy.py."""

from collections.abc import Sequence
from typing import Final

from mappers.hl7v2.from_fhir.concepts import Cwe, cwe, of_coding
from mappers.hl7v2.from_fhir.sending import Row, Sending, moment, row
from mappers.hl7v2.tables import ALLERGY_CATEGORY, ALLERGY_CRITICALITY, ALLERGY_SEVERITY
from mappers.mapped import Resource

TYPES: Final = {category: code for code, category in reversed(ALLERGY_CATEGORY.items())}
SEVERITIES: Final = {severity: code for code, severity in ALLERGY_SEVERITY.items()}
CRITICALITIES: Final = {criticality: code for code, criticality in ALLERGY_CRITICALITY.items()}
CODES_MAX: Final = 2
WITHDRAWN: Final = frozenset({"entered-in-error", "refuted"})


def allergy_rows(allergies: Sequence[Resource], sending: Sending) -> list[Row]:
    """An AL1 for each that is in force: the segment has no way to say that one is not."""
    told = [one for one in allergies if _in_force(one)]
    if len(told) < len(allergies):
        sending.note("AL1", "allergies that are not in force: there is no field to say so")
    return [_al1(one, number, sending) for number, one in enumerate(told, start=1)]


def _al1(allergy: Resource, number: int, sending: Sending) -> Row:
    reactions = allergy.get("reaction", ())
    manifestations = [one for reaction in reactions for one in reaction.get("manifestation", ())]
    severity = next((SEVERITIES[one["severity"]] for one in reactions if one.get("severity") in SEVERITIES), "")
    return row(
        "AL1",
        {
            1: str(number),
            2: next((TYPES[one] for one in allergy.get("category", ()) if one in TYPES), ""),
            3: _code(allergy.get("code", {}), sending),
            4: severity or CRITICALITIES.get(allergy.get("criticality", ""), ""),
            5: [_words(one) for one in manifestations],
            6: moment(allergy.get("onsetDateTime"))[:8],
        },
    )


def _code(concept: Resource, sending: Sending) -> Cwe:
    """A CE or CWE has an alternate code beside the first, from 2.7 on a third one that older partners do not read."""
    codings = concept.get("coding", [])
    if len(codings) < 2:  # noqa: PLR2004  no alternate one
        return cwe(concept, sending.making)
    if len(codings) > CODES_MAX:
        sending.note("AL1-3", "more codes than the field has room for")
    first, alternate = (of_coding(one, sending.making) for one in codings[:CODES_MAX])
    return (*first, *alternate, "", "", str(concept.get("text", "")))


def _words(concept: Resource) -> str:
    """AL1-5 is a text."""
    first: Resource = next(iter(concept.get("coding", ())), {})
    return str(concept.get("text") or first.get("display") or first.get("code", ""))


def _in_force(allergy: Resource) -> bool:
    return "active" in _codes(allergy, "clinicalStatus") and not _codes(allergy, "verificationStatus") & WITHDRAWN


def _codes(allergy: Resource, element: str) -> frozenset[str]:
    return frozenset(str(one.get("code", "")) for one in allergy.get(element, {}).get("coding", ()))
