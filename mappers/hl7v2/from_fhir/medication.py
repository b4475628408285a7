"""Medication as the drug fields of RXE and RXD, with RXC; the other way round as to_fhir/medication.py."""

from typing import Final

from mappers.hl7v2.from_fhir.concepts import Cwe, cwe, of_coding, system_name
from mappers.hl7v2.from_fhir.quantity import amount
from mappers.hl7v2.from_fhir.sending import Row, Sending, moment, row
from mappers.hl7v2.message import Field
from mappers.hl7v2.to_fhir.medication import FIELDS
from mappers.mapped import Resource

NOTHING: Final[Resource] = {}


def medication_of(resource: Resource, sending: Sending) -> Resource:
    """The Medication of a request or a dispense; a code alone is one that has no more."""
    if "medicationCodeableConcept" in resource:
        return {"code": resource["medicationCodeableConcept"]}
    reference = resource.get("medicationReference", {})
    contained = {f"#{one.get('id')}": one for one in resource.get("contained", ())}
    found = contained.get(reference.get("reference", "")) or sending.at(reference)
    return found or {"code": {"text": reference.get("display", "")}}


def drug_fields(medication: Resource, name: str, sending: Sending) -> dict[int, Field]:
    """Code, supplementary codes, form, strength and lot in the fields that a segment has for them."""
    fields, making = FIELDS[name], sending.making
    code = medication.get("code", NOTHING)
    others = code.get("coding", [])[1:]
    found: dict[int, Field] = {
        fields.code: cwe(code, making),
        fields.supplementary: [of_coding(one, making) for one in others],
    }
    if "form" in medication and fields.form:
        found[fields.form] = cwe(medication["form"], making)
    strength = {} if components(medication) else _only(medication).get("strength", NOTHING)
    found |= _strength(strength, name, sending)
    return found | (_lot(medication, name, sending) if fields.lot else {})


def components(medication: Resource) -> list[Resource]:
    """The ingredients of a compound; the one ingredient that is the drug itself is none."""
    found = medication.get("ingredient", [])
    own = len(found) == 1 and "isActive" not in found[0] and "itemReference" not in found[0]
    return [] if own else list(found)


def rxc(medication: Resource, sending: Sending) -> list[Row]:
    return [_component(one, sending) for one in components(medication)]


def _component(ingredient: Resource, sending: Sending) -> Row:
    item = {"code": ingredient.get("itemCodeableConcept", NOTHING)}
    if "itemReference" in ingredient:
        item = sending.at(ingredient["itemReference"])
    found = drug_fields({name: item[name] for name in ("code", "ingredient") if name in item}, "RXC", sending)
    how_much, unit = amount(ingredient.get("strength", NOTHING).get("numerator"), sending.making)
    return row("RXC", found | {1: "B" if ingredient.get("isActive") is False else "A", 3: how_much, 4: unit})


def _only(medication: Resource) -> Resource:
    return dict(next(iter(medication.get("ingredient", ())), NOTHING))


def _strength(ratio: Resource, name: str, sending: Sending) -> dict[int, Field]:
    """A denominator of one without a unit is none."""
    fields, making = FIELDS[name], sending.making
    if not ratio:
        return {}
    strength, unit = amount(ratio.get("numerator"), making)
    found: dict[int, Field] = {fields.strength: strength, fields.strength_unit: unit}
    denominator = ratio.get("denominator", NOTHING)
    if denominator in (NOTHING, {"value": 1}):
        return found
    volume, volume_unit = amount(denominator, making)
    return found | {fields.volume: volume, fields.volume_unit: volume_unit}


def _lot(medication: Resource, name: str, sending: Sending) -> dict[int, Field]:
    fields = FIELDS[name]
    batch, maker = medication.get("batch", NOTHING), medication.get("manufacturer", NOTHING)
    found: dict[int, Field] = {
        fields.lot: batch.get("lotNumber", ""),
        fields.expiry: moment(batch.get("expirationDate")),
    }
    if maker:
        found[fields.maker] = organization_code(maker, sending)
    return found


def organization_code(reference: Resource, sending: Sending) -> Cwe:
    """A CWE for an organisation: the code it is referred to by, and its name."""
    identifier, at_hand = reference.get("identifier", NOTHING), sending.at(reference)
    identifier = identifier or next(iter(at_hand.get("identifier", ())), NOTHING)
    name = reference.get("display") or at_hand.get("name", "")
    if not identifier:
        return ("", name)
    return (identifier.get("value", ""), name, system_name(identifier.get("system", ""), sending.making))
