"""`galenic audit` as an operator uses it: verify, anchor, report, events, expire."""

import asyncio
import json
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import AsyncConnection

from fhir_server.audit.recorder import insert_records
from fhir_server.audit.seal import seal
from fhir_server.cli.main import main
from tests.builders.audit import a_record
from tests.conftest import Database

TODAY = datetime.now(UTC).date().isoformat()


@pytest.fixture
def installation(database, monkeypatch, tmp_path):
    monkeypatch.setenv("GALENIC_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("GALENIC_DATABASE_URL", database.app_url)
    monkeypatch.setenv("GALENIC_DATABASE_OWNER_URL", database.superuser_url)
    monkeypatch.setenv("GALENIC_BASE_URL", "https://pharmacy.example/fhir")
    return database


def record_and_seal(database: Database, records: int = 3) -> None:
    async def run() -> None:
        async with await AsyncConnection.connect(database.app_url, autocommit=True) as connection:
            await insert_records(connection, [a_record(patients=("a",)) for _ in range(records)])
            await seal(connection)

    asyncio.run(run())


def tamper(database: Database, *statements: str) -> None:
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in statements:
            connection.execute(statement)


def test_a_whole_trail_is_verified_and_that_is_recorded(installation, capsys, ask):
    record_and_seal(installation)
    assert main(["audit", "verify"]) == 0
    assert "is whole: 1 batches with 3 records" in capsys.readouterr().out
    assert ask("SELECT interaction, outcome FROM audit WHERE number > 3") == [("audit-verify", 200)]


def test_a_tampered_trail_is_told_by_number_batch_and_time(installation, capsys, ask):
    record_and_seal(installation)
    tamper(installation, "UPDATE audit SET actor = 'x' WHERE number = 2")
    assert main(["audit", "verify"]) == 1
    assert f"edited: record 2, batch 1, {TODAY}" in capsys.readouterr().out
    assert main(["audit", "verify", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["problems"][0]["number"] == 2
    assert ask("SELECT DISTINCT interaction FROM audit WHERE number > 3") == [("audit-interference",)]


def test_an_anchor_tells_of_a_tail_that_was_cut(installation, capsys, tmp_path):
    record_and_seal(installation)
    record_and_seal(installation)
    head = str(tmp_path / "head.json")
    assert main(["audit", "anchor", head]) == 0
    assert main(["audit", "verify", "--anchor", head]) == 0
    tamper(installation, "DELETE FROM audit WHERE number > 3", "DELETE FROM audit_seal WHERE batch = 2")
    assert main(["audit", "verify"]) == 0  # by itself a shorter chain is a chain
    capsys.readouterr()
    assert main(["audit", "verify", "--anchor", head]) == 1
    assert "anchor: batch 2" in capsys.readouterr().out


def test_an_anchor_tells_of_a_chain_that_was_made_anew(installation, capsys, tmp_path):
    record_and_seal(installation)
    head = str(tmp_path / "head.json")
    assert main(["audit", "anchor", head]) == 0
    tamper(installation, "UPDATE audit SET actor = 'x' WHERE number = 2", "DELETE FROM audit_seal")
    record_and_seal(installation, 1)
    assert main(["audit", "verify"]) == 0
    capsys.readouterr()
    assert main(["audit", "verify", "--anchor", head]) == 1
    assert "made anew" in capsys.readouterr().out


def test_an_anchor_is_signed_and_kept(installation, capsys, tmp_path):
    record_and_seal(installation)
    head, other = tmp_path / "head.json", tmp_path / "other.pub.pem"
    assert main(["audit", "anchor", str(head)]) == 0
    assert main(["audit", "anchor", str(head)]) == 1, "another anchor would be lost"
    key = tmp_path / "data" / "audit_key.pem"
    assert key.stat().st_mode & 0o077 == 0
    assert "PUBLIC KEY" in (tmp_path / "data" / "audit_key.pub.pem").read_text()
    head.write_text(head.read_text().replace('"records": 3', '"records": 4'))
    assert main(["audit", "verify", "--anchor", str(head)]) == 1
    assert "not signed by this installation's key" in capsys.readouterr().err
    other.write_text("nonsense")
    assert main(["audit", "verify", "--anchor", str(head), "--public-key", str(other)]) == 1


def test_nothing_is_anchored_before_anything_is_sealed(installation, tmp_path):
    assert main(["audit", "anchor", str(tmp_path / "head.json")]) == 1


def test_a_day_is_reported_in_text_and_json(installation, capsys):
    record_and_seal(installation)
    assert main(["audit", "report", "--day", TODAY]) == 0
    said = capsys.readouterr()
    assert "3 records, 0 to be looked at" in said.out
    assert "preliminary" in said.err
    assert main(["audit", "report", "--day", "2020-02-29", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["records"] == 0


def test_events_are_printed_as_fhir(installation, capsys):
    record_and_seal(installation)
    assert main(["audit", "events", "--patient", "a", "--since", TODAY, "--count", "2"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["id"] for event in events] == ["3", "2"]
    assert main(["audit", "events", "--until", TODAY]) == 0
    assert capsys.readouterr().out == ""


OLD = """
CREATE TABLE audit_20100101 PARTITION OF audit FOR VALUES FROM ('2010-01-01') TO ('2010-02-01');
ALTER TABLE audit_20100101 OWNER TO galenic_owner;
CREATE TABLE audit_recent PARTITION OF audit FOR VALUES FROM (%(low)s) TO (%(high)s);
ALTER TABLE audit_recent OWNER TO galenic_owner;
INSERT INTO audit (recorded, request_id, interaction, actor, client, purpose, outcome)
SELECT day, 'r', 'read', 'a', 'c', 'TREAT', 200 FROM unnest(%(days)s::timestamptz[]) day
"""


def test_only_what_is_older_than_six_years_expires_and_the_chain_still_holds(installation, capsys, ask):
    year = datetime.now(UTC).year - 5
    values = {"low": f"{year}-01-01", "high": f"{year}-02-01"}
    days = ["2010-01-05T12:00Z", "2010-01-20T12:00Z", f"{year}-01-05T12:00Z"]
    with psycopg.connect(installation.superuser_url, autocommit=True) as connection:
        psycopg.ClientCursor(connection).execute(OLD, values | {"days": days})
    record_and_seal(installation, 1)
    assert main(["audit", "expire"]) == 0
    assert "Dropped audit_20100101" in capsys.readouterr().out
    assert ask("SELECT count(*) FROM audit WHERE recorded < '2020-01-01'") == [(0,)]
    assert ask("SELECT count(*) FROM audit WHERE recorded < now() - interval '4 years'") == [(1,)]
    ((detail,),) = ask("SELECT detail FROM audit WHERE interaction = 'audit-retention'")
    assert "numbers {[1,3)}" in detail
    assert main(["audit", "verify"]) == 0
    assert "2 more expired" in capsys.readouterr().out
    assert main(["audit", "expire"]) == 0
    assert "Nothing is older" in capsys.readouterr().out
    assert ask("SELECT count(*) FROM galenic_drop_expired_audit(2)") == [(0,)], "the database keeps six years by itself"
    ask("DROP TABLE audit_recent")


def test_records_that_did_not_expire_are_not_excused(installation, capsys):
    record_and_seal(installation)
    tamper(
        installation,
        "DELETE FROM audit WHERE number = 2",
        "INSERT INTO audit_expiry (name, before, numbers) VALUES ('audit_x', now(), '{[2,3)}')",
    )
    assert main(["audit", "verify"]) == 1
    assert "deleted: record 2" in capsys.readouterr().out


def test_less_than_six_years_cannot_be_asked_for(installation, monkeypatch, capsys):
    monkeypatch.setenv("GALENIC_AUDIT_RETENTION_YEARS", "5")
    assert main(["audit", "expire"]) == 1
    assert "GALENIC_AUDIT_RETENTION_YEARS" in capsys.readouterr().err
