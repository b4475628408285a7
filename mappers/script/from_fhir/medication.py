"""A CodeableConcept, or a Medication (contained or at hand) -> DrugDescription, DrugCoded, CompoundInformation."""

from typing import Final

from mappers.mapped import Resource
from mappers.script.codes import NDC, coding_of, unit_code
from mappers.script.from_fhir.sending import Sending
from mappers.script.paths import get
from mappers.script.rows import EXTENSION
from mappers.script.values import NUMBER
from terminology.ncpdp.tables import NCIT, RXNORM
from terminology.ndc.eleven import ndc11

Texts = list[tuple[str, str]]
DESCRIPTION_MAX: Final = 105
"""Longest DrugDescription (characters)."""


def medication(sending: Sending, resource: Resource) -> Texts:
    """Paths and texts of what is prescribed or was dispensed."""
    product = _product(sending, resource)
    concept = product.get("code", {})
    description = concept.get("text") or next(
        (one["display"] for one in concept.get("coding", ()) if "display" in one), ""
    )
    if len(description) > DESCRIPTION_MAX:
        sending.note("DrugDescription", f"It is longer than {DESCRIPTION_MAX} characters")
    texts = [("DrugDescription", description), *_codes(concept)]
    ingredients = list(product.get("ingredient", ()))
    form = str(coding_of(product.get("form"), NCIT).get("code", ""))
    if ingredients and ingredients[0].get("itemCodeableConcept") == {"text": description}:
        texts += _amount("DrugCoded/Strength/Strength", ingredients.pop(0), "Value", "UnitOfMeasure/Code")
    if ingredients:
        texts.append(("CompoundInformation/FinalCompoundPharmaceuticalDosageForm", form))
    else:
        texts.append(("DrugCoded/Strength/StrengthForm/Code", form))
    for number, ingredient in enumerate(ingredients, 1):
        texts += _ingredient(f"CompoundInformation/CompoundIngredientsLotNotUsed[{number}]", ingredient)
    return texts


def _product(sending: Sending, resource: Resource) -> Resource:
    """The Medication, or the concept as if it were one."""
    if "medicationCodeableConcept" in resource:
        return {"code": resource["medicationCodeableConcept"]}
    reference = resource.get("medicationReference", {})
    contained = {f"#{one.get('id')}": one for one in resource.get("contained", ())}
    return contained.get(reference.get("reference")) or sending.at(reference) or {}


def _codes(concept: Resource) -> Texts:
    ndc, rxnorm = coding_of(concept, NDC), coding_of(concept, RXNORM)
    texts: Texts = []
    if ndc:
        texts += [("DrugCoded/ProductCode/Code", ndc11(ndc["code"]) or ndc["code"])]
        texts += [("DrugCoded/ProductCode/Qualifier", "ND")]
    if rxnorm:
        qualifier = get(rxnorm, f"extension[url={EXTENSION}DrugDBCode-Qualifier].valueCode") or "SCD"
        texts += [("DrugCoded/DrugDBCode/Code", rxnorm["code"]), ("DrugCoded/DrugDBCode/Qualifier", qualifier)]
    return texts


def _amount(path: str, ingredient: Resource, value: str, unit: str) -> Texts:
    numerator = ingredient.get("strength", {}).get("numerator", {})
    if "value" not in numerator:
        return []
    return [(f"{path}{value}", NUMBER.write(numerator["value"])), (f"{path}{unit}", unit_code(numerator))]


def _ingredient(path: str, ingredient: Resource) -> Texts:
    concept = ingredient.get("itemCodeableConcept", {})
    coding = coding_of(concept, NDC, RXNORM)
    qualifier = {NDC: "ND", RXNORM: "SCD"}.get(coding.get("system", ""), "")
    return [
        (f"{path}/CompoundIngredient/CompoundIngredientItemDescription", concept.get("text", "")),
        (f"{path}/CompoundIngredient/ItemNumber/Code", coding.get("code", "")),
        (f"{path}/CompoundIngredient/ItemNumber/Qualifier", qualifier),
        *_amount(f"{path}/Quantity/", ingredient, "Value", "QuantityUnitOfMeasure/Code"),
    ]
