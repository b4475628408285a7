"""Observation -> Observation/Measurement."""

from typing import Any

from mappers.mapped import Resource
from mappers.script.codes import coding_of
from mappers.script.from_fhir.sending import Sending, within
from mappers.script.to_fhir.observation import LOINC
from mappers.script.tree import Node, grown
from mappers.script.values import DAY, MOMENT, NUMBER


def observation(sending: Sending, references: list[Any]) -> Node | None:
    found = [resource for one in references if (resource := sending.at(one))]
    measured = [
        one for one in found if one["resourceType"] == "Observation" and "value" in one.get("valueQuantity", {})
    ]
    return within("Observation", *map(_measurement, measured))


def _measurement(resource: Resource) -> Node:
    quantity, when = resource["valueQuantity"], resource.get("effectiveDateTime", "")
    texts = (
        ("VitalSign", str(coding_of(resource.get("code"), LOINC).get("code", ""))),
        ("Value", NUMBER.write(quantity["value"])),
        ("UnitOfMeasure", str(quantity.get("code") or quantity.get("unit", ""))),
        ("ObservationDate/Date", DAY.write(when)),
        ("ObservationDate/DateTime", MOMENT.write(when)),
        ("ObservationNotes", "".join(note["text"] for note in resource.get("note", ())[:1])),
    )
    return grown("Measurement", texts)
