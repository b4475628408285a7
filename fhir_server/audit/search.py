"""AuditEvents read and searched: a small query of its own over the audit table, newest first.

https://hl7.org/fhir/R4/auditevent.html#search
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from itertools import islice
from typing import Any, Final

from fhir_server.audit.events import Kept, parse_event_id, parts_of
from fhir_server.audit.interactions import INTERACTIONS, UNKNOWN, Coding, Interaction
from fhir_server.errors import Invalid, Issue
from fhir_server.model.resource_types import NUMBERS
from fhir_server.search.comparison import split_prefix
from fhir_server.search.types import date as dates
from fhir_server.storage.database import Connection

NAMES: Final = tuple(f.name for f in fields(Kept))
_COLUMNS: Final = ", ".join(f"a.{name}" for name in NAMES)

ALTERNATIVES_MAX: Final = 200
"""Alternatives of one parameter (values)."""

COMPARED: Final = {
    "eq": "(a.recorded >= {low} AND a.recorded < {high})",
    "ne": "(a.recorded < {low} OR a.recorded >= {high})",
    "gt": "a.recorded >= {high}",
    "sa": "a.recorded >= {high}",
    "lt": "a.recorded < {low}",
    "eb": "a.recorded < {low}",
    "ge": "a.recorded >= {low}",
    "le": "a.recorded < {high}",
    "ap": "(a.recorded >= {low} AND a.recorded < {high})",
}
"""Prefixes of a date, of an instant: https://hl7.org/fhir/R4/search.html#prefix."""

OUTCOMES: Final = {
    "0": "a.outcome < 400",
    "4": "(a.outcome BETWEEN 400 AND 499 AND a.outcome NOT IN (401, 403))",
    "8": "a.outcome IN (401, 403)",
    "12": "a.outcome >= 500",
}

BY_NUMBER: Final = f"SELECT {_COLUMNS} FROM audit a WHERE a.number = %s"  # noqa: S608 - our own columns

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins: at part `part` of the record `number`."""

    recorded: datetime
    number: int
    part: int = 0


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """`where` are conditions on `audit a`, with their `values`.

    Of a record that is about several patients, those of `patients` and those with an entity of `entities` (ids of
    patients both) are shown; all of them where these are None.
    """

    where: tuple[str, ...] = ()
    values: tuple[tuple[str, Any], ...] = ()
    patients: frozenset[str] | None = None
    entities: frozenset[str] | None = None
    part: int | None = None
    count: int = 50
    after: Position | None = None
    snapshot: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Records with the part of each that is shown; `end` is where the next page begins, None on the last one."""

    events: list[tuple[Kept, int]] = field(default_factory=list)
    end: Position | None = None
    snapshot: str = ""


@dataclass(slots=True)
class _Builder:
    """Collects conditions; every value becomes a placeholder's."""

    base_url: str
    now: datetime
    where: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    patients: frozenset[str] | None = None
    entities: frozenset[str] | None = None
    part: int | None = None

    def value(self, value: Any) -> str:
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"

    def any_of(self, conditions: Iterable[str]) -> None:
        self.where.append(f"({' OR '.join(conditions)})")

    def built(self) -> AuditQuery:
        shown = (self.patients, self.entities, self.part)
        return AuditQuery(tuple(self.where), tuple(self.values.items()), *shown)


def parse_query(pairs: Pairs, base_url: str, now: datetime) -> AuditQuery:
    """The query of a search; raises `Invalid` for a parameter or value it does not have. `now` is what `ap` means."""
    builder = _Builder(base_url, now)
    for name, text in pairs:
        code, _, modifier = (name, "", "") if name in PARSERS else name.partition(":")
        parser = PARSERS.get(code)
        if parser is None or not text:
            raise _invalid(name, "is not a search parameter of AuditEvent here" if text else "has no value")
        values = text.split(",")
        if len(values) > ALTERNATIVES_MAX:
            raise _invalid(name, f"has more than {ALTERNATIVES_MAX} alternatives")
        if modifier and not (
            code in ("agent", "entity", "patient")
            and (modifier in NUMBERS or (modifier == IDENTIFIER and code == "agent"))
        ):
            raise _invalid(name, "has a modifier that is not supported")
        parser(builder, name, [_qualified(value, modifier) for value in values])
    return builder.built()


IDENTIFIER: Final = "identifier"


def _qualified(value: str, modifier: str) -> str:
    """`agent:Practitioner=1` asks for Practitioner/1, `agent:identifier=system|value` for the value."""
    if modifier == IDENTIFIER:
        return value.rpartition("|")[2]
    return f"{modifier}/{value}" if modifier and "/" not in value else value


