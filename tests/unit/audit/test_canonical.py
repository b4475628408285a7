"""The form that is hashed does not change: else every chain there is would be broken."""

import hashlib
from datetime import UTC, datetime, timedelta, timezone

from fhir_server.audit.canonical import NAMES, SELECTED, START, Seal, canonical, digest, multirange

MOMENT = datetime(2026, 11, 21, 8, 30, 0, 120, UTC)
ROW = {
    "number": 7,
    "recorded": MOMENT,
    "request_id": "r-1",
    "interaction": "read",
    "actor": "Practitioner/1",
    "client": "app",
    "purpose": "TREAT",
    "type": 104,
    "id": 'é\n\x1f"\\/',
    "version": None,
    "patients": ["a", "b"],
    "outcome": 200,
    "xid": 1234567890123,
    "role": "",
    "count": 1,
}
CANONICAL = (
    '{"actor":"Practitioner/1","client":"app","id":"é\\n\\u001f\\"\\\\/","interaction":"read","number":7,"outcome":200,'
    '"patients":["a","b"],"purpose":"TREAT","recorded":"2026-11-21T08:30:00.000120Z","request_id":"r-1","type":104,'
    '"xid":1234567890123}'
)


def a_row(**changes: object) -> tuple[object, ...]:
    values = ROW | changes
    return tuple(values.get(name, "") for name in NAMES)


def test_a_record_is_this_json() -> None:
    assert canonical(a_row()).decode() == CANONICAL
    assert digest(a_row()) == hashlib.sha256(CANONICAL.encode()).digest()


def test_an_instant_is_the_same_in_every_zone() -> None:
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=9)))
    assert canonical(a_row(recorded=elsewhere)) == canonical(a_row())


def test_a_column_that_says_nothing_is_left_out_and_one_that_does_counts() -> None:
    assert canonical(a_row(version=None, patients=[], count=1)) != canonical(a_row())
    for name, value in {"version": 0, "count": 0, "role": "x", "detail": "0", "query": " "}.items():
        assert digest(a_row(**{name: value})) != digest(a_row()), name


def test_every_column_is_in_it() -> None:
    assert SELECTED.count("a.") == len(NAMES) == 20


def test_a_seal_hashes_what_came_before_what_it_says_and_its_digests() -> None:
    link = Seal(1, MOMENT, "{[7,8)}", 1, MOMENT, MOMENT, "1:1:", digest(a_row()), START)
    said = (
        '{"batch":1,"count":1,"numbers":"{[7,8)}","recorded_high":"2026-11-21T08:30:00.000120Z",'
        '"recorded_low":"2026-11-21T08:30:00.000120Z","sealed":"2026-11-21T08:30:00.000120Z","snapshot":"1:1:"}'
    )
    assert link.hash == hashlib.sha256(bytes(32) + said.encode() + digest(a_row())).digest()


def test_numbers_are_written_as_postgresql_writes_a_multirange() -> None:
    assert multirange([1, 2, 3, 6, 8, 9]) == "{[1,4),[6,7),[8,10)}"
    assert multirange([]) == "{}"
