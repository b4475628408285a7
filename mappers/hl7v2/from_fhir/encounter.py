"""Encounter as PV1; the other way round as to_fhir/encounter.py."""

from typing import Any, Final

from mappers.hl7v2.from_fhir.concepts import code_of, cwe
from mappers.hl7v2.from_fhir.identifiers import cx, type_code
from mappers.hl7v2.from_fhir.location import pl
from mappers.hl7v2.from_fhir.practitioner import xcn
from mappers.hl7v2.from_fhir.sending import Row, Sending, moment, row
from mappers.hl7v2.message import Component, Field, Repetition
from mappers.hl7v2.tables import PATIENT_CLASS, V3_PARTICIPATION
from mappers.hl7v2.to_fhir.encounter import NOT_APPLICABLE, PARTICIPANTS
from mappers.mapped import Resource

NOTHING: Final[Resource] = {}
NO_VISIT: Final[Row] = ["PV1", "1", NOT_APPLICABLE]
"""PV1 where nothing is said of a visit."""
UNKNOWN: Final = "U"
VISIT: Final[Resource] = {"type": {"coding": [{"code": "VN"}]}}
ENDED: Final = 52
"""PV1-52 is not there any more since 2.7."""
FIELDS: Final = {code: field for field, code, _ in PARTICIPANTS if field != ENDED}
CARRIED: Final = frozenset(
    """resourceType id meta text identifier status class type serviceType subject participant period hospitalization
    location serviceProvider""".split()
)
HOSPITALIZATION: Final = {"reAdmission": 13, "admitSource": 14, "dischargeDisposition": 36}


def pv1(reference: Any, sending: Sending) -> Row:
    """The visit that is referred to, its status but as far as PV1-45 says it; PV1-2 is N where none is at hand."""
    visit = sending.at(reference)
    if not visit:
        return NO_VISIT
    for name in sorted(set(visit) - CARRIED):
        sending.note("PV1", f"Encounter.{name} has no field of it")
    numbers = [_numbered(one, sending) for one in visit.get("identifier", ()) if "value" in one]
    period, provider = visit.get("period", NOTHING), visit.get("serviceProvider", NOTHING)
    fields: dict[int, Field] = {
        1: "1",
        2: code_of({"coding": [visit.get("class", NOTHING)]}, PATIENT_CLASS) or UNKNOWN,
        4: _first(visit.get("type", []), sending),
        10: cwe(visit["serviceType"], sending.making) if "serviceType" in visit else "",
        19: numbers[0] if numbers else "",
        39: provider.get("display", "") or sending.at(provider).get("name", ""),
        44: moment(period.get("start")),
        45: moment(period.get("end")),
        50: [*numbers[1:]],
        **_places(visit, sending),
        **_participants(visit, sending),
        **_hospitalization(visit, sending),
    }
    return row("PV1", fields)


def _numbered(identifier: Resource, sending: Sending) -> tuple[Component, ...]:
    """A number without a type is that of a visit: CX-5 has to be there."""
    return cx(identifier if type_code(identifier) else identifier | VISIT, sending.making)


def _first(types: list[Resource], sending: Sending) -> Field:
    """PV1-4 has one."""
    if len(types) > 1:
        sending.note("PV1-4", "several types of a visit: the first is written")
    return cwe(types[0], sending.making) if types else ""


def _places(visit: Resource, sending: Sending) -> dict[int, Field]:
    """Where the patient is, will be or was at last, is meanwhile (PV1-11), was before (6) and is to go (42)."""
    said = visit.get("location", [])
    here = [one for one in said if one.get("status") not in ("completed", "reserved")]
    before = [one for one in said if one.get("status") == "completed"]
    assigned = (here or before)[:1]
    found = {3: assigned, 11: here[1:2], 6: [one for one in before if one not in assigned][:1]}
    found[42] = [one for one in said if one.get("status") == "reserved"][:1]
    if sum(map(len, found.values())) < len(said):
        sending.note("PV1-3", "more places than there are fields for")
    return {field: pl(one["location"], sending) for field, places in found.items() for one in places}


def _participants(visit: Resource, sending: Sending) -> dict[int, Field]:
    found: dict[int, list[Repetition]] = {}
    for one in visit.get("participant", ()):
        codings = [coding for concept in one.get("type", ()) for coding in concept.get("coding", ())]
        codes = [coding.get("code", "") for coding in codings if coding.get("system") == V3_PARTICIPATION]
        field = next((FIELDS[code] for code in codes if code in FIELDS), 0)
        if field:
            found.setdefault(field, []).append(xcn(one.get("individual"), sending))
        else:
            sending.note("PV1-7", "a participant whose part has no field")
    return {field: [*people] for field, people in found.items()}


def _hospitalization(visit: Resource, sending: Sending) -> dict[int, Field]:
    said = visit.get("hospitalization", NOTHING)
    if set(said) - {*HOSPITALIZATION, "preAdmissionIdentifier"}:
        sending.note("PV1", "of the hospitalization, what has no field here")
    number = said.get("preAdmissionIdentifier")
    coded: dict[int, Field] = {
        field: cwe(said[name], sending.making) for name, field in HOSPITALIZATION.items() if name in said
    }
    return coded | ({5: _numbered(number, sending)} if number else {})
