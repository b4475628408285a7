"""`galenic jobs`: work in the background that waits, is under way or has failed, and trying it again."""

import argparse
from collections.abc import Iterator

from psycopg.rows import DictRow

from fhir_server.cli.database import CommandFailed
from fhir_server.cli.identity import Desk, desk
from fhir_server.cli.terminal import say
from fhir_server.settings import Settings
from fhir_server.storage.jobs import CHANNEL, FREE, OPEN, SINCE

QUEUES = f"""
SELECT kind, count(*) FILTER (WHERE state IN ('waiting', 'running')) AS open, count(*) FILTER (WHERE {FREE}) AS due,
       coalesce(max({SINCE}) FILTER (WHERE {FREE}), 0) AS age, count(*) FILTER (WHERE state = 'failed') AS failed
FROM job GROUP BY kind ORDER BY kind
"""  # noqa: S608 - our own conditions
LIST = """
SELECT * FROM job
WHERE state = ANY(%(states)s) AND (%(kind)s::text IS NULL OR kind = %(kind)s) ORDER BY due LIMIT %(limit)s
"""
SHOW = "SELECT * FROM job WHERE id = %s"
RETRY = """
UPDATE job SET state = 'waiting', due = now(), attempts = 0, finished = NULL, problem = NULL, fence = fence + 1
WHERE id = %s AND (state = 'waiting' OR state = 'failed' AND kind <> 'reindex') RETURNING id
"""
"""A re-indexing that has failed gave up its generation: another one is asked for."""

SHOWN_STATES = (*OPEN, "failed")


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    with desk(settings) as open_desk:
        lines = list(ACTIONS[chosen.action](open_desk, chosen))
    for line in lines:  # when it is committed: what is printed is true
        say(line)
    return 0


def _list(at: Desk, chosen: argparse.Namespace) -> Iterator[str]:
    for queue in at.transaction.execute(QUEUES):
        figures = f"open {queue['open']}  due {queue['due']}, for {queue['age']:.0f} s  failed {queue['failed']}"
        yield f"{queue['kind']}: {figures}"
    states = [chosen.state] if chosen.state else list(SHOWN_STATES)
    values = {"states": states, "kind": chosen.kind, "limit": chosen.limit}
    yield from map(_line, at.transaction.execute(LIST, values))


def _line(row: DictRow) -> str:
    progress = f"{row['position']}/{row['total']}" if row["total"] else "-"
    when = f"due {row['due']:%Y-%m-%dT%H:%M:%SZ}"
    return f"{row['id']}  {row['kind']}  {row['state']}  {when}  done {progress}  {row['problem'] or '-'}"


def _show(at: Desk, chosen: argparse.Namespace) -> Iterator[str]:
    row = at.transaction.execute(SHOW, (chosen.id,)).fetchone()
    if row is None:
        raise CommandFailed(f"There is no job {chosen.id}")
    yield _line(row)
    yield f"key {row['key']}  claimed {row['fence']} times, {row['attempts']} without progress"
    for title in ("created", "started", "heartbeat", "lease_until", "finished"):
        if row[title]:
            yield f"{title.replace('_', ' ')} {row[title]:%Y-%m-%dT%H:%M:%SZ}"


def _retry(at: Desk, chosen: argparse.Namespace) -> Iterator[str]:
    if at.transaction.execute(RETRY, (chosen.id,)).fetchone() is None:
        raise CommandFailed("Only a job that waits or has failed is tried again; a failed re-indexing by $reindex")
    at.transaction.execute(f"NOTIFY {CHANNEL}")
    at.record(f"job {chosen.id} is tried again")
    yield f"{chosen.id} is tried again now"


ACTIONS = {"list": _list, "show": _show, "retry": _retry}
