"""S2: every prefix, precision, zone and shape of a date, row by row. https://hl7.org/fhir/R4/search.html#date

The table is tests/spec/search_dates.tsv; tests/oracle/date_table.py says how it came about.
"""

import csv
import json
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

TABLE = Path(__file__).parents[1] / "spec" / "search_dates.tsv"
BATCH_ENTRIES = 100

with TABLE.open(newline="") as lines:
    ROWS = [tuple(row) for row in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)][1:]
TARGETS = {target: f"d{number}" for number, target in enumerate(dict.fromkeys((row[1], row[2]) for row in ROWS))}
QUERIES = list(dict.fromkeys(row[3] for row in ROWS))


@pytest.fixture(scope="module")
def found(client: httpx.Client) -> dict[str, set[str]]:
    """The ids that each query finds, asked of a server that has every target of the table and nothing else."""
    for (element, value), number in TARGETS.items():
        observation = {"resourceType": "Observation", "id": number, "status": "final", "code": {"text": "any"}}
        response = client.put(f"/Observation/{number}", json={**observation, element: json.loads(value)})
        assert response.status_code == 201, response.text
    parts = (QUERIES[start : start + BATCH_ENTRIES] for start in range(0, len(QUERIES), BATCH_ENTRIES))
    return {query: ids for part in parts for query, ids in zip(part, asked(client, part), strict=True)}


def asked(client: httpx.Client, queries: list[str]) -> list[set[str]]:
    """In one batch."""
    urls = [f"Observation?date={quote(query, safe='')}&_count={len(TARGETS)}" for query in queries]
    entries = [{"request": {"method": "GET", "url": url}} for url in urls]
    response = client.post("", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
    assert response.status_code == 200, response.text
    return [{one["resource"]["id"] for one in each["resource"].get("entry", [])} for each in answers(response)]


def answers(response: httpx.Response) -> list[dict[str, dict[str, list[dict[str, dict[str, str]]]]]]:
    entries: list[dict[str, dict[str, list[dict[str, dict[str, str]]]]]] = response.json()["entry"]
    refused = [entry["response"] for entry in entries if "resource" not in entry]
    assert refused == []
    return entries


@pytest.mark.parametrize(("theme", "element", "value", "query", "expected"), ROWS)
def test_a_date_is_found(
    found: dict[str, set[str]], theme: str, element: str, value: str, query: str, expected: str
) -> None:
    assert (TARGETS[element, value] in found[query]) is (expected == "yes")


def test_the_table_holds_every_prefix_and_shape() -> None:
    assert len(ROWS) > 2000
    assert {query[:2] for query in QUERIES if not query[0].isdigit()} == {*"ne gt lt ge le sa eb ap".split()}
    assert {element for element, _ in TARGETS} == {
        "effectiveDateTime",
        "effectiveInstant",
        "effectivePeriod",
        "effectiveTiming",
    }
