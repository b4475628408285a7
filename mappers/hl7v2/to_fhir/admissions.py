"""ADT: who patients are, where they are, and when two of them turn out to be one. Chapter 3 of HL7 v2.

https://build.fhir.org/ig/HL7/v2-to-fhir/message_maps.html
"""

from collections.abc import Callable, Iterator
from typing import Final

from mappers.hl7v2.faults import DUPLICATE_KEY, REQUIRED_FIELD_MISSING, SEGMENT_SEQUENCE
from mappers.hl7v2.message import Message, Segment
from mappers.hl7v2.to_fhir.account import account
from mappers.hl7v2.to_fhir.allergy import allergies
from mappers.hl7v2.to_fhir.condition import diagnoses
from mappers.hl7v2.to_fhir.coverage import coverages
from mappers.hl7v2.to_fhir.draft import Draft, condition_of
from mappers.hl7v2.to_fhir.encounter import encounter, visit_numbers
from mappers.hl7v2.to_fhir.identifiers import cx
from mappers.hl7v2.to_fhir.observation import observations
from mappers.hl7v2.to_fhir.patient import chosen, patient, patient_of, same
from mappers.hl7v2.to_fhir.persons import names
from mappers.hl7v2.to_fhir.related_person import related_persons
from mappers.making import Making
from mappers.mapped import Mapped, Resource


def of_visit(message: Message, making: Making) -> Mapped:
    """A01, A03, A04, A08, A28, A31: the patient as the sender knows him now, and his visit if there is one."""
    draft = Draft(message, making)
    someone = patient(draft, how="merge")
    number = number_of(draft)
    related_persons(draft, someone, number)
    allergies(draft, someone, number)
    paid_by = coverages(draft, someone, number)
    billed = account(draft, someone, number, paid_by)
    visit = message.first("PV1")
    visits = visit_numbers(draft, visit) if visit else []
    found = diagnoses(draft, someone, str(visits[0]["value"]) if visits else number)
    extra = {"diagnosis": found, "account": [billed] if billed else []}
    observations(draft, someone, number, encounter(draft, someone, extra))
    return draft.mapped()


def of_merge(message: Message, making: Making) -> Mapped:
    """A34, A40: of each PID with its MRG, the PID's patient stays, and the MRG's is replaced by it."""
    draft = Draft(message, making)
    pairs = list(_pairs(draft))
    for order, (survivor, merged) in enumerate(pairs, start=1):
        name = "Patient" if len(pairs) == 1 else f"Patient[{order}]"
        stays = patient_of(draft, survivor, how="merge", name=name)
        _replace(draft, merged, stays, f"{name}-replaced")
    return draft.mapped()


def number_of(draft: Draft) -> str:
    """What the patient of a draft is found by: tells what is his from what is another's."""
    return next(entry.condition for entry in draft.entries if entry.type_name == "Patient")


def _pairs(draft: Draft) -> Iterator[tuple[Segment, Segment]]:
    """Raises Hl7Fault 100 where one is without the other."""
    survivor: Segment | None = None
    for segment in draft.message.all("PID", "MRG"):
        if segment.name == "PID" and survivor is None:
            survivor = segment
        elif segment.name == "MRG" and survivor is not None:
            yield survivor, segment
            survivor = None
        else:
            raise draft.fault(SEGMENT_SEQUENCE, segment.place(), "a PID and its MRG stand in turn")
    if survivor is not None or draft.message.first("PID") is None:
        raise draft.fault(SEGMENT_SEQUENCE, "MRG" if survivor else "PID", "a merge has a PID and its MRG")


def _replace(draft: Draft, segment: Segment, by: Resource, name: str) -> None:
    """Raises Hl7Fault 101 without an identifier, 205 if it is the survivor's."""
    values = [value for field in (1, 2, 4) for value in segment.repetitions(field)]
    identifiers = [one for value in values if (one := cx(value, draft.making))]
    if not identifiers:
        raise draft.fault(REQUIRED_FIELD_MISSING, segment.place(1), "nobody is named who is to be merged")
    record = chosen(draft, identifiers, segment.place(1))
    survivor = next(one.resource for one in draft.entries if one.full_url == by["reference"])
    if any(same(record, one) for one in survivor["identifier"]):
        raise draft.fault(DUPLICATE_KEY, segment.place(1), "a patient is not merged with himself")
    resource: Resource = {
        "resourceType": "Patient",
        "identifier": identifiers,
        "active": False,
        "link": [{"other": by, "type": "replaced-by"}],
    }
    known_as = names(segment, draft.making, 7)
    if known_as:
        resource["name"] = known_as
    draft.add(name, resource, segment.place(), how="merge", condition=condition_of(record))


KINDS: Final[dict[str, Callable[[Message, Making], Mapped]]] = {
    **dict.fromkeys(("ADT^A01", "ADT^A03", "ADT^A04", "ADT^A08", "ADT^A28", "ADT^A31"), of_visit),
    **dict.fromkeys(("ADT^A34", "ADT^A40"), of_merge),
}
