"""`galenic messages`: the ledger of what came in and went out, and failed messages once more."""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow

from fhir_server.cli.database import CommandFailed, complete, database
from fhir_server.cli.identity import Desk, desk
from fhir_server.cli.terminal import say
from fhir_server.errors import GalenicError
from fhir_server.exchange import ledger, partners
from fhir_server.exchange.hl7 import FS
from fhir_server.exchange.outgoing import leaving
from fhir_server.exchange.replaying import replay
from fhir_server.exchange.schemas import schemas_in
from fhir_server.settings import Settings
from fhir_server.wiring import build, build_receiver


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    if chosen.action == "replay":
        return _replay(settings, _id(chosen))
    with desk(settings) as open_desk:
        lines = list(_send(open_desk, chosen, settings) if chosen.action == "send" else _look(open_desk, chosen))
    for line in lines:  # when it is committed: what is printed is true
        say(line)
    return 0


def _look(at: Desk, chosen: argparse.Namespace) -> Iterator[str]:
    return _list(at, chosen) if chosen.action == "list" else _show(at, chosen)


def _list(at: Desk, chosen: argparse.Namespace) -> Iterator[str]:
    values = {name: getattr(chosen, name) for name in ("partner", "state", "kind", "limit")}
    for row in at.transaction.execute(ledger.LIST, values):
        yield f"{row['id']}  {row['received']:%Y-%m-%dT%H:%M:%SZ}  {_line(row)}"


def _line(row: DictRow) -> str:
    words = (row["direction"], row["wire"], row["partner"] or "-", row["kind"] or "-", row["control_id"] or "-")
    return "  ".join((*words, row["state"], row["code"] or "-"))


def _show(at: Desk, chosen: argparse.Namespace) -> Iterator[str]:
    row = at.transaction.execute(ledger.FIND, (_id(chosen),)).fetchone()
    if row is None:
        raise CommandFailed(f"There is no message {chosen.id}")
    at.record(f"message {row['id']} of partner {row['partner'] or 'unknown'} looked at")
    if chosen.raw:
        sys.stdout.buffer.write(row["raw"])
        return
    yield f"{row['id']}  received {row['received']:%Y-%m-%dT%H:%M:%SZ}  attempts {row['attempts']}"
    yield _line(row)
    yield f"sha256 {row['digest'].hex()}"
    yield from (f"made {resource}" for resource in row["resources"])
    yield from (f"{note['severity']}: {note['place']}: {note['text']}" for note in row["notes"])
    for title, raw in (("message", row["raw"]), *(("answer", one) for one in (row["answer"] or b"").split(FS) if one)):
        yield f"--- {title}"
        yield raw.decode(errors="replace").replace("\r", "\n").rstrip("\n")


def _send(at: Desk, chosen: argparse.Namespace, settings: Settings) -> Iterator[str]:
    """Nothing is sent that the partner would have to refuse."""
    try:
        partner = partners.active(at.transaction, chosen.partner)
        going = leaving(chosen.file.read_bytes(), partner, schemas_in(settings.script_xsd_dir))
    except OSError as error:
        raise CommandFailed(f"{chosen.file} cannot be sent: {error}") from error
    try:
        at.transaction.execute(ledger.SEND, ledger.leaving_values(going))
        if going.wire == "mllp":
            at.transaction.execute(ledger.WAKE, ledger.job_values(going.partner))
    except UniqueViolation as error:
        raise CommandFailed(f"A message {going.control_id} of {going.sender} was sent before") from error
    at.record(f"message {going.id} is to be sent to partner {partner.id}")
    yield f"{going.id} waits for {partner.id}"


def _replay(settings: Settings, message_id: UUID) -> int:
    with database(settings) as urls:
        answers = asyncio.run(_answered_again(complete(settings, urls), message_id))
    if not answers:
        say(f"{message_id} waits for the worker")
    for answer in answers:
        say(answer.decode(errors="replace").replace("\r", "\n").rstrip("\n"))
    return 0


async def _answered_again(settings: Settings, message_id: UUID) -> list[bytes]:
    server = build(settings, idle_connections=0).server
    await server.database.open()
    try:
        async with server.database.connection() as connection:
            entry = await ledger.find(connection, message_id)
        if entry is None:
            raise CommandFailed(f"There is no message {message_id}")
        return await replay(server.database, build_receiver(server), entry)
    except GalenicError as error:
        raise CommandFailed(error.message) from error
    finally:
        await server.database.close()


def _id(chosen: argparse.Namespace) -> UUID:
    try:
        return UUID(chosen.id)
    except ValueError as error:
        raise CommandFailed(f"{chosen.id} is no id of a message: `galenic messages list` shows them") from error
