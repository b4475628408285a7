"""AllergyIntolerance -> AllergyOrAdverseEvent."""

from typing import Any

from mappers.mapped import Resource
from mappers.script.codes import NDC, coding_of, sig_qualifier
from mappers.script.from_fhir.sending import Sending, within
from mappers.script.to_fhir.allergy import NO_KNOWN_ALLERGY
from mappers.script.tree import Node, grown
from mappers.script.values import DAY, MOMENT
from terminology.ncpdp.tables import NCIT, RXNORM, SNOMED_CT


def allergies(sending: Sending, patient: Any) -> Node | None:
    """What the resources at hand say the patient does not tolerate."""
    found = [one for one in sending.resources.values() if one["resourceType"] == "AllergyIntolerance"]
    found = [one for one in found if one.get("patient") == patient]
    if any(one.get("code") == NO_KNOWN_ALLERGY for one in found):
        return within("AllergyOrAdverseEvent", Node("NoKnownAllergies", "Y"))
    return within("AllergyOrAdverseEvent", *map(_allergy, found))


def _allergy(resource: Resource) -> Node:
    when = resource.get("onsetDateTime", "")
    reaction: Resource = next((one["manifestation"][0] for one in resource.get("reaction", ())), {})
    texts = [("EffectiveDate/Date", DAY.write(when)), ("EffectiveDate/DateTime", MOMENT.write(when))]
    texts += _coded("AdverseEvent", reaction) + _coded("DrugProductCoded", resource.get("code", {}))
    return grown("Allergies", texts)


def _coded(path: str, concept: Resource) -> list[tuple[str, str]]:
    coding = coding_of(concept, NDC, RXNORM, SNOMED_CT, NCIT)
    qualifier = {NDC: "ND", RXNORM: "SCD"}.get(coding.get("system", ""), "") or sig_qualifier(coding.get("system", ""))
    text = "" if concept.get("text") == "Not named" else concept.get("text", "")
    return [(f"{path}/Text", text), (f"{path}/Code", coding.get("code", "")), (f"{path}/Qualifier", qualifier)]
