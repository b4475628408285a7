"""`galenic audit`: the audit trail verified, anchored, reviewed, read and expired from the command line."""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import psycopg

from fhir_server.audit import anchor as anchors
from fhir_server.audit.events import render
from fhir_server.audit.interactions import INTERFERENCE, VERIFICATION
from fhir_server.audit.recorder import insert_records
from fhir_server.audit.report import as_text, review
from fhir_server.audit.retention import expire
from fhir_server.audit.reviewer import kept_report
from fhir_server.audit.search import parse_query, search
from fhir_server.audit.system import system_record
from fhir_server.audit.verify import Problem, Verified, verify
from fhir_server.cli.database import CommandFailed, database
from fhir_server.cli.terminal import complain, say
from fhir_server.errors import Invalid
from fhir_server.settings import Settings
from fhir_server.storage.database import Connection
from fhir_server.wiring import base_url

KEY_FILE = "audit_key.pem"
LISTED_MAX = 100

T = TypeVar("T")


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """The exit code: 1 where the trail is not what it was."""
    actions = {"verify": _verify, "anchor": _anchor, "report": _report, "expire": _expire, "events": _events}
    try:
        return actions[chosen.action](settings, chosen)
    except psycopg.Error as error:
        raise CommandFailed(f"The database refused: {error}") from error
    except Invalid as error:
        raise CommandFailed(error.message) from error
    except (anchors.BadKey, anchors.BadAnchor, OSError) as error:
        raise CommandFailed(str(error)) from error


def _on_database(settings: Settings, work: Callable[[Connection], Awaitable[T]]) -> T:
    async def connected(url: str) -> T:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True, options="-c timezone=UTC") as connection:
            return await work(connection)

    with database(settings) as urls:
        return asyncio.run(connected(urls.app_url))


def _key_path(settings: Settings) -> Path:
    return settings.audit_key or settings.data_dir / KEY_FILE


def _verify(settings: Settings, chosen: argparse.Namespace) -> int:
    heads = [_read_anchor(settings, path, chosen.public_key) for path in chosen.anchor]

    async def walk(connection: Connection) -> Verified:
        found = await verify(connection)
        for head in heads:
            found.problems += await anchors.compare(connection, head)
        await _record(connection, found)
        return found

    found = _on_database(settings, walk)
    say(json.dumps(_as_json(found)) if chosen.json else _as_lines(found, len(heads)))
    return 1 if found.problems else 0


def _read_anchor(settings: Settings, path: Path, public_key: Path | None) -> anchors.Anchor:
    key = anchors.public_key(public_key or anchors.public_path(_key_path(settings)))
    try:
        return anchors.read_anchor(path.read_bytes(), key)
    except anchors.BadAnchor as error:
        raise CommandFailed(f"{path}: {error}") from error


async def _record(connection: Connection, found: Verified) -> None:
    if not found.problems:
        what = f"{found.batches} batches, {found.records} records"
        await insert_records(connection, [system_record(VERIFICATION, what)])
        return
    what = f"{len(found.problems)} problems, the first: {found.problems[0]}"
    await insert_records(connection, [system_record(INTERFERENCE, what, status=500)])


def _as_json(found: Verified) -> dict[str, object]:
    return {
        "batches": found.batches,
        "records": found.records,
        "expired": found.expired,
        "head": {"batch": found.head, "hash": found.head_hash.hex()},
        "problems": [problem.as_json() for problem in found.problems],
    }


def _as_lines(found: Verified, heads: int) -> str:
    expired = f", {found.expired} more expired" if found.expired else ""
    walked = f"{found.batches} batches with {found.records} records{expired}; compared with {heads} anchors"
    if not found.problems:
        return f"The audit trail is whole: {walked}"
    return "\n".join([f"The audit trail is NOT whole: {walked}", *_listed(found.problems)])


def _listed(problems: list[Problem]) -> list[str]:
    more = len(problems) - LISTED_MAX
    return [str(problem) for problem in problems[:LISTED_MAX]] + ([f"and {more} more"] if more > 0 else [])


def _anchor(settings: Settings, chosen: argparse.Namespace) -> int:
    key = anchors.signing_key(_key_path(settings))
    head = _on_database(settings, anchors.current_anchor)
    if head is None:
        complain("nothing is sealed yet: is the worker running?")
        return 1
    anchors.write_anchor(chosen.file, head.signed(key))
    say(f"Batch {head.batch} of {head.records} records in all is anchored in {chosen.file}")
    say(f"Verify with the public key {anchors.public_path(_key_path(settings))}; keep both elsewhere")
    return 0


def _report(settings: Settings, chosen: argparse.Namespace) -> int:
    async def find(connection: Connection) -> tuple[dict[str, object], bool]:
        kept = await kept_report(connection, chosen.day)
        return (kept, True) if kept else (await review(connection, chosen.day), False)

    report, was_kept = _on_database(settings, find)
    say(json.dumps(report) if chosen.json else as_text(report))
    if not was_kept:
        over = chosen.day < datetime.now(UTC).date()
        complain(
            "the report of this day is not kept yet" if over else "this day is not over: its report is preliminary"
        )
    return 0


def _expire(settings: Settings, _: argparse.Namespace) -> int:
    with database(settings) as urls:
        dropped = expire(urls.owner_url, settings.audit_retention_years)
    for name in dropped:
        say(f"Dropped {name}")
    if not dropped:
        say(f"Nothing is older than {settings.audit_retention_years} years")
    return 0


def _events(settings: Settings, chosen: argparse.Namespace) -> int:
    base = base_url(settings)
    query = replace(parse_query(list(_criteria(chosen)), base, datetime.now(UTC)), count=max(0, chosen.count))
    page = _on_database(settings, lambda connection: search(connection, query))
    for kept, part in page.events:
        say(json.dumps(render(kept, part, base), ensure_ascii=False))
    return 0


def _criteria(chosen: argparse.Namespace) -> Iterator[tuple[str, str]]:
    for name, moment in (("ge", chosen.since), ("lt", chosen.until)):
        if moment is not None:
            yield "date", name + (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
    for name in ("patient", "agent"):
        if getattr(chosen, name):
            yield name, getattr(chosen, name)
