"""PID and PD1 as Patient. https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-pid-to-patient.html."""

from typing import Final

from mappers.hl7v2.faults import REQUIRED_FIELD_MISSING, SEGMENT_SEQUENCE
from mappers.hl7v2.message import Segment
from mappers.hl7v2.tables import MARITAL_STATUS, SEX, YES_NO
from mappers.hl7v2.times import instant
from mappers.hl7v2.to_fhir.concepts import code, codeable_concept
from mappers.hl7v2.to_fhir.draft import INTEGER_MAX, Draft, condition_of
from mappers.hl7v2.to_fhir.elements import day, filled, moment, number
from mappers.hl7v2.to_fhir.identifiers import cx
from mappers.hl7v2.to_fhir.organization import organization
from mappers.hl7v2.to_fhir.persons import addresses, contact_points, names
from mappers.hl7v2.to_fhir.practitioner import practitioners
from mappers.hl7v2.to_fhir.race import race_and_ethnicity
from mappers.hl7v2.to_fhir.roles import primary_care
from mappers.mapped import How, Resource

EXTENSIONS: Final = "http://hl7.org/fhir/StructureDefinition/"
RECORD_NUMBERS: Final = ("MR", "PI", "PT", "MRT", "PE", "EI", "U")
"""Types (0203) of identifiers a hospital knows a patient by, the best first."""
NOT_A_PATIENT: Final = frozenset({"AN", "VN", "ANC", "AND", "ANT"})
"""Types of numbers that are an account's or a visit's."""
ELEMENTS: Final = {
    5: "name",
    7: "birthDate",
    8: "gender",
    11: "address",
    16: "maritalStatus",
    15: "communication",
}
"""Fields whose `""` says that an element has no value."""
TELECOM: Final = {13: "home", 14: "work", 40: ""}


def patient(draft: Draft, how: How = "match") -> Resource:
    """A reference to the patient of a message: with `match` one that is known stays as it is, with `merge` it changes.

    Raises Hl7Fault 100 without a PID, 101 where it has no identifier.
    """
    segment = draft.message.first("PID")
    if segment is None:
        raise draft.fault(SEGMENT_SEQUENCE, "PID", "a message about a patient has a PID")
    return patient_of(draft, segment, how=how)


def patient_of(draft: Draft, segment: Segment, *, how: How, name: str = "Patient") -> Resource:
    """A reference to the patient of one PID; PD1 is looked for behind it."""
    resource = _resource(draft, segment)
    record = chosen(draft, resource["identifier"], segment.place(3))
    cleared = tuple(element for field, element in ELEMENTS.items() if segment.is_null(field)) if how == "merge" else ()
    if how == "merge" and "telecom" not in resource and any(segment.is_null(field) for field in TELECOM):
        cleared = (*cleared, "telecom")
    return dict(draft.add(name, resource, segment.place(), how=how, condition=condition_of(record), cleared=cleared))


def identifiers(draft: Draft, segment: Segment) -> list[Resource]:
    """Of PID-3, the older PID-2 and PID-4, and PID-19 and 20. Raises Hl7Fault 101 where there is none."""
    values = [value for field in (3, 2, 4) for value in segment.repetitions(field)]
    found = [one for value in values if (one := cx(value, draft.making))]
    security = cx(segment.value(19), draft.making, "SS")
    licence = cx(segment.value(20), draft.making, "DL") if segment.value(20) else None
    unique: list[Resource] = []
    for one in (*found, security, licence):
        if one is not None and not any(same(one, other) for other in unique):
            unique.append(one)
    if not unique:
        raise draft.fault(REQUIRED_FIELD_MISSING, segment.place(3), "nobody is known without an identifier")
    return unique


def chosen(draft: Draft, found: list[Resource], place: str) -> Resource:
    """The identifier a patient is found by."""
    ranks = {kind: rank for rank, kind in enumerate(RECORD_NUMBERS)}
    best = min(found, key=lambda one: ranks.get(type_code(one), len(ranks) + (type_code(one) in NOT_A_PATIENT)))
    if len(found) > 1:
        reason = f"of {len(found)} identifiers the {type_code(best) or 'first'} one tells patients apart"
        draft.choose("Patient.identifier", place, reason)
    return best


