"""XCN as Practitioner. https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-datatype-xcn-to-practitioner.html."""

from mappers.hl7v2.message import Segment, Value
from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.elements import filled
from mappers.hl7v2.to_fhir.identifiers import xcn
from mappers.hl7v2.to_fhir.persons import practitioner_name
from mappers.hl7v2.to_fhir.sharing import share, shown
from mappers.mapped import Resource


def practitioner(draft: Draft, value: Value, place: str) -> Resource | None:
    """A reference to who an XCN names; None where it names nobody.

    Whoever has an id is found by it. A name alone tells nobody apart: it is shown, and makes no Practitioner.
    """
    name = practitioner_name(value)
    identifier = xcn(value, draft.making)
    display = shown(name)
    if identifier is None:
        return filled(type="Practitioner", display=display) if display else None
    resource = filled(resourceType="Practitioner", identifier=[identifier], name=[name] if name else [])
    return share(draft, resource, place) | filled(display=display)


def practitioners(draft: Draft, segment: Segment, field: int) -> list[Resource]:
    """References to everybody a field names."""
    place = segment.place(field)
    found = (practitioner(draft, value, place) for value in segment.repetitions(field))
    return [one for one in found if one]
