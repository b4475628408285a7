"""`galenic map`: what a message, or FHIR, maps to, why, and what could not be carried; nothing is stored."""

import argparse
import hashlib
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from fhir_server.cli.database import CommandFailed
from fhir_server.cli.terminal import complain
from fhir_server.errors import GalenicError
from fhir_server.exchange.composing import Ends, composed
from fhir_server.exchange.conversion import convert, script_of, standard_of
from fhir_server.exchange.plain import written
from fhir_server.exchange.schemas import schemas_in
from fhir_server.model.definitions import load_definitions
from fhir_server.rest.server import validate
from fhir_server.settings import Settings
from fhir_server.validation.validator import Validator
from mappers.hl7v2.check import problems
from mappers.making import Making
from mappers.mapped import Choice, Note

STANDARD_INPUT: Final = Path("-")
FHIR: Final = "fhir"
SCRIPT: Final = "script-"
UNVERIFIED: Final = ("2022011", "2023011")
"""Versions that are written by what is public about them."""


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    raw = _read(chosen.file)
    try:
        if chosen.to == FHIR:
            _to_fhir(raw, chosen)
        elif chosen.to.startswith(SCRIPT) and standard_of(raw) == "script":
            other, notes = script_of(raw, chosen.to.removeprefix(SCRIPT))
            sys.stdout.write(other.decode())
            _tell(notes, ())
            _judge_script(other, chosen.to.removeprefix(SCRIPT), settings)
        else:
            _from_fhir(raw, chosen, settings)
    except GalenicError as error:
        raise CommandFailed("; ".join(_sentence(error))) from error
    return 0


def _to_fhir(raw: bytes, chosen: argparse.Namespace) -> None:
    mapped = convert(raw, _making(raw, chosen)).mapped
    sys.stdout.write(msgspec.json.format(written(mapped.bundle())).decode() + "\n")
    _tell(mapped.notes, mapped.choices if chosen.reasons else ())


def _from_fhir(raw: bytes, chosen: argparse.Namespace, settings: Settings) -> None:
    """As it would be sent, but for the application and facility it is from, and what stands against it."""
    if standard_of(raw) != "fhir":
        raise CommandFailed(f"Only FHIR in JSON is written as {chosen.to}")
    validator = Validator(load_definitions())
    ends = Ends(chosen.sender, chosen.receiver, chosen.kind)
    made = composed(raw, chosen.to, _making(raw, chosen), ends, lambda resource: validate(validator, resource))
    text = made.message.decode()
    sys.stdout.write(text.replace("\r", "\n") if sys.stdout.isatty() else text)  # as it is, for `messages send`
    _tell(made.notes, ())
    if chosen.to.startswith(SCRIPT):
        _judge_script(made.message, chosen.to.removeprefix(SCRIPT), settings)
        return
    for problem in problems(made.message):
        complain(f"warning: {problem}")


def _judge_script(message: bytes, version: str, settings: Settings) -> None:
    """What the schema of an installation says against it, or that nobody has asked one."""
    schemas = schemas_in(settings.script_xsd_dir)
    for fault in schemas.faults(message, version) if schemas else ():
        complain(f"warning: {fault}")
    if schemas is None and version in UNVERIFIED:
        complain(f"information: SCRIPT {version} was not verified against the licensed schema (GALENIC_SCRIPT_XSD_DIR)")


def _sentence(error: GalenicError) -> Iterable[str]:
    return [f"{i.expression}: {i.diagnostics}" if i.expression else i.diagnostics for i in error.issues] or [
        error.message
    ]


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror or error}") from error


def _making(raw: bytes, chosen: argparse.Namespace) -> Making:
    try:
        zone = ZoneInfo(chosen.zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise CommandFailed(f"{chosen.zone} is no time zone such as Europe/Berlin") from error
    return Making(chosen.partner, datetime.now(UTC), UUID(bytes=hashlib.sha256(raw).digest()[:16]), zone)


def _tell(notes: Iterable[Note], choices: Iterable[Choice]) -> None:
    """Beside what is mapped, so that the output stays a document."""
    for note in notes:
        complain(f"{note.severity}: {note.place}: {note.text}")
    for choice in choices:
        complain(f"{choice.element} from {choice.place}: {choice.reason}")
