"""`galenic subscriptions`: how far each subscriber has been told, what has not arrived, and telling it again."""

import argparse
import asyncio
from collections.abc import Iterator
from uuid import uuid4

from psycopg.rows import DictRow
from pydantic import SecretStr

from fhir_server.auth.context import system_context
from fhir_server.cli.database import CommandFailed, complete, database, keys
from fhir_server.cli.identity import Desk, desk
from fhir_server.cli.terminal import say
from fhir_server.errors import GalenicError
from fhir_server.settings import Settings
from fhir_server.storage import subscriptions
from fhir_server.storage.intents import Intent, Resource
from fhir_server.storage.subscriptions import COLUMNS, SUBSCRIPTION, Row
from fhir_server.storage.transact import Batch
from fhir_server.wiring import build, webhook_secrets
from integrations.webhooks.signing import shown

LIST = """
SELECT s.*, j.due, j.state AS job FROM subscription s LEFT JOIN job j ON j.key = %(kind)s || '/' || s.rid
WHERE (%(state)s::text IS NULL OR s.state = %(state)s) AND (%(id)s::text IS NULL OR s.id = %(id)s) ORDER BY s.rid
"""
REWIND = """
UPDATE subscription s SET delivered = %(since)s - 1, sending = 0, attempts = 0, failing_since = NULL
WHERE id = %(id)s AND %(since)s <= events + 1 AND %(since)s >=
    (SELECT coalesce(min(n.number), s.events + 1) FROM notification n WHERE n.subscription = s.rid)
RETURNING s.rid
"""
ROTATE = "UPDATE subscription SET secrets = secrets + 1 WHERE id = %s"


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    with desk(settings) as open_desk:
        lines = list(ACTIONS[chosen.action](open_desk, chosen, settings))
        renew = chosen.action == "replay" and _one(open_desk, chosen)["state"] in ("error", "off")
    if renew:
        _renew(settings, chosen.id)
    for line in lines:  # when it is committed: what is printed is true
        say(line)
    return 0


def _list(at: Desk, chosen: argparse.Namespace, _: Settings) -> Iterator[str]:
    for row in at.transaction.execute(LIST, {"kind": subscriptions.KIND, "state": chosen.state, "id": None}):
        yield _line(row)


def _line(row: DictRow) -> str:
    left = row["events"] - row["delivered"]
    return f"{row['id']}  {row['state']}  events {row['events']}  not arrived {left}  {row['problem'] or '-'}"


def _show(at: Desk, chosen: argparse.Namespace, _: Settings) -> Iterator[str]:
    row = _one(at, chosen)
    yield _line(row)
    yield f"version {row['version']}  arrived up to {row['delivered']}  attempts {row['attempts']}"
    for title in ("told", "failing_since", "ends"):
        if row[title]:
            yield f"{title.replace('_', ' ')} {row[title]:%Y-%m-%dT%H:%M:%SZ}"
    if row["job"] in ("waiting", "running"):
        yield f"delivery {row['job']}, due {row['due']:%Y-%m-%dT%H:%M:%SZ}"


def _replay(at: Desk, chosen: argparse.Namespace, _: Settings) -> Iterator[str]:
    row = _one(at, chosen)
    since = row["delivered"] + 1 if chosen.since is None else chosen.since
    if at.transaction.execute(REWIND, {"id": chosen.id, "since": since}).fetchone() is None:
        left = f"{SUBSCRIPTION}/{chosen.id} has {row['events']} events, and keeps those of some days"
        raise CommandFailed(left)
    if row["state"] == "active":
        at.transaction.execute(subscriptions.NOW, subscriptions.job_of(row["rid"]))
    at.record(f"{SUBSCRIPTION}/{chosen.id} is told again from event {since} on")
    yield f"{SUBSCRIPTION}/{chosen.id} is told {row['events'] - since + 1} events"


def _secret(at: Desk, chosen: argparse.Namespace, settings: Settings) -> Iterator[str]:
    row = _one(at, chosen)
    at.record(f"the secrets of {SUBSCRIPTION}/{chosen.id} looked at")
    known = settings.model_copy(update={"index_key": SecretStr(keys(settings).index_key)})
    found = Row(**{name: row[name] for name in COLUMNS.split(", ")})
    yield from map(shown, webhook_secrets(known)(found))


def _rotate(at: Desk, chosen: argparse.Namespace, settings: Settings) -> Iterator[str]:
    _one(at, chosen)
    at.transaction.execute(ROTATE, (chosen.id,))
    at.record(f"{SUBSCRIPTION}/{chosen.id} has a new secret")
    yield from _secret(at, chosen, settings)


ACTIONS = {"list": _list, "show": _show, "replay": _replay, "secret": _secret, "rotate": _rotate}


def _one(at: Desk, chosen: argparse.Namespace) -> DictRow:
    values = {"kind": subscriptions.KIND, "state": None, "id": chosen.id}
    row = at.transaction.execute(LIST, values).fetchone()
    if row is None:
        raise CommandFailed(f"There is no {SUBSCRIPTION} {chosen.id}")
    return row


def _renew(settings: Settings, id_: str) -> None:
    """As if its client had asked for it again: its endpoint is asked first."""
    with database(settings) as urls:
        asyncio.run(_renewed(complete(settings, urls), id_))


async def _renewed(settings: Settings, id_: str) -> None:
    def patch(resource: Resource) -> Resource:
        return {name: value for name, value in resource.items() if name != "error"} | {"status": "requested"}

    server = build(settings, idle_connections=0).server
    await server.database.open()
    try:
        await server.writer.write(
            Batch([Intent("patch", SUBSCRIPTION, str(uuid4()), id_, patch=patch)], system_context())
        )
    except GalenicError as error:
        raise CommandFailed(error.message) from error
    finally:
        await server.database.close()
