"""Synthea's hospitals, practitioners and patients load completely."""

import bz2
import json
from pathlib import Path

import psycopg
import pytest

from fhir_server.cli.main import main
from tests.running.galenic import CURSOR_KEY, INDEX_KEY

pytestmark = pytest.mark.corpus

PATIENTS = 120
PATIENTS_SAMPLED = 6


@pytest.fixture
def bundles(corpus: Path, at_full_counts: bool) -> list[Path]:
    """The two batches first: every transaction refers to them by conditional references."""
    files = sorted((corpus / "examples/synthea/blaze-full-bundles").glob("*.json.bz2"))
    batches, transactions = files[:2], files[2:]
    assert [file.name.partition("Information")[0] for file in batches] == ["0-hospital", "0-practitioner"]
    assert len(transactions) == PATIENTS
    return batches + transactions[: None if at_full_counts else PATIENTS_SAMPLED]


def test_synthea_loads_completely(database, bundles, monkeypatch, capsys):
    monkeypatch.setenv("GALENIC_DATABASE_URL", database.app_url)
    monkeypatch.setenv("GALENIC_INDEX_KEY", INDEX_KEY)
    monkeypatch.setenv("GALENIC_CURSOR_KEY", CURSOR_KEY)
    code = main(["load", *map(str, bundles)])
    said = capsys.readouterr().out
    assert code == 0, said
    assert "refused 0" in said
    sent = [entry["resource"] for file in bundles for entry in json.loads(bz2.decompress(file.read_bytes()))["entry"]]
    with psycopg.connect(database.superuser_url) as connection:
        counted = "SELECT name, count(*) FROM resource JOIN resource_type ON number = type GROUP BY name"
        stored = dict(connection.execute(counted).fetchall())
    assert stored == {name: sum(r["resourceType"] == name for r in sent) for name in {r["resourceType"] for r in sent}}
