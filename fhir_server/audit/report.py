"""The review of a calendar day (UTC): what 21 CFR 1311.150 and 1311.215 and 45 CFR 164.308(a)(1)(ii)(D) ask to look at.

A day without anything to report has its report too, and that says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from fhir_server.audit.canonical import moment
from fhir_server.audit.interactions import interaction
from fhir_server.audit.verify import Problem, verify
from fhir_server.model.resource_types import type_name
from fhir_server.storage.database import Connection

LISTED_MAX: Final = 500
"""Events of a section that are listed; all are counted (events)."""

PROBLEMS_LISTED_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Section:
    """`where` is SQL on `audit`; `rule` what asks for it."""

    name: str
    title: str
    where: str
    rule: str


SECTIONS: Final = (
    Section(
        "refused-access",
        "Refused access",
        "outcome IN (401, 403) AND interaction NOT IN ('login', 'lock-out', 'consent')",
        "21 CFR 1311.150(b)(1), 1311.215(b)(1)",
    ),
    Section(
        "failed-logins",
        "Failed logins",
        "interaction = 'login' AND outcome >= 400 AND outcome NOT IN (423, 429)",
        "45 CFR 164.308(a)(5)(ii)(C)",
    ),
    Section(
        "lock-outs",
        "Lock-outs",
        "interaction = 'lock-out' OR (interaction = 'login' AND outcome IN (423, 429))",
        "45 CFR 164.308(a)(5)(ii)(C)",
    ),
    Section(
        "break-glass",
        "Emergency access",
        "interaction = 'break-glass' OR purpose IN ('BTG', 'ETREAT')",
        "45 CFR 164.312(a)(2)(ii)",
    ),
    Section(
        "access-control",
        "Changes of access control",
        "interaction = 'access-control'"
        " OR (interaction IN ('create', 'update', 'patch', 'delete')"
        " AND type = (SELECT number FROM resource_type WHERE name = 'Consent'))",
        "21 CFR 1311.150(b)(4), 1311.215(b)(4)",
    ),
    Section("deletions", "Deletions", "interaction = 'delete'", "21 CFR 1311.150(b)(2), 1311.215(b)(2)"),
    Section(
        "exports", "Exports and their downloads", "interaction IN ('export', 'export-download')", "45 CFR 164.312(b)"
    ),
    Section(
        "audit-interference",
        "Interference with the audit trail, and its expiry",
        "interaction IN ('audit-interference', 'audit-retention') OR (interaction = 'audit-verify' AND outcome >= 400)",
        "21 CFR 1311.150(b)(5), 1311.215(b)(5)",
    ),
)

_OF_DAY: Final = "recorded >= %(low)s AND recorded < %(high)s"
TOTALS: Final = f"SELECT interaction, sum(count)::bigint FROM audit WHERE {_OF_DAY} GROUP BY 1 ORDER BY 1"  # noqa: S608
BATCHES: Final = "SELECT min(batch), max(batch) FROM audit_seal WHERE sealed >= %(low)s AND sealed < %(high)s"
_COUNTED: Final = "SELECT coalesce(sum(count), 0)::bigint FROM audit WHERE {of_day} AND ({where})"
_LISTED: Final = """
SELECT number, recorded, interaction, outcome, actor, role, client, address, type, id, purpose, reason, detail, count
FROM audit WHERE {of_day} AND ({where}) ORDER BY recorded, number LIMIT {most}
"""

Report = dict[str, Any]


def span_of(day: date) -> tuple[datetime, datetime]:
    low = datetime.combine(day, time(), UTC)
    return low, low + timedelta(days=1)


async def review(connection: Connection, day: date) -> Report:
    """The report of a day, as JSON; reads the day's records, and walks the part of the chain sealed that day."""
    low, high = span_of(day)
    values = {"low": low, "high": high}
    totals = await _rows(connection, TOTALS, values)
    sections = [await _section(connection, section, values) for section in SECTIONS]
    return {
        "day": day.isoformat(),
        "records": sum(count for _, count in totals),
        "interactions": dict(totals),
        "incidents": sum(section["count"] for section in sections),
        "sections": sections,
        "chain": await _chain(connection, values),
    }


async def _section(connection: Connection, section: Section, values: dict[str, Any]) -> Report:
    parts = {"of_day": _OF_DAY, "where": section.where, "most": LISTED_MAX}
    ((count,),) = await _rows(connection, _COUNTED.format(**parts), values)
    rows = await _rows(connection, _LISTED.format(**parts), values) if count else []
    events = [_event(row) for row in rows]
    return {"name": section.name, "title": section.title, "rule": section.rule, "count": count, "events": events}


def _event(row: Sequence[Any]) -> Report:
    number, recorded, code, status, actor, role, client, address, kind, key, purpose, reason, detail, count = row
    of = f"{type_name(kind)}/{key}" if kind and key else type_name(kind) if kind else ""
    said = {
        "number": number,
        "at": moment(recorded),
        "what": interaction(code).what,
        "interaction": code,
        "status": status,
        "actor": actor,
        "role": role,
        "client": client,
        "address": address,
        "of": of,
        "purpose": purpose,
        "reason": reason,
        "detail": detail,
        "count": count,
    }
    return {name: value for name, value in said.items() if value not in ("", None)}


async def _chain(connection: Connection, values: dict[str, Any]) -> Report:
    ((first, last),) = await _rows(connection, BATCHES, values)
    if first is None:
        return {"batches": 0, "records": 0, "problems": []}
    found = await verify(connection, first=first, last=last)
    problems = [problem.as_json() for problem in found.problems[:PROBLEMS_LISTED_MAX]]
    return {"batches": found.batches, "first": first, "last": last, "records": found.records, "problems": problems}


def as_text(report: Report) -> str:
    """For people: a section a paragraph, an event a line."""
    chain = report["chain"]
    lines = [
        f"Review of the audit trail, {report['day']} (UTC)",
        f"{report['records']} records, {report['incidents']} to be looked at",
        f"{chain['batches']} batches sealed, {len(chain['problems'])} problems found in them",
        *(f"  {_problem(problem)}" for problem in chain["problems"]),
    ]
    for section in report["sections"]:
        lines += ["", f"{section['title']}: {section['count'] or 'none'} ({section['rule']})"]
        lines += [f"  {_line(event)}" for event in section["events"]]
        if section["count"] and len(section["events"]) == LISTED_MAX:
            lines.append(f"  and more; the first {LISTED_MAX} are listed")
    return "\n".join(lines)


def _problem(problem: Report) -> str:
    at = datetime.fromisoformat(problem["at"]) if "at" in problem else None
    return str(Problem(problem["kind"], problem["batch"], problem["number"], at, problem["detail"]))


def _line(event: Report) -> str:
    who = event.get("actor", "")
    role = f" ({event['role']})" if "role" in event else ""
    times = f" x{event['count']}" if event["count"] > 1 else ""
    rest = [event[name] for name in ("of", "purpose", "reason", "detail") if name in event]
    where = f" from {event['address']}" if "address" in event else ""
    said = f"{event['at']} #{event['number']} {event['what']} {event['status']}{times}"
    return f"{said}: {who}{role} by {event['client']}{where}{''.join(f'; {part}' for part in rest)}"


async def _rows(connection: Connection, statement: str, values: dict[str, Any]) -> list[Any]:
    return await (await connection.execute(statement, values)).fetchall()
