"""FHIR as a message of HL7 v2 or SCRIPT, without sending anything: the other way round as conversion.py."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from fhir_server.errors import Invalid, Issue, NotSupported
from fhir_server.model.parser import parse_object
from mappers.hl7v2.faults import Hl7Fault
from mappers.hl7v2.from_fhir.adt import a31
from mappers.hl7v2.from_fhir.rde import rde
from mappers.hl7v2.from_fhir.rds import rds
from mappers.hl7v2.from_fhir.sending import Envelope
from mappers.making import Making
from mappers.mapped import Note, Resource
from mappers.script.faults import ScriptFault
from mappers.script.from_fhir.convert import from_fhir
from mappers.script.message import Header, Party, faults
from mappers.script.message import write as write_script

DEPTH_MAX: Final = 100
"""Levels of the JSON."""
SCRIPT: Final = "script-"
FOCUS: Final = {"hl7v2-rde": "MedicationRequest", "hl7v2-rds": "MedicationDispense", "hl7v2-adt": "Patient"}
"""The type of what each message is about."""
TRANSACTIONS: Final = {"MedicationRequest": "NewRx", "MedicationDispense": "RxFill"}
"""What is about each type, where no transaction of SCRIPT is named."""
CONTROL_ID_CHARACTERS: Final = 20
OURS: Final = "GALENIC"
MUTUAL: Final = "ZZZ"
"""Qualifier of a party whom only the two know by its id."""

Resources = Mapping[str, Resource]


@dataclass(frozen=True, slots=True)
class Ends:
    """`WARD|HOSPITAL` of HL7 v2, `D:1234567890` of SCRIPT; "" where nothing is said.

    `kind` is the transaction of SCRIPT, "" where the type of what it is about says it.
    """

    sender: str = ""
    receiver: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Composed:
    message: bytes
    content_type: str
    notes: Sequence[Note]


def composed(raw: bytes, to: str, making: Making, ends: Ends, validate: Callable[[Any], None]) -> Composed:
    """What a resource, or the first of a Bundle that is of the message's type, is sent as, with what it refers to.

    Raises `Malformed` and `Invalid` where it is no valid FHIR, or none that can be sent, and `NotSupported`.
    """
    validate(parse_object(raw, DEPTH_MAX))
    found = list(_told(json.loads(raw, parse_float=Decimal)))
    at_hand = {reference: one for references, one in found for reference in references}
    resources = [one for _, one in found]
    try:
        if to.startswith(SCRIPT):
            return _script(resources, at_hand, to.removeprefix(SCRIPT), making, ends)
        return _hl7(resources, at_hand, to, making, ends)
    except (Hl7Fault, ScriptFault) as fault:
        raise Invalid(str(fault), [Issue("processing", f"{fault.code}: {fault.text}", fault.place)]) from fault


def _told(whole: Resource) -> Iterator[tuple[list[str], Resource]]:
    """Each resource, with the references that mean it."""
    entries: list[Any] = whole.get("entry", []) if whole["resourceType"] == "Bundle" else [{"resource": whole}]
    for entry in entries:
        one = entry.get("resource")
        if one is not None:
            named = f"{one['resourceType']}/{one['id']}" if "id" in one else ""
            yield [reference for reference in (entry.get("fullUrl", ""), named) if reference], one
            yield from (([f"#{inner['id']}"], inner) for inner in one.get("contained", ()) if "id" in inner)


def _focus(resources: Sequence[Resource], types: Sequence[str]) -> tuple[Resource, list[Note]]:
    found = [one for one in resources if one["resourceType"] in types]
    if not found:
        message = f"There is no {' or '.join(types)} in it that the message could be about"
        raise Invalid(message, [Issue("required", message)])
    text = "several that the message could be about: it is about the first"
    return found[0], [Note("information", found[0]["resourceType"], text)] if len(found) > 1 else []


def _hl7(resources: Sequence[Resource], at_hand: Resources, to: str, making: Making, ends: Ends) -> Composed:
    if to not in FOCUS:
        raise NotSupported(f"FHIR is written as {', '.join(FOCUS)} or {SCRIPT}…, and not as {to}")
    focus, notes = _focus(resources, [FOCUS[to]])
    control_id = making.new_id("MSH-10").replace("-", "")[:CONTROL_ID_CHARACTERS]
    envelope = Envelope(_end(ends.sender or OURS), _end(ends.receiver), control_id)
    match to:
        case "hl7v2-rde":
            written = rde(focus, at_hand, making, envelope)
        case "hl7v2-rds":
            written = rds(focus, at_hand, making, envelope)
        case _:
            mine = {reference for reference, one in at_hand.items() if one is focus}
            paid = _of(resources, "Coverage", "beneficiary", mine)
            allergies = _of(resources, "AllergyIntolerance", "patient", mine)
            written = a31(focus, paid, allergies, at_hand, making, envelope)
    return Composed(written.message, "x-application/hl7-v2+er7", [*notes, *written.notes])


def _of(resources: Sequence[Resource], type_name: str, element: str, references: set[str]) -> list[Resource]:
    """Those of a type that are about one of `references`."""
    found = (one for one in resources if one["resourceType"] == type_name)
    return [one for one in found if one.get(element, {}).get("reference") in references]


def _script(resources: Sequence[Resource], at_hand: Resources, version: str, making: Making, ends: Ends) -> Composed:
    types = [*TRANSACTIONS, *(["Task"] if ends.kind else [])]
    focus, notes = _focus(resources, types)
    header = Header(
        _party(ends.receiver),
        _party(ends.sender or OURS),
        making.new_id("MessageID").replace("-", ""),
        sent_time=making.now.isoformat(timespec="seconds"),
    )
    kind = ends.kind or TRANSACTIONS[focus["resourceType"]]
    written = from_fhir(kind, focus, at_hand, header, making, version)
    missing = [Note("warning", fault.place, str(fault)) for fault in faults(written.message)]
    return Composed(write_script(written.message, version), "application/xml", [*notes, *written.notes, *missing])


def _end(text: str) -> tuple[str, str]:
    application, _, facility = text.partition("|")
    return application, facility


def _party(text: str) -> Party:
    qualifier, separator, value = text.partition(":")
    return Party(value, qualifier) if separator else Party(text, MUTUAL if text else "")
