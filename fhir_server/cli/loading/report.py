"""What became of the resources of a load, and how that is told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from fhir_server.cli.loading.work import Refused
from fhir_server.storage.intents import Outcome

REFUSALS_SHOWN: Final = 50
"""Refusals the report lists (refusals); the others are counted."""

ALL_LOADED, SOME_REFUSED, FILE_UNREADABLE = 0, 1, 2


@dataclass(slots=True)
class Report:
    """Counts of resources; `first_refusals` are those that are listed."""

    loaded: int = 0
    unchanged: int = 0
    refused: int = 0
    first_refusals: list[Refused] = field(default_factory=list)
    refusals: int = 0
    unreadable: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        return self.loaded + self.unchanged + self.refused

    @property
    def exit_code(self) -> int:
        if self.unreadable:
            return FILE_UNREADABLE
        return SOME_REFUSED if self.refused else ALL_LOADED

    def count(self, outcomes: Sequence[Outcome]) -> None:
        written = sum(outcome.written for outcome in outcomes)
        self.loaded += written
        self.unchanged += len(outcomes) - written

    def refuse(self, refusal: Refused) -> None:
        self.refused += refusal.resources
        self.refusals += 1
        if len(self.first_refusals) < REFUSALS_SHOWN:
            self.first_refusals.append(refusal)

    def lines(self, seconds: float) -> Iterator[str]:
        counts = f"Loaded {self.loaded}, unchanged {self.unchanged}, refused {self.refused}"
        yield f"{counts} in {seconds:.1f} s ({self.done / max(seconds, 0.001):.0f} resources/s)"
        yield from (f"  {line}" for line in map(_line, self.first_refusals))
        if self.refusals > len(self.first_refusals):
            yield f"  ... and {self.refusals - len(self.first_refusals)} more"
        yield from (f"Not read to its end: {problem}" for problem in self.unreadable)


def _line(refusal: Refused) -> str:
    many = f" ({refusal.resources} resources)" if refusal.resources > 1 else ""
    where = f"{refusal.issue.expression}: " if refusal.issue.expression else ""
    return f"{refusal.place}{many}: {where}{refusal.issue.diagnostics}"