def _invalid(name: str, why: str) -> Invalid:
    message = f"The parameter '{name[:60]}' {why}"
    return Invalid(message, [Issue("invalid", message, name[:60])])


def _date(builder: _Builder, name: str, values: Sequence[str]) -> None:
    builder.any_of([_compared(builder, name, value) for value in values])


def _compared(builder: _Builder, name: str, text: str) -> str:
    """A "+" that was not escaped in the URL arrives as a blank."""
    prefix, rest = split_prefix(text)
    ends = dates.span(rest.replace(" ", "+"))
    if ends is None:
        raise _invalid(name, f"has the value '{text[:60]}', which is not a date")
    low, high = dates._approximately(*ends, builder.now) if prefix == "ap" else ends
    return COMPARED[prefix].format(low=builder.value(low), high=builder.value(high))


def _patient(builder: _Builder, name: str, values: Sequence[str]) -> None:
    ids = [_local(builder, value) for value in values]
    if any("/" in key and not key.startswith("Patient/") for key in ids):
        raise _invalid(name, "refers to patients")
    wanted = [key.removeprefix("Patient/") for key in ids]
    builder.patients = _both(builder.patients, wanted)
    builder.where.append(f"a.patients && {builder.value(wanted)}::text[]")


def _agent(builder: _Builder, _: str, values: Sequence[str]) -> None:
    wanted = [_local(builder, value) for value in values]
    names = builder.value(wanted + [value.removeprefix("Client/") for value in wanted])
    builder.where.append(f"(a.actor = ANY({names}::text[]) OR a.client = ANY({names}::text[]))")


def _entity(builder: _Builder, name: str, values: Sequence[str]) -> None:
    references = [_local(builder, value) for value in values]
    builder.any_of([_one_entity(builder, name, reference) for reference in references])
    if all(reference.startswith("Patient/") for reference in references):
        ids = [reference.removeprefix("Patient/") for reference in references]
        builder.entities = _both(builder.entities, ids)


def _both(asked_before: frozenset[str] | None, wanted: Iterable[str]) -> frozenset[str]:
    return frozenset(wanted) if asked_before is None else asked_before & frozenset(wanted)


def _one_entity(builder: _Builder, name: str, reference: str) -> str:
    kind, _, key = reference.partition("/")
    if kind not in NUMBERS or not key:
        raise _invalid(name, "takes a reference such as Observation/1")
    exactly = f"(a.type = {NUMBERS[kind]} AND a.id = {builder.value(key)})"
    return f"({exactly} OR a.patients && {builder.value([key])}::text[])" if kind == "Patient" else exactly


def _request_id(builder: _Builder, _: str, values: Sequence[str]) -> None:
    """The X-Request-Id is an entity that is known by nothing but its identifier."""
    wanted = [value.rpartition("|")[2] for value in values]
    builder.where.append(f"a.request_id = ANY({builder.value(wanted)}::text[])")


def _local(builder: _Builder, reference: str) -> str:
    return reference.removeprefix(builder.base_url + "/")


def _outcome(builder: _Builder, name: str, values: Sequence[str]) -> None:
    codes = [value.rpartition("|")[2] for value in values]
    if unknown := [code for code in codes if code not in OUTCOMES]:
        raise _invalid(name, f"has the value '{unknown[0][:60]}'; there are {', '.join(OUTCOMES)}")
    builder.any_of(OUTCOMES[code] for code in codes)


def _interactions(matches: Callable[[Interaction, str], bool]) -> "Parser":
    """A parameter about what the interaction is; one this release does not know is other activity."""

    def parse(builder: _Builder, _: str, values: Sequence[str]) -> None:
        found = [code for code, known in INTERACTIONS.items() if any(matches(known, value) for value in values)]
        conditions = [f"a.interaction = ANY({builder.value(found)}::text[])"]
        if any(matches(UNKNOWN, value) for value in values):
            conditions.append(f"NOT a.interaction = ANY({builder.value(list(INTERACTIONS))}::text[])")
        builder.any_of(conditions)

    return parse


def _is(coding: Coding, token: str) -> bool:
    """https://hl7.org/fhir/R4/search.html#token: code, system|code, or system|."""
    system, separator, code = token.rpartition("|")
    return (not code or coding[1] == code) and (not separator or coding[0] == system)


def _id(builder: _Builder, _: str, values: Sequence[str]) -> None:
    found = [parsed for value in values if (parsed := parse_event_id(value))]
    if len(found) == 1:
        builder.part = found[0][1]
    builder.where.append(f"a.number = ANY({builder.value([number for number, _ in found])}::bigint[])")


