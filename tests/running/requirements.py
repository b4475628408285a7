"""Tables of requirements: each has a test, and a line of the product without which that test fails.

A table is a file of tab-separated values with a head: the requirement's number in its guide, the test that proves it,
and a line of the product with what takes its place when it is broken (both with `\\n` for line ends). Each is broken in
a copy of the tree, and the test seen to fail: one of a table by `make test`, all by `make prove`. A requirement that
does not apply says so in place of its test, and why in place of its line.
"""

import csv
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from tests.conftest import CORPUS, PROVE

ROOT: Final = Path(__file__).parents[2]
GUIDES: Final = CORPUS.parent / "requirements"
DOES_NOT_APPLY: Final = "does not apply"
PARTS: Final = ("fhir_server", "mappers", "integrations", "subscriptions", "terminology", "tests", "alembic", "docs")
BREAK_SECONDS_MAX: Final = 300


class Row(NamedTuple):
    requirement: int
    test: str
    """`tests/acceptance/test_read.py::test_…`, without parameters."""
    file: str
    line: str
    """Stands once in the file; of what does not apply, the reason."""
    instead: str


class Break(NamedTuple):
    test: str
    file: str
    line: str
    instead: str

    def __str__(self) -> str:
        return f"{Path(self.file).stem} {self.test.rpartition('::')[2]}"


@dataclass(frozen=True, slots=True)
class Requirements:
    rows: tuple[Row, ...]

    @property
    def numbers(self) -> list[int]:
        return [row.requirement for row in self.rows]

    @property
    def reasons(self) -> list[str]:
        """Why requirements do not apply."""
        return [row.line for row in self.rows if row.test == DOES_NOT_APPLY]

    @property
    def proved(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.test != DOES_NOT_APPLY)

    @property
    def tests(self) -> list[str]:
        return sorted({row.test for row in self.proved})

    @property
    def breaks(self) -> tuple[Break, ...]:
        """Each once, however many requirements rest on it."""
        return tuple(dict.fromkeys(Break(*row[1:]) for row in self.proved))

    @property
    def sample(self) -> tuple[Break, ...]:
        """Those that are tried in this run."""
        return self.breaks if PROVE else self.breaks[:1]


def requirements(table: Path) -> Requirements:
    def row(line: str) -> Row:
        number, test, file, *texts = line.split("\t")
        return Row(int(number), test, file, *(text.replace("\\n", "\n") for text in texts))

    return Requirements(tuple(row(line) for line in table.read_text().splitlines()[1:]))


def demanded(guide: str, name: str, words: Collection[str]) -> set[int]:
    """The numbers of what a guide demands of servers by these words; `guide` is its file, `name` its set in there."""
    with (GUIDES / guide).open(encoding="utf-8-sig") as file:
        found = [row for row in csv.DictReader(file) if row["Req Set"] == name and row["Actors"] == "Server"]
    return {int(row["ID"]) for row in found if row["Conformance"] in words}


def is_there(test: str) -> bool:
    file, _, name = test.partition("::")
    return re.search(rf"def {name}\(", (ROOT / file).read_text()) is not None


def times_there(one: Break) -> int:
    return (ROOT / one.file).read_text().count(one.line)


def copied(folder: Path) -> Path:
    """A tree of the product and its tests, to break."""
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def tried_without(tree: Path, one: Break) -> "subprocess.CompletedProcess[bytes]":
    """The run of the test in the tree without its line; 1 is the code of a test that fails."""
    path = tree / one.file
    whole = path.read_text()
    path.write_text(whole.replace(one.line, one.instead))
    try:
        command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", one.test]
        environment = {**os.environ, "GALENIC_CORPUS": str(CORPUS), "PYTHONPATH": str(tree)}
        environment.pop("GALENIC_PROVE", None)
        return subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, check=False, timeout=BREAK_SECONDS_MAX
        )
    finally:
        path.write_text(whole)
