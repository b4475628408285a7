"""What is to be given, or was: the drug fields of RXO, RXE, RXD, RXG and RXA with RXC to Medication.

https://hl7.org/fhir/R4/medication.html. A code alone stays a code; a form, a strength, ingredients or a lot make a
Medication, which has the identifier of the order or dispense that describes it, so that a repeat changes it.
"""

from dataclasses import dataclass
from typing import Any, Final

from mappers.hl7v2.message import Segment, Value
from mappers.hl7v2.to_fhir.concepts import code_system, codeable_concept, codings
from mappers.hl7v2.to_fhir.draft import Draft, condition_of
from mappers.hl7v2.to_fhir.elements import filled, moment, told
from mappers.hl7v2.to_fhir.identifiers import derived
from mappers.hl7v2.to_fhir.quantity import quantity, ratio
from mappers.hl7v2.to_fhir.sharing import numbered
from mappers.mapped import Resource
from terminology.ndc.eleven import SYSTEM as NDC
from terminology.ndc.eleven import ndc11

BASE: Final = "B"
"""RXC-1 (table 0166): what the additives are put into."""
REPLACED: Final = ("form", "ingredient", "batch", "manufacturer")
"""Elements that a newer description of a medication takes away by not having them."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a segment that describe a drug; 0 where it has none."""

    code: int
    supplementary: int = 0
    form: int = 0
    strength: int = 0
    strength_unit: int = 0
    volume: int = 0
    volume_unit: int = 0
    lot: int = 0
    expiry: int = 0
    maker: int = 0


FIELDS: Final = {
    "RXO": Fields(1, 24, 5, 18, 19, 25, 26),
    "RXE": Fields(2, 31, 6, 25, 26, 33, 34),
    "RXD": Fields(2, 25, 6, 16, 17, 28, 29, 18, 19, 20),
    "RXG": Fields(4, 0, 8, 17, 18, 23, 24, 19, 20, 21),
    "RXA": Fields(5, 0, 8, 13, 14, 23, 24, 15, 16, 17),
    "RXC": Fields(2, 7, 0, 5, 6, 8, 9),
}


def medication(
    segment: Segment, components: list[Segment], identifier: Resource | None, draft: Draft
) -> dict[str, Resource]:
    """`{"medicationCodeableConcept": …}` or `{"medicationReference": …}`. Raises Hl7Fault 101 without a drug."""
    fields = FIELDS[segment.name]
    draft.required(segment, fields.code)
    code = drug(segment, fields, draft)
    described = filled(
        form=codeable_concept(segment.value(fields.form), draft.making) if fields.form else None,
        manufacturer=_maker(segment, fields, draft),
        ingredient=_ingredients(segment, fields, components, code, identifier, draft),
        batch=_batch(segment, fields, draft),
    )
    if not described:
        return {"medicationCodeableConcept": code}
    resource = filled(resourceType="Medication", identifier=[identifier] if identifier else None, code=code)
    return {"medicationReference": _added(resource | described, segment, identifier, draft)}


def other_choice(found: dict[str, Any]) -> tuple[str, ...]:
    """The elements that what is merged into must lose: it may have had the other kind of medication."""
    return tuple(name for name in ("medicationCodeableConcept", "medicationReference") if name not in found)


def drug(segment: Segment, fields: Fields, draft: Draft) -> Resource:
    """Its code with the supplementary ones, NDC in eleven digits where that takes no guess."""
    value = segment.value(fields.code)
    found = codeable_concept(value, draft.making)
    several = codings(value, draft.making)
    if fields.supplementary:
        extra = (codings(one, draft.making) for one in segment.repetitions(fields.supplementary))
        several += [coding for one in extra for coding in one]
    place = segment.place(fields.code)
    return found | filled(coding=[_normal(coding, place, draft) for coding in several])


def _normal(coding: Resource, place: str, draft: Draft) -> Resource:
    if coding.get("system") != NDC:
        return coding
    eleven = ndc11(coding["code"])
    if eleven is None:
        draft.note("warning", place, "an NDC that does not say its parts: left as it is written")
        return coding
    if eleven != coding["code"]:
        draft.choose("Medication.code", place, "the parts of an NDC say how it is written in eleven digits")
    return coding | {"code": eleven}


def _added(resource: Resource, segment: Segment, identifier: Resource | None, draft: Draft) -> Resource:
    name = numbered(draft, "Medication")
    if identifier is None:
        return dict(draft.add(name, resource, segment.place()))
    gone = tuple(element for element in REPLACED if element not in resource)
    condition = condition_of(identifier)
    return dict(draft.add(name, resource, segment.place(), how="merge", condition=condition, cleared=gone))


def _ingredients(
    segment: Segment,
    fields: Fields,
    components: list[Segment],
    code: Resource,
    identifier: Resource | None,
    draft: Draft,
) -> list[Resource]:
    """Those of a compound (RXC), else the drug itself with its strength."""
    strength = _strength(segment, fields, draft)
    if not components:
        return [{"itemCodeableConcept": code, "strength": strength}] if strength else []
    if strength:
        segment.value(fields.strength).leave(1, "is the strength of a compound, whose components have their own")
    return [_component(one, _key(identifier, number, draft), draft) for number, one in enumerate(components, start=1)]


def _key(identifier: Resource | None, number: int, draft: Draft) -> Resource | None:
    """Of the how-manieth component of what has an identifier."""
    if identifier is None:
        return None
    return derived(draft.making, "component", identifier["system"], identifier["value"], str(number))


def _component(segment: Segment, key: Resource | None, draft: Draft) -> Resource:
    """So much of it is in the whole (RXC-3); its own strength (RXC-5) makes it a medication within this one."""
    fields = FIELDS["RXC"]
    draft.required(segment, fields.code)
    code = drug(segment, fields, draft)
    kind = segment.text(1)
    strength = _strength(segment, fields, draft)
    item: Resource = {"itemCodeableConcept": code}
    if strength:
        own = [{"itemCodeableConcept": code, "strength": strength}]
        resource = filled(resourceType="Medication", identifier=[key] if key else None, code=code, ingredient=own)
        item = {"itemReference": _added(resource, segment, key, draft)}
    return item | filled(isActive=kind != BASE if kind else None, strength=ratio(quantity(segment, 3, 4, draft), {}))


def _strength(segment: Segment, fields: Fields, draft: Draft) -> Resource:
    strength = quantity(segment, fields.strength, fields.strength_unit, draft)
    if not strength or not strength["value"]:
        return {}
    return ratio(strength, quantity(segment, fields.volume, fields.volume_unit, draft))


def _batch(segment: Segment, fields: Fields, draft: Draft) -> Resource:
    """A Medication is of one lot: others of the field are left."""
    if not fields.lot:
        return {}
    for number in (fields.lot, fields.expiry):
        for value in segment.repetitions(number)[1:]:
            told(value, "is of another lot: a Medication has one")
    lot, expiry = segment.value(fields.lot), segment.value(fields.expiry)
    return filled(lotNumber=lot.text(), expirationDate=moment(expiry, draft.making))


def _maker(segment: Segment, fields: Fields, draft: Draft) -> Resource:
    return named_organization(segment.value(fields.maker), draft) if fields.maker else {}


def named_organization(value: Value, draft: Draft) -> Resource:
    """A CWE that names an organisation, as a reference by its code: a name tells nobody apart."""
    code, name = value.text(1), value.text(2)
    if not code and not name:
        return {}
    identifier = {"system": code_system(value.text(3), draft.making), "value": code} if code and name else None
    return filled(type="Organization", identifier=identifier, display=name or code)
