"""How much a drug has of each ingredient, and in which dose form, as RxNorm's names say it.

https://www.nlm.nih.gov/research/umls/rxnorm/docs/techdoc.html. Only of drugs with an opioid or with an ingredient of
which there is a most in a day.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import accumulate
from typing import Final

from terminology.drugs.reading import compiled

UCUM: Final = {"MG": "mg", "MG/ML": "mg/mL", "MG/HR": "mg/h", "MG/ACTUAT": "mg/{actuat}"}
"""http://unitsofmeasure.org; a bare `mg` is of one tablet, capsule, suppository, vial."""


@dataclass(frozen=True)
class Strength:
    """Of one ingredient (RXCUI) in a drug."""

    ingredient: str
    value: Decimal
    unit: str


@dataclass(frozen=True)
class Formulation:
    """A drug's dose form as RxNorm names it (`Oral Tablet`), and the strength of each of its ingredients."""

    form: str
    strengths: tuple[Strength, ...]


def formulation(rxcui: str) -> Formulation | None:
    """Of a drug (SCD, SBD); None where it is not known."""
    return _formulations().get(rxcui)


@cache
def _formulations() -> dict[str, Formulation]:
    made: dict[str, Formulation] = {}
    for form, drugs in compiled("strengths").items():
        for said, steps in drugs.items():
            found = Formulation(form, tuple(_strength(text) for text in said.split("|")))
            made.update((str(drug), found) for drug in accumulate(map(int, steps.split())))
    return made


def _strength(text: str) -> Strength:
    ingredient, value, unit = text.split()
    return Strength(ingredient, Decimal(value), UCUM[unit])