def _sort(_: _Builder, name: str, values: Sequence[str]) -> None:
    if list(values) not in (["-date"], ["-_lastUpdated"]):
        raise _invalid(name, "can only be -date here: the newest come first")


Parser = Callable[[_Builder, str, Sequence[str]], None]

PARSERS: Final[dict[str, Parser]] = {
    "_id": _id,
    "_lastUpdated": _date,
    "_sort": _sort,
    "date": _date,
    "patient": _patient,
    "agent": _agent,
    "entity": _entity,
    "entity:identifier": _request_id,
    "outcome": _outcome,
    "action": _interactions(lambda known, value: known.action == value.rpartition("|")[2]),
    "type": _interactions(lambda known, value: _is(known.kind, value)),
    "subtype": _interactions(lambda known, value: _is(known.subtype, value)),
}


async def find(connection: Connection, text: str) -> tuple[Kept, int] | None:
    """The record an AuditEvent's id names, and which part of it; None where there is none."""
    parsed = parse_event_id(text)
    if parsed is None:
        return None
    number, part = parsed
    row = await (await connection.execute(BY_NUMBER, (number,))).fetchone()
    kept = Kept(*row) if row else None
    if kept is None or (part is None) is not (parts_of(kept) == 1) or (part or 0) >= parts_of(kept):
        return None
    return kept, part or 0


async def search(connection: Connection, query: AuditQuery) -> Page:
    """A page of AuditEvents of the snapshot the first page took."""
    shown: list[tuple[Kept, int]] = []
    snapshot, asked = query.snapshot or "", query
    while True:
        rows = await _rows(connection, asked)
        snapshot = snapshot or (rows[0][-1] if rows else "")
        records = [Kept(*row[:-1]) for row in rows]
        shown += islice(_shown(asked, records), query.count + 1 - len(shown))
        if len(shown) > query.count or len(rows) < _limit(query):
            break
        asked = replace(asked, after=_position(records[-1], parts_of(records[-1])), snapshot=snapshot)
    beyond = shown[query.count] if len(shown) > query.count > 0 else None
    return Page(shown[: query.count], _position(*beyond) if beyond else None, snapshot)


async def _rows(connection: Connection, query: AuditQuery) -> list[Any]:
    sql, values = _statement(query)
    cursor = connection.cursor(binary=True)
    await cursor.execute(sql, values, prepare=False)
    return await cursor.fetchall()


def _limit(query: AuditQuery) -> int:
    """One record more than events are wanted, and the one of which some are shown already."""
    return query.count + 2


def _statement(query: AuditQuery) -> tuple[str, dict[str, Any]]:
    where, values = list(query.where), dict(query.values)
    if query.after is not None:
        where.append("(a.recorded, a.number) <= (%(recorded)s, %(number)s)")
        values |= {"recorded": query.after.recorded, "number": query.after.number}
    if query.snapshot:
        where.append("pg_visible_in_snapshot(a.xid, %(snapshot)s::pg_snapshot)")
        values["snapshot"] = query.snapshot
    condition = f"WHERE {' AND '.join(where)}" if where else ""
    order = f"ORDER BY a.recorded DESC, a.number DESC LIMIT {_limit(query)}"
    return f"SELECT {_COLUMNS}, pg_current_snapshot()::text FROM audit a {condition} {order}", values  # noqa: S608


def _shown(query: AuditQuery, records: Iterable[Kept]) -> Iterator[tuple[Kept, int]]:
    after = query.after
    for kept in records:
        begin = after.part if after and kept.number == after.number else 0
        for part in range(begin, parts_of(kept)):
            if _is_shown(query, kept, part):
                yield kept, part


def _is_shown(query: AuditQuery, kept: Kept, part: int) -> bool:
    if query.part is not None and part != query.part:
        return False
    patient = kept.patients[part] if kept.patients else ""
    data = kept.id if kept.type == NUMBERS["Patient"] else ""
    of_entities = query.entities is None or patient in query.entities or data in query.entities
    return of_entities and (query.patients is None or patient in query.patients)


def _position(kept: Kept, part: int) -> Position:
    return Position(kept.recorded, kept.number, part)


def continued(query: AuditQuery, state: Sequence[Any]) -> AuditQuery:
    """The query of the page that begins where `state_of` said."""
    snapshot, recorded, number, part = state
    after = Position(datetime.fromisoformat(recorded), number, part)
    return replace(query, after=after, snapshot=snapshot)


def state_of(page: Page) -> list[Any]:
    """What a paging link carries; the page has a next one."""
    end = page.end
    return [] if end is None else [page.snapshot, end.recorded.isoformat(), end.number, end.part]
