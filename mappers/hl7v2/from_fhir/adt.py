"""ADT^A31: a person as he is known now; the other way round as to_fhir/admissions.py. Chapter 3 of HL7 v2."""

from collections.abc import Mapping, Sequence
from typing import Final

from mappers.hl7v2.from_fhir.allergy import allergy_rows
from mappers.hl7v2.from_fhir.coverage import coverage_rows
from mappers.hl7v2.from_fhir.encounter import NO_VISIT
from mappers.hl7v2.from_fhir.patient import pid
from mappers.hl7v2.from_fhir.sending import Envelope, Sending, Written, row
from mappers.hl7v2.times import of_moment
from mappers.making import Making
from mappers.mapped import Resource

KIND: Final = ("ADT", "A31", "ADT_A05")


def a31(
    patient: Resource,
    coverages: Sequence[Resource],
    allergies: Sequence[Resource],
    resources: Mapping[str, Resource],
    making: Making,
    envelope: Envelope,
) -> Written:
    """An update of a person. `resources` are the Organizations that pay, by their references."""
    sending = Sending(resources, making)
    happened = row("EVN", {2: of_moment(making.now)})
    person = pid(patient, sending)
    rows = [happened, person, NO_VISIT, *allergy_rows(allergies, sending), *coverage_rows(coverages, sending)]
    return sending.written(KIND, rows, envelope)
