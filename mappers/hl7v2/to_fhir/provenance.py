"""MSH and EVN as Provenance: who said what a message made.

https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-msh-to-provenance-source.html
"""

from typing import Final

from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.elements import filled, moment
from mappers.hl7v2.to_fhir.identifiers import system_of
from mappers.hl7v2.to_fhir.message_header import event
from mappers.hl7v2.to_fhir.practitioner import practitioners
from mappers.mapped import Resource

PARTICIPANT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def provenance(draft: Draft, targets: list[Resource]) -> Resource:
    """A reference to the Provenance of `targets`: the sending application is its author, the message its source."""
    message = draft.message
    happened = message.first("EVN")
    resource = filled(
        resourceType="Provenance",
        target=targets,
        occurredDateTime=happened
        and (moment(happened.value(6), draft.making) or moment(happened.value(2), draft.making)),
        recorded=draft.making.now.isoformat(timespec="milliseconds"),
        activity={"coding": [event(message.header)]},
        agent=[_application(draft), *_operators(draft)],
        entity=[{"role": "source", "what": {"identifier": message_identifier(draft)}}],
    )
    return dict(draft.add("Provenance", resource, message.header.place()))


def message_identifier(draft: Draft) -> Resource:
    """MSH-10, which only its sender tells apart."""
    return {"system": draft.making.system_of(""), "value": draft.message.control_id}


def _application(draft: Draft) -> Resource:
    header = draft.message.header
    application, facility = draft.message.sender
    name = application or facility or draft.making.partner
    identifier = {"system": system_of(header.value(4), draft.making), "value": name}
    return _agent(
        "author", {"type": "Device", "identifier": identifier, "display": " ".join(filter(None, (name, facility)))}
    )


def _operators(draft: Draft) -> list[Resource]:
    segment = draft.message.first("EVN")
    return [_agent("enterer", one) for one in practitioners(draft, segment, 5)] if segment else []


def _agent(kind: str, who: Resource) -> Resource:
    return {"type": {"coding": [{"system": PARTICIPANT, "code": kind}]}, "who": who}