def type_code(identifier: Resource) -> str:
    """`MR`, of table 0203."""
    return str(next((one["code"] for one in identifier.get("type", {}).get("coding", ())), ""))


def same(one: Resource, other: Resource) -> bool:
    return (one.get("system"), one["value"]) == (other.get("system"), other["value"])


def _resource(draft: Draft, segment: Segment) -> Resource:
    making = draft.making
    birth = segment.value(7)
    marital = codeable_concept(segment.value(16), making, MARITAL_STATUS)
    return filled(
        resourceType="Patient",
        extension=_extensions(draft, segment),
        identifier=identifiers(draft, segment),
        name=names(segment, making, 5, 9),
        telecom=contact_points(segment, making, TELECOM),
        gender=code(segment.value(8), SEX),
        birthDate=day(birth),
        _birthDate=_birth_time(draft, segment),
        address=_addresses(draft, segment),
        maritalStatus=marital,
        communication=_communication(draft, segment),
        generalPractitioner=_general_practitioners(draft),
        **_deceased(draft, segment),
        **_multiple_birth(segment),
    )


def _extensions(draft: Draft, segment: Segment) -> list[Resource]:
    maiden, place = segment.value(6), segment.value(23).whole()
    said = [
        filled(url=f"{EXTENSIONS}patient-mothersMaidenName", valueString=maiden.text(1)),
        filled(url=f"{EXTENSIONS}patient-birthPlace", valueAddress=filled(text=place)),
        filled(
            url=f"{EXTENSIONS}patient-religion",
            valueCodeableConcept=codeable_concept(segment.value(17), draft.making),
        ),
    ]
    for field, name in ((26, "citizenship"), (28, "nationality")):
        for value in segment.repetitions(field):
            inner = filled(url="code", valueCodeableConcept=codeable_concept(value, draft.making))
            said.append(filled(url=f"{EXTENSIONS}patient-{name}", extension=[inner] if len(inner) > 1 else []))
    return [*(one for one in said if len(one) > 1), *race_and_ethnicity(segment)]


def _birth_time(draft: Draft, segment: Segment) -> Resource:
    moment_of_birth = instant(segment.text(7), draft.making.zone)
    if moment_of_birth is None or "T" not in moment_of_birth:
        return {}
    return {"extension": [{"url": f"{EXTENSIONS}patient-birthTime", "valueDateTime": moment_of_birth}]}


def _addresses(draft: Draft, segment: Segment) -> list[Resource]:
    """PID-12, the county before 2.3.1, is the district of the first one if that says none."""
    found, county = addresses(segment, draft.making, 11), segment.text(12)
    if not county:
        return found
    if not found:
        return [{"district": county}]
    return [{**found[0], "district": found[0].get("district", county)}, *found[1:]]


def _communication(draft: Draft, segment: Segment) -> list[Resource]:
    language = codeable_concept(segment.value(15), draft.making)
    return [{"language": language}] if language else []


def _general_practitioners(draft: Draft) -> list[Resource]:
    """Of PD1, and whoever a ROL or PRT says is the primary care provider; nobody twice."""
    segment = draft.message.first("PD1")
    if segment is None:
        return primary_care(draft)
    place = segment.place(3)
    facilities = (organization(draft, value, place) for value in segment.repetitions(3))
    found = [*(one for one in facilities if one), *practitioners(draft, segment, 4)]
    known = {one.get("reference") for one in found}
    return [*found, *(one for one in primary_care(draft) if "reference" not in one or one["reference"] not in known)]


def _deceased(draft: Draft, segment: Segment) -> Resource:
    """The day of death says more than that somebody is dead, and less than that he is not."""
    dead, died = segment.text(30).upper(), moment(segment.value(29), draft.making)
    if died and dead != "N":
        return {"deceasedDateTime": died}
    if died:
        draft.note("warning", segment.place(29), "a time of death of a patient who is not dead: not carried")
    return filled(deceasedBoolean=YES_NO.get(dead))


def _multiple_birth(segment: Segment) -> Resource:
    said = segment.value(25)
    order = number(said)
    if isinstance(order, int) and 0 < order <= INTEGER_MAX:
        return {"multipleBirthInteger": order}
    if order is not None:
        said.leave(1, "is no number of a birth")
    return filled(multipleBirthBoolean=YES_NO.get(segment.text(24).upper()))
