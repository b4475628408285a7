"""Interactions of two ingredients, with what each source says of them.

NDF-RT: https://www.nlm.nih.gov/research/umls/sourcereleasedocs/current/NDFRT/ (VA; maintained until 2014). PDDI-CDS:
https://build.fhir.org/ig/HL7/PDDI-CDS/. Labels: https://www.accessdata.fda.gov/scripts/cder/daf/.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from terminology.drugs.ingredients import named
from terminology.drugs.reading import Source, compiled, reviewed, source

Severity = Literal["high", "moderate"]
"""Of DetectedIssue.severity: https://hl7.org/fhir/R4/valueset-detectedissue-severity.html."""

SEVERITIES: Final[dict[str, Severity]] = {
    "Critical": "high",
    "Significant": "moderate",
    "warning": "moderate",
    "contraindicated": "high",
    "avoid": "moderate",
    "increases the effect": "moderate",
    "decreases the effect": "moderate",
    "increases the risk of bleeding": "moderate",
}
"""By what a source says."""


@dataclass(frozen=True)
class Interaction:
    """What one source says of two ingredients (RXCUIs in order). `year`: in which it said so."""

    ingredients: tuple[str, str]
    severity: Severity
    said: str
    source: Source
    year: int


def interactions(one: str, other: str) -> tuple[Interaction, ...]:
    """What is known of two ingredients by their RXCUIs, in either order: one for each source that speaks of them."""
    return all_interactions().get(frozenset((one, other)), ())


@cache
def all_interactions() -> dict[frozenset[str], tuple[Interaction, ...]]:
    """Every interaction, by its two ingredients."""
    made: defaultdict[frozenset[str], list[Interaction]] = defaultdict(list)
    for found in (*_compiled(), *_labels()):
        made[frozenset(found.ingredients)].append(found)
    return {pair: tuple(found) for pair, found in made.items()}


def _compiled() -> Iterator[Interaction]:
    for pair, rows in compiled("interactions")["interactions"].items():
        one, other = pair.split()
        for name, said, code in rows:
            cited, year = _CITED[name]
            yield Interaction(
                (one, other), SEVERITIES[said], said, Source(f"{name} {code}", cited.format(code=code)), year
            )


_CITED: Final = {
    "NDF-RT": ("http://purl.bioontology.org/ontology/NDFRT/{code}", 2014),
    "PDDI-CDS": ("https://build.fhir.org/ig/HL7/PDDI-CDS/en/PlanDefinition-{code}-select.html", 2018),
}
"""Where a concept of a source is found, and the year of the source."""


def _labels() -> Iterator[Interaction]:
    for row in reviewed("interactions"):
        one = rxcui(row["ingredient"])
        for name in row["with"]:
            yield _of_label(row, one, rxcui(name))


def _of_label(row: dict[str, Any], one: str, other: str) -> Interaction:
    first, second = sorted((one, other), key=int)
    return Interaction((first, second), SEVERITIES[row["said"]], row["said"], source(row), row["year"])


def rxcui(name: str) -> str:
    """The RXCUI of an ingredient that a reviewed table names; KeyError for a name that is none's."""
    found = named(name)
    if found is None:
        raise KeyError(name)
    return found.rxcui
