"""ADT^A31: a person as he is known now. Chapter 3 of HL7 v2. The other way round: `to_fhir/admissions.py`."""

from collections.abc import Mapping, Sequence
from typing import Final

from mappers.hl7v2.from_fhir.allergy import al1
from mappers.hl7v2.from_fhir.coverage import in1
from mappers.hl7v2.from_fhir.patient import pid
from mappers.hl7v2.from_fhir.sending import Sending, Written, msh, written
from mappers.hl7v2.message import Field
from mappers.hl7v2.times import of_moment
from mappers.mapped import Resource

UPDATE_PERSON: Final = "ADT^A31^ADT_A05"
NO_VISIT: Final = "N"
"""PV1-2 where PV1 has to be there, and nothing is said of a visit."""


def update_person(
    patient: Resource,
    sending: Sending,
    *,
    coverages: Sequence[Resource] = (),
    allergies: Sequence[Resource] = (),
    payors: Mapping[str, Resource] | None = None,
) -> Written:
    """`payors` are the Organizations that the coverages refer to, by reference."""
    person, notes = pid(patient, sending)
    reactions, not_told = al1(list(allergies))
    head: list[list[Field]] = [msh(UPDATE_PERSON, sending), ["EVN", "", of_moment(sending.now)], person]
    insured = in1(coverages, payors or {}, sending)
    return written([*head, ["PV1", "1", NO_VISIT], *reactions, *insured], [*notes, *not_told], sending)
