"""RDS^O13 of a MedicationDispense; the other way round as to_fhir/medication_dispense.py."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mappers.hl7v2.from_fhir.concepts import code_in
from mappers.hl7v2.from_fhir.dosage import dosage_fields, rxr, timings
from mappers.hl7v2.from_fhir.identifiers import namespace_of
from mappers.hl7v2.from_fhir.location import pl
from mappers.hl7v2.from_fhir.medication import drug_fields, medication_of, rxc
from mappers.hl7v2.from_fhir.orders import extension, numbers, prescription_number
from mappers.hl7v2.from_fhir.patient import patient_rows
from mappers.hl7v2.from_fhir.practitioner import xcn
from mappers.hl7v2.from_fhir.quantity import amount, composite, number
from mappers.hl7v2.from_fhir.sending import Envelope, Row, Sending, Written, moment, row
from mappers.hl7v2.message import Component, Field
from mappers.hl7v2.order_control import DISPENSE_STATUS
from mappers.hl7v2.pharmacy_tables import DISPENSE_TYPES, V2
from mappers.hl7v2.to_fhir.medication_dispense import COUNTER
from mappers.making import Making
from mappers.mapped import Resource

KIND: Final = ("RDS", "O13", "RDS_O13")
STATUS: Final = {status: code for code, status in DISPENSE_STATUS.items() if code not in ("A", "RP")}
"""MedicationDispense.status to ORC-5; declined and unknown have no code there."""
NOTHING: Final[Resource] = {}


def rds(dispense: Resource, resources: Mapping[str, Resource], making: Making, envelope: Envelope) -> Written:
    """A dispense with the patient it is for. `resources` are those it refers to, by their references.

    Other dispenses of the same order among them say the how-manieth it is.
    """
    sending = Sending(resources, making)
    patient = patient_rows(dispense.get("subject"), sending)
    others = {id(one): one for one in resources.values() if one.get("resourceType") == "MedicationDispense"}
    count, *_ = counted([dispense, *(one for one in others.values() if one != dispense)])
    return sending.written(KIND, [*patient, *dispense_rows(dispense, sending, count)], envelope)


def counted(dispenses: Sequence[Resource]) -> list[int]:
    """The how-manieth each is of its order: 1 of none, and of the first in time. Moments are compared as texts."""
    counts: Counter[Any] = Counter()
    found = [1] * len(dispenses)
    for place in sorted(range(len(dispenses)), key=lambda one: _when(dispenses[one])):
        if order := _order(dispenses[place]):
            counts[order] += 1
            found[place] = counts[order]
    return found


def dispense_rows(dispense: Resource, sending: Sending, count: int) -> list[Row]:
    """ORC, TQ1, RXD, RXR, RXC. `count` is RXD-1 where the dispense does not say what it was when it was told."""
    dosages, medication = dispense.get("dosageInstruction", []), medication_of(dispense, sending)
    return [
        _orc(dispense, sending),
        *_timings(dispense, dosages, sending),
        _rxd(dispense, medication, sending, count),
        *rxr(dosages, sending),
        *rxc(medication, sending),
    ]


def _orc(dispense: Resource, sending: Sending) -> Row:
    status = dispense.get("status", "")
    if status not in STATUS:
        sending.note("ORC-5", "a status that table 0038 has no code for")
    fields: dict[int, Field] = {1: "RE", **numbers(_prescribed(dispense, sending), sending), 5: STATUS.get(status, "")}
    return row("ORC", fields)


def _prescribed(dispense: Resource, sending: Sending) -> list[Resource]:
    """The numbers of the order, or of the reference to it."""
    reference = next(iter(dispense.get("authorizingPrescription", ())), NOTHING)
    named = [reference["identifier"]] if "identifier" in reference else []
    return list(sending.at(reference).get("identifier", named))


def _timings(dispense: Resource, dosages: list[Resource], sending: Sending) -> list[Row]:
    """The days of supply are TQ1-6 of the first, where its Timing says no other duration."""
    found = timings(dosages, "", sending) if any("timing" in one for one in dosages) else []
    supply = dispense.get("daysSupply")
    if supply is None:
        return found
    first = list(found[0]) if found else ["TQ1", "1"]
    first += [""] * (7 - len(first))
    duration: Any = composite(supply, sending.making)
    if first[6] and first[6] != duration:
        sending.note("TQ1-6", "another duration than the days of supply: these are not written")
        return found
    first[6] = duration
    return [first, *found[1:]]


def _when(dispense: Resource) -> str:
    return str(dispense.get("whenHandedOver") or dispense.get("whenPrepared", ""))


def _order(dispense: Resource) -> tuple[str, ...]:
    """What tells its order apart; () where it has none."""
    reference = next(iter(dispense.get("authorizingPrescription", ())), NOTHING)
    number = reference.get("identifier", NOTHING)
    if "value" in number:
        return (number.get("system", ""), number["value"])
    return (reference["reference"],) if "reference" in reference else ()


def _rxd(dispense: Resource, medication: Resource, sending: Sending, count: int) -> Row:
    making, dosages = sending.making, dispense.get("dosageInstruction", [])
    quantity, unit = amount(dispense.get("quantity"), making)
    kind = code_in([dispense.get("type", NOTHING)], f"{V2}0484")
    fields: dict[int, Field] = {
        1: number(extension(dispense, COUNTER)) or str(count),
        **drug_fields(medication, "RXD", sending),
        **dosage_fields(dosages, "RXD", sending),
        3: moment(_when(dispense)),
        4: quantity,
        5: unit,
        7: prescription_number(dispense),
        8: number(extension(dispense, "refills-remaining")),
        9: [one.get("text", "").replace("\n", " ") for one in dispense.get("note", ())],
        10: [xcn(one.get("actor"), sending) for one in dispense.get("performer", ())],
        11: _substituted(dispense),
        13: pl(dispense.get("destination"), sending),
        27: _named(dispense.get("location"), sending),
        33: (kind, DISPENSE_TYPES[kind], "HL70484") if kind in DISPENSE_TYPES else "",
    }
    return row("RXD", fields)


def _substituted(dispense: Resource) -> str:
    """Table 0167; without a code of it, that something else was dispensed is `G` where it is said to be so."""
    substitution = dispense.get("substitution", NOTHING)
    concepts = [substitution.get("type", NOTHING), *substitution.get("reason", ())]
    return code_in(concepts, f"{V2}0167") or ("N" if substitution.get("wasSubstituted") is False else "")


def _named(reference: Any, sending: Sending) -> tuple[Component, ...] | str:
    place = sending.at(reference)
    identifier = next(iter(place.get("identifier", ())), NOTHING)
    if not identifier:
        return ("", place["name"]) if "name" in place else ""
    namespace = namespace_of(identifier.get("system", ""), sending.making) or ""
    return (identifier["value"], place.get("name", ""), "" if namespace == "pharmacy" else namespace)
