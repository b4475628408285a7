"""When a patient was cared for: the clinical date of a resource. https://hl7.org/fhir/R4/patient-operation-everything.html."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fhir_server.model.resource_types import type_number
from fhir_server.search.columns import DATE
from fhir_server.search.entries import Entries
from fhir_server.search.predicate import Scope

DATED: Final = frozenset(DATE) - {"Patient", "RelatedPerson", "AuditEvent", "Provenance"}
"""Types whose date says when care was given: neither a birthday nor when something was written down."""


@dataclass(frozen=True, slots=True)
class CaredFor:
    """The clinical date overlaps the half-open span; whatever has none is not left out."""

    low: datetime
    high: datetime

    def matches(self, entries: Entries) -> bool:
        name = DATE[entries.type_name] if entries.type_name in DATED else None
        spans = [span for span in entries.spans if span.name == name]
        return not spans or any(span.low < self.high and span.high > self.low for span in spans)

    def condition(self, scope: Scope) -> str:
        row, types = scope.alias, scope.value(sorted(map(type_number, DATED)))
        overlaps = f"{row}.date_low < {scope.value(self.high)} AND {row}.date_high > {scope.value(self.low)}"
        return f"({row}.type <> ALL({types}::smallint[]) OR {row}.date_low IS NULL OR ({overlaps}))"

    def rids(self, scope: Scope) -> str | None:
        return None
