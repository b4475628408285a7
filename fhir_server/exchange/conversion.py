"""A message to FHIR without storing anything: for whoever wants to see what a mapping does."""

from dataclasses import dataclass
from typing import Final, Literal

from fhir_server.errors import Invalid, Issue, NotSupported
from mappers.hl7v2 import message as hl7v2
from mappers.hl7v2.faults import Hl7Fault
from mappers.hl7v2.to_fhir.convert import to_fhir as hl7v2_to_fhir
from mappers.making import Making
from mappers.mapped import Mapped, Note
from mappers.script.faults import ScriptFault
from mappers.script.message import adapted
from mappers.script.message import read as read_script
from mappers.script.message import write as write_script
from mappers.script.to_fhir.convert import to_fhir as script_to_fhir

Standard = Literal["hl7v2", "script", "fhir"]

BEGINNINGS: Final[dict[Standard, tuple[bytes, ...]]] = {
    "hl7v2": (b"MSH", b"FHS", b"BHS"),
    "script": (b"<",),
    "fhir": (b"{",),
}
MARKS: Final = b"\xef\xbb\xbf\xff\xfe\x0b\x00 \t\r\n"
"""Byte order marks, white space and the byte of a frame: what may stand before a message."""


@dataclass(frozen=True, slots=True)
class Converted:
    standard: Standard
    kind: str
    mapped: Mapped


def standard_of(raw: bytes) -> Standard:
    """By how it begins; raises `NotSupported`."""
    beginning = raw[:64].lstrip(MARKS)
    for standard, marks in BEGINNINGS.items():
        if beginning.startswith(marks):
            return standard
    raise NotSupported("This is neither HL7 v2, which begins with MSH, nor SCRIPT, which is XML, nor FHIR in JSON")


def convert(raw: bytes, making: Making) -> Converted:
    """Raises `NotSupported` for what is neither standard, `Invalid` where the message itself stands against it.

    Several messages come to several transactions: each is asked about alone.
    """
    standard = standard_of(raw)
    if standard == "fhir":
        raise NotSupported("This is FHIR: say which message it is to become")
    try:
        if standard == "hl7v2":
            message = hl7v2.parse(_only(raw))
            return Converted("hl7v2", message.kind, hl7v2_to_fhir(message, making))
        prescribing = read_script(raw)
        return Converted("script", prescribing.kind, script_to_fhir(prescribing, making))
    except (Hl7Fault, ScriptFault) as fault:
        raise Invalid(str(fault), [Issue("processing", f"{fault.code}: {fault.text}", fault.place)]) from fault


def _only(raw: bytes) -> bytes:
    parts = hl7v2.parse_all(raw)
    if len(parts) > 1:
        message = f"There are {len(parts)} messages, or what stands before the first is none: one at a time is mapped"
        raise Invalid(message, [Issue("too-costly", message)])
    return parts[0] if parts else raw


def script_of(raw: bytes, version: str) -> tuple[bytes, list[Note]]:
    """SCRIPT in another version, and notes of what it has no place for; raises `Invalid`, `NotSupported`."""
    if standard_of(raw) != "script":
        raise NotSupported("Only SCRIPT is written as another version of SCRIPT")
    try:
        message = read_script(raw)
        return write_script(message, version), [*message.notes, *adapted(message, version).notes]
    except ScriptFault as fault:
        raise Invalid(str(fault), [Issue("processing", f"{fault.code}: {fault.text}", fault.place)]) from fault
