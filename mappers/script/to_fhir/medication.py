"""DrugDescription, DrugCoded, CompoundInformation -> a CodeableConcept, or a contained Medication.

https://hl7.org/fhir/R4/medication.html: contained where strength, form or ingredients are said, which only a Medication
can carry; it is the product as this one message describes it, so it is not shared between orders.
"""

from typing import Any, Final

from mappers.mapped import Resource
from mappers.script.codes import drug_coding, unit
from mappers.script.reading import At
from mappers.script.rows import EXTENSION
from mappers.script.values import number
from terminology.ncpdp import tables

CONTAINED: Final = "medication"
_ONE: Final = {"value": 1}


def medication(at: At) -> Resource:
    """The elements `medicationCodeableConcept`, or `contained` and `medicationReference`."""
    concept = _concept(at)
    ingredients = [_ingredient(one) for one in at.several("CompoundInformation/CompoundIngredientsLotNotUsed")]
    form = _form(at, "DrugCoded/Strength/StrengthForm/Code") or _form(
        at, "CompoundInformation/FinalCompoundPharmaceuticalDosageForm"
    )
    strength = _strength(at, "DrugCoded/Strength")
    if strength:
        ingredients.insert(0, {"itemCodeableConcept": {"text": concept["text"]}, "strength": strength})
    if not ingredients and not form:
        return {"medicationCodeableConcept": concept}
    product: Resource = {"resourceType": "Medication", "id": CONTAINED, "code": concept}
    product |= {"form": form} if form else {}
    product |= {"ingredient": ingredients} if ingredients else {}
    return {"contained": [product], "medicationReference": {"reference": f"#{CONTAINED}"}}


def _concept(at: At) -> Resource:
    codings = [_coding(at, f"DrugCoded/{name}") for name in ("ProductCode", "DrugDBCode")]
    found = [coding for coding in codings if coding]
    return ({"coding": found} if found else {}) | {"text": at.text("DrugDescription") or "Not described"}


def _coding(at: At, path: str) -> Resource | None:
    code, qualifier = at.text(f"{path}/Code"), at.text(f"{path}/Qualifier")
    coding = drug_coding(code, qualifier) if code else None
    if code and coding is None:
        at.note(path, "The qualifier names no code system that FHIR knows: the code was left out")
    if coding and coding["code"] != code:
        coding["extension"] = [{"url": f"{EXTENSION}ProductCode-Code", "valueString": code}]
    elif coding and qualifier in tables.PRODUCT_CODES and len(code) != 11:  # noqa: PLR2004 - digits of an NDC
        at.note(f"{path}/Code", "The NDC does not have eleven digits, nor dashes that say which are missing")
    if coding and qualifier in tables.DRUG_DATABASES:
        coding["extension"] = [{"url": f"{EXTENSION}DrugDBCode-Qualifier", "valueCode": qualifier}]
    return coding


def _form(at: At, path: str) -> Resource:
    code = at.text(path)
    named = tables.name(code)
    return {"coding": [{"system": tables.NCIT, "code": code} | ({"display": named} if named else {})]} if code else {}


def _strength(at: At, path: str) -> Resource:
    """A ratio to one of the form: 10 mg of a tablet, 250 mg/5 mL of a solution."""
    text, code = at.text(f"{path}/StrengthValue"), at.text(f"{path}/StrengthUnitOfMeasure/Code")
    value = number(text)
    if text and value is None:
        at.note(f"{path}/StrengthValue", "It is no number; the description says it in words")
    return {"numerator": {"value": value, **unit(code)}, "denominator": _ONE} if value is not None else {}


def _ingredient(at: At) -> Resource:
    """An ingredient of a compound, with how much of it goes in."""
    code, qualifier = (at.text(f"CompoundIngredient/ItemNumber/{name}") for name in ("Code", "Qualifier"))
    coding = drug_coding(code, qualifier) if code else None
    text = at.text("CompoundIngredient/CompoundIngredientItemDescription")
    concept: Resource = ({"coding": [coding]} if coding else {}) | ({"text": text} if text else {})
    value = number(at.text("Quantity/Value"))
    made: Resource = {"itemCodeableConcept": concept or {"text": "Not described"}}
    at.carry("Quantity/CodeListQualifier")
    if value is not None:
        amount = {"value": value, **unit(at.text("Quantity/QuantityUnitOfMeasure/Code"))}
        made["strength"] = {"numerator": amount, "denominator": _ONE}
    return made


def same_product(one: Any, other: Any) -> bool | None:
    """Whether two mapped medications are one product by a code both have; None where that cannot be told."""
    codes = [{(c["system"], c["code"]) for c in concept_of(each).get("coding", ())} for each in (one, other)]
    systems = {system for system, _ in codes[0]} & {system for system, _ in codes[1]}
    return bool(codes[0] & codes[1]) if systems else None


def concept_of(resource: Resource) -> Resource:
    """The concept of what `medication` made."""
    if "medicationCodeableConcept" in resource:
        return dict(resource["medicationCodeableConcept"])
    contained = {one.get("id"): one for one in resource.get("contained", ())}
    return dict(contained.get(CONTAINED, {}).get("code", {}))
