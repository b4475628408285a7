"""Every SHALL of SMART App Launch 2.2 for servers has a test, and a line of the product without which it fails (A2).

requirements.tsv: the requirement's number in the guide, the test that proves it, and a line of the product with what
takes its place when it is broken. Each is broken in a copy of the tree, and the test seen to fail: one of them by
`make test`, all by `make prove`.
"""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import CORPUS, PROVE

ROOT = Path(__file__).parents[3]
TABLE = Path(__file__).with_name("requirements.tsv")
REQUIREMENTS = CORPUS.parent / "requirements" / "smart_app_launch_test_kit_requirements.csv"
SET = "hl7.fhir.uv.smart-app-launch_2.2.0"
ROWS = 172
DOES_NOT_APPLY = "does not apply"
DOES_NOT_APPLY_MAX = 15
PARTS = ("fhir_server", "mappers", "integrations", "subscriptions", "terminology", "tests", "alembic", "docs")
BREAK_SECONDS_MAX = 300


class Row(NamedTuple):
    requirement: int
    test: str
    file: str
    line: str
    instead: str


class Break(NamedTuple):
    test: str
    file: str
    line: str
    instead: str


def rows():
    lines = TABLE.read_text().splitlines()[1:]
    for line in lines:
        number, test, file, *texts = line.split("\t")
        yield Row(int(number), test, file, *(text.replace("\\n", "\n") for text in texts))


TABLE_ROWS = tuple(rows())
PROVED = tuple(row for row in TABLE_ROWS if row.test != DOES_NOT_APPLY)
BREAKS = tuple(dict.fromkeys(Break(*row[1:]) for row in PROVED))
SAMPLE = BREAKS if PROVE else BREAKS[:1]


def test_every_requirement_has_one_row():
    numbers = [row.requirement for row in TABLE_ROWS]
    assert (len(numbers), len(set(numbers))) == (ROWS, ROWS)


@pytest.mark.corpus
def test_the_requirements_are_those_of_the_guide():
    with REQUIREMENTS.open(encoding="utf-8-sig") as file:
        found = [row for row in csv.DictReader(file) if row["Req Set"] == SET and row["Actors"] == "Server"]
    shall = {int(row["ID"]) for row in found if row["Conformance"].startswith("SHALL")}
    assert shall == {row.requirement for row in TABLE_ROWS}


def test_few_requirements_do_not_apply_and_each_says_why():
    without = [row for row in TABLE_ROWS if row.test == DOES_NOT_APPLY]
    assert len(without) <= DOES_NOT_APPLY_MAX
    assert all(row.line for row in without)


@pytest.mark.parametrize("test", sorted({row.test for row in PROVED}))
def test_the_test_of_a_requirement_is_there(test):
    file, _, name = test.partition("::")
    assert re.search(rf"def {name}\(", (ROOT / file).read_text())


@pytest.mark.parametrize("one", BREAKS, ids=[f"{Path(one.file).stem}-{n}" for n, one in enumerate(BREAKS)])
def test_the_line_that_a_requirement_needs_is_there_once(one):
    assert (ROOT / one.file).read_text().count(one.line) == 1


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A tree of our own to break."""
    folder = tmp_path_factory.mktemp("broken")
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.mark.parametrize("one", SAMPLE, ids=[f"{Path(one.file).stem}-{n}" for n, one in enumerate(SAMPLE)])
def test_without_its_line_a_requirement_is_not_proved(copy, one):
    path = copy / one.file
    whole = path.read_text()
    path.write_text(whole.replace(one.line, one.instead))
    try:
        command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", one.test]
        environment = {**os.environ, "GALENIC_CORPUS": str(CORPUS), "PYTHONPATH": str(copy)}
        environment.pop("GALENIC_PROVE", None)
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, check=False, timeout=BREAK_SECONDS_MAX
        )
    finally:
        path.write_text(whole)
    assert done.returncode == 1, done.stdout.decode()[-2000:]
