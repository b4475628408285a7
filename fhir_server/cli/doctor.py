"""`galenic doctor`: a table of what is OK, what is not, and how to mend it."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from fhir_server.cli import checks
from fhir_server.cli.checks import Finding
from fhir_server.cli.database import database, redis
from fhir_server.embedded.place import EmbeddedError
from fhir_server.settings import Settings

PIPE_WIDTH = 250  # characters: a line a finding, for grep
COLOURS = {"OK": "green", "WARN": "yellow", "WRONG": "bold red"}


def run(settings: Settings) -> int:
    """Prints the table; returns 1 if anything is WRONG."""
    findings = list(_findings(settings))
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(_table(findings))
    return 1 if any(finding.verdict == "WRONG" for finding in findings) else 0


def _findings(settings: Settings) -> Iterator[Finding]:
    yield from checks.check_settings(settings)
    yield from checks.check_versions()
    yield from checks.check_disk(settings)
    try:
        with database(settings, migrated=False) as urls:
            yield from checks.check_database(urls)
    except EmbeddedError as error:
        yield Finding("PostgreSQL", "WRONG", str(error), "see postgres.log in the data folder")
    try:
        with redis(settings) as url:
            yield from checks.check_valkey(url)
    except EmbeddedError as error:
        yield Finding("Valkey", "WRONG", str(error), "see valkey.log in the data folder")


def _table(findings: list[Finding]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("", "What", "Finding", "Fix"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "What")
    for finding in findings:
        verdict = f"[{COLOURS[finding.verdict]}]{finding.verdict}[/]"
        table.add_row(verdict, _plain(finding.subject), _plain(finding.finding), _plain(finding.fix))
    return table


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
