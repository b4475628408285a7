"""The review of a day: each planted event in its section, also for days on which nothing happened."""

from datetime import UTC, date, datetime, timedelta

import pytest
from psycopg import AsyncConnection

from fhir_server.audit.recorder import insert_records
from fhir_server.audit.report import SECTIONS, as_text, review
from fhir_server.audit.reviewer import kept_report, make_due
from fhir_server.audit.seal import seal
from tests.builders.audit import a_context, a_record


def today() -> date:
    """Asked for when it is needed: the tests may have been collected yesterday."""
    return datetime.now(UTC).date()


PLANTED = {
    "refused-access": [a_record("refused", 401, count=40), a_record("read", 403, type_name="Patient", id="b")],
    "failed-logins": [a_record("login", 401, detail="wrong password")],
    "lock-outs": [a_record("lock-out", 429)],
    "break-glass": [a_record("break-glass", context=a_context(purpose="BTG", reason="unconscious"))],
    "access-control": [a_record("access-control", detail="role"), a_record("create", 201, type_name="Consent", id="c")],
    "deletions": [a_record("delete", 204, type_name="Task", id="t")],
    "exports": [a_record("export", 202)],
    "audit-interference": [a_record("audit-interference", 500), a_record("audit-retention")],
}


@pytest.fixture
async def connection(database):
    async with await AsyncConnection.connect(
        database.app_url, autocommit=True, options="-c timezone=Asia/Tokyo"
    ) as made:
        yield made


async def test_each_event_is_in_its_section_and_no_other(connection):
    harmless = [
        a_record(),
        a_record("login"),
        a_record("read", 404),
        a_record("audit-verify"),
        a_record("consent", 403),
    ]
    await insert_records(connection, harmless)
    for records in PLANTED.values():
        await insert_records(connection, records)
    report = await review(connection, today())
    counts = {section["name"]: section["count"] for section in report["sections"]}
    assert counts == {name: sum(record.count for record in records) for name, records in PLANTED.items()}
    assert [section.name for section in SECTIONS] == list(PLANTED)
    assert (report["incidents"], report["records"]) == (sum(counts.values()), sum(counts.values()) + len(harmless))
    text = as_text(report)
    assert "wrong password" in text
    assert "unconscious" in text
    assert "x40" in text


async def test_an_empty_day_has_its_report_too(connection):
    report = await review(connection, date(2026, 1, 1))
    assert (report["records"], report["incidents"]) == (0, 0)
    assert as_text(report).count(": none (") == len(SECTIONS)


async def test_there_is_a_report_of_every_day_since_the_first(connection, ask):
    noon = datetime.now(UTC).replace(hour=12)
    assert await make_due(connection, noon) == [today() - timedelta(days=1)]
    assert await make_due(connection, noon) == []
    later = noon + timedelta(days=3)
    assert await make_due(connection, later) == [today(), today() + timedelta(days=1), today() + timedelta(days=2)]
    kept = await kept_report(connection, today())
    assert kept is not None
    assert kept["day"] == today().isoformat()


async def test_a_day_is_reviewed_when_what_it_began_has_ended(connection):
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    assert await make_due(connection, midnight + timedelta(minutes=5)) == [date(2026, 2, 28)]
    assert await make_due(connection, midnight + timedelta(minutes=15)) == [date(2026, 3, 1)]


async def test_what_was_tampered_with_is_in_the_report_and_recorded(connection, ask):
    await insert_records(connection, [a_record(), a_record()])
    await seal(connection)
    ask("SET session_replication_role = replica; UPDATE audit SET outcome = 500 WHERE number = 2")
    await make_due(connection, datetime.now(UTC).replace(hour=12) + timedelta(days=1))
    kept = await kept_report(connection, today())
    assert kept is not None
    assert [(p["kind"], p["number"]) for p in kept["chain"]["problems"]] == [("edited", 2)]
    assert "edited: record 2" in as_text(kept)
    assert ask("SELECT count(*) FROM audit WHERE interaction = 'audit-interference'") == [(1,)]
