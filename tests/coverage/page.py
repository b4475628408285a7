"""The pages: docs/messages/*/coverage.md."""

from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

from tests.coverage import hl7v2, script
from tests.coverage.reasons import OF_HL7V2, OF_SCRIPT, TO_HL7V2, TO_SCRIPT
from tests.coverage.rows import NOTED, Row, rows

COMMAND: Final = "python -m tests.coverage"
DOCS: Final = Path(__file__).parents[2] / "docs" / "messages"
CASES_MAX: Final = 3
"""Named in a cell; the others are counted."""


class Section(NamedTuple):
    title: str
    columns: tuple[str, str]
    rows: Callable[[], list[Row]]
    group: Callable[[str], str]
    """What a place is shown below."""


class Page(NamedTuple):
    path: Path
    title: str
    more: str
    sections: tuple[Section, ...]


def segment(place: str) -> str:
    return place.partition("-")[0]


def resource_type(place: str) -> str:
    return place.partition(".")[0]


def element(place: str) -> str:
    first, slash, _ = place.partition("/")
    return first if slash else "The message and the transaction"


SCRIPT_NAMES: Final = """\
Names are those of 2017071; how they are spelled in 2022011 and 2023011 is in [reading](reading.md), and was not
verified against the licensed schema. `[@NPI]` is a system of the partner's own (`urn:galenic:partner:…`)."""
HL7V2: Final = Page(
    DOCS / "hl7v2" / "coverage.md",
    "HL7 v2",
    "",
    (
        Section("From HL7 v2", ("HL7 v2", "FHIR"), lambda: rows(hl7v2.received(), OF_HL7V2), segment),
        Section("To HL7 v2", ("FHIR", "HL7 v2"), lambda: rows(hl7v2.sent(), TO_HL7V2), resource_type),
    ),
)
SCRIPT: Final = Page(
    DOCS / "script" / "coverage.md",
    "NCPDP SCRIPT",
    SCRIPT_NAMES,
    (
        Section("From SCRIPT", ("SCRIPT", "FHIR"), lambda: rows(script.received(), OF_SCRIPT), element),
        Section("To SCRIPT", ("FHIR", "SCRIPT"), lambda: rows(script.sent(), TO_SCRIPT), resource_type),
    ),
)
PAGES: Final = (HL7V2, SCRIPT)


INTRODUCTION: Final = f"""\
Written by `{COMMAND}`, which takes each leaf of each case in tests/golden/{{folder}} away, or puts another
value in its place, maps the case again and looks what else changes. So the cases of a row fail where its mapping is
taken away.

`Patient?identifier` is the search for a resource that may be there already. *{NOTED}* means that a note
names the place; other words in italics say why nothing comes of it. A case that has a place several times may be in
several of its rows.

Not supported: places that are in no table. What arrives there is noted."""


def text(page: Page) -> str:
    introduction = INTRODUCTION.format(folder=page.path.parent.name)
    lines = [f"# What maps to what: {page.title}", "", introduction, *(("", page.more) if page.more else ())]
    for section in page.sections:
        lines += ["", f"## {section.title}", *_section(section)]
    return "\n".join(lines) + "\n"


def _section(section: Section) -> Iterator[str]:
    ordered = sorted(section.rows(), key=lambda row: section.group(row.place))
    for name, group in groupby(ordered, lambda row: section.group(row.place)):
        yield from ("", f"### {name}", "", f"| {' | '.join(section.columns)} | golden cases |", "| --- | --- | --- |")
        yield from map(_line, group)


def _line(row: Row) -> str:
    what = f"`{row.element}`" if row.element else f"*{row.remark}*"
    more = len(row.cases) - CASES_MAX
    names = ", ".join(row.cases[:CASES_MAX]) + (f" and {more} more" if more > 0 else "")
    return f"| `{row.place}` | {what} | {names} |"
