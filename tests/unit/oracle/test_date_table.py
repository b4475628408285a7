"""The table of dates is what its generator writes, and what the oracle says: each works ranges out in its own way."""

import csv
import json
from pathlib import Path

from tests.oracle import date_table
from tests.oracle.dates import date_range, date_test
from tests.oracle.extraction import Element

TABLE = Path(__file__).parents[2] / "spec" / "search_dates.tsv"
NOWS = ("2026-01-01", "2045-06-30")


def test_the_file_is_what_the_generator_writes() -> None:
    assert TABLE.read_text().splitlines()[1:] == list(date_table.rows())


def test_the_oracle_agrees_with_every_row() -> None:
    with TABLE.open(newline="") as lines:
        _, *rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    for now in NOWS:
        tests = {query: date_test(query, date_range(now).low) for query in {row[3] for row in rows}}
        for _, element, value, query, expected in rows:
            target = Element(element.removeprefix("effective"), json.loads(value))
            assert tests[query](target) is (expected == "yes"), (query, value, now)
