"""MSH as MessageHeader. https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-msh-to-messageheader.html."""

from typing import Final

from mappers.hl7v2.message import Segment
from mappers.hl7v2.tables import V2
from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.elements import filled
from mappers.hl7v2.to_fhir.identifiers import system_of
from mappers.mapped import Resource

EVENTS: Final = f"{V2}0003"
TYPES: Final = f"{V2}0076"


def message_header(draft: Draft, focus: list[Resource]) -> Resource:
    """A reference to what says which message came, from where to where, and about which entries."""
    header = draft.message.header
    resource = filled(
        resourceType="MessageHeader",
        eventCoding=event(header),
        destination=[_end(draft, header, 5, 6, 25)],
        source=_end(draft, header, 3, 4, 24),
        focus=focus,
    )
    return dict(draft.add("MessageHeader", resource, header.place()))


def event(header: Segment) -> Resource:
    """MSH-9 as a Coding: its event (table 0003), or its type (0076) where it has none."""
    kind = header.value(9)
    parts = [one for one in (kind.text(1), kind.text(2), kind.text(3)) if one]
    trigger = kind.text(2)
    return {"system": EVENTS if trigger else TYPES, "code": trigger or kind.text(1), "display": "^".join(parts)}


def _end(draft: Draft, header: Segment, application: int, facility: int, network: int) -> Resource:
    """Its endpoint is the network address, or else what tells the application apart."""
    address = header.value(network)
    names = [one for one in (header.text(application), header.text(facility)) if one]
    named = address or header.value(application)
    return filled(name=" ".join(names), endpoint=system_of(named, draft.making))
