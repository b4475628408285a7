"""`galenic map`: what a message maps to, why, and what could not be carried; nothing is stored."""

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
from fhir_server.exchange.conversion import convert, script_of
from fhir_server.exchange.plain import written
from fhir_server.settings import Settings
from mappers.making import Making
from mappers.mapped import Choice, Note

STANDARD_INPUT: Final = Path("-")
SCRIPT: Final = "script-"


def run(_: Settings, chosen: argparse.Namespace) -> int:
    raw = _read(chosen.file)
    try:
        if chosen.to.startswith(SCRIPT):
            other, notes = script_of(raw, chosen.to.removeprefix(SCRIPT))
            sys.stdout.write(other.decode())
            _tell(notes, ())
        else:
            mapped = convert(raw, _making(raw, chosen)).mapped
            sys.stdout.write(msgspec.json.format(written(mapped.bundle())).decode() + "\n")
            _tell(mapped.notes, mapped.choices if chosen.reasons else ())
    except GalenicError as error:
        raise CommandFailed("; ".join(_sentence(error))) from error
    return 0


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
