"""XON as Organization. https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-datatype-xon-to-organization.html."""

from mappers.hl7v2.message import Value
from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.elements import filled
from mappers.hl7v2.to_fhir.identifiers import xon
from mappers.hl7v2.to_fhir.sharing import share
from mappers.mapped import Resource


def organization(draft: Draft, value: Value, place: str) -> Resource | None:
    """A reference to what an XON names; None where it names nothing. A name alone is shown, and makes nothing."""
    name, identifier = value.text(1), xon(value, draft.making)
    if identifier is None:
        return {"type": "Organization", "display": name} if name else None
    resource = filled(resourceType="Organization", identifier=[identifier], active=True, name=name)
    return share(draft, resource, place) | filled(display=name)
