"""Ingredients of drugs: names, classes, schedules, and which drugs consist of which.

Names and RXCUIs: https://www.nlm.nih.gov/research/umls/rxnorm/. Classes and schedules: FDA's NDC Directory,
https://www.fda.gov/drugs/drug-approvals-and-databases/national-drug-code-directory.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, takewhile
from typing import Final

from terminology.drugs.reading import compiled
from terminology.drugs.substances import folded

EPC: Final = "[EPC]"
CHEMICAL_STRUCTURE: Final = "[CS]"
MECHANISM_OF_ACTION: Final = "[MoA]"
"""How the names of classes end."""


@dataclass(frozen=True)
class Ingredient:
    """An ingredient of RxNorm (TTY IN). `unii` is "" where it is not known."""

    rxcui: str
    name: str
    unii: str
    classes: tuple[str, ...]
    opioid: bool
    benzodiazepine: bool


@cache
def ingredients() -> dict[str, Ingredient]:
    """Every ingredient by its RXCUI."""
    facts = compiled("ingredients")
    opioids, benzodiazepines = (frozenset(facts["groups"][group]) for group in ("opioid", "benzodiazepine"))
    return {
        rxcui: Ingredient(
            rxcui,
            name,
            unii,
            tuple(facts["classes"][str(number)] for number in classes),
            rxcui in opioids,
            rxcui in benzodiazepines,
        )
        for rxcui, (name, unii, classes) in facts["ingredients"].items()
    }


def named(name: str) -> Ingredient | None:
    """The ingredient of a name; case and spaces make no difference."""
    return _by_name().get(folded(name))


def starting_with(text: str, count_max: int = 20) -> list[Ingredient]:
    """The ingredients whose names start with a text, by name."""
    start = folded(text)
    names = _names()
    found = takewhile(lambda name: name.startswith(start), names[bisect_left(names, start) :])
    return [_by_name()[name] for name, _ in zip(found, range(count_max), strict=False)]


def consists_of(rxcui: str) -> tuple[Ingredient, ...]:
    """What a drug (SCD, SBD) or an ingredient itself consists of, all of it; nothing for an RXCUI that is not known."""
    held = _held().get(rxcui) or ((rxcui,) if rxcui in ingredients() else ())
    return tuple(ingredients()[one] for one in held)


def schedule(rxcuis: Iterable[str]) -> str | None:
    """DEA's schedule (`CII` to `CV`) of a product of these ingredients, the strictest that a strength or a form has.

    Of a mixture that the directory does not have, the strictest of its ingredients. None says that the directory has no
    schedule for them, which is no proof that there is none.
    """
    held = sorted(set(rxcuis), key=int)
    schedules = compiled("ingredients")["schedules"]
    found = schedules.get(" ".join(held)) or [one for rxcui in held for one in schedules.get(rxcui, ())]
    return min(found, key=SCHEDULES.index, default=None)


SCHEDULES: Final = ("CI", "CII", "CIII", "CIV", "CV")
"""Strictest first. https://www.ecfr.gov/current/title-21/part-1308."""


@cache
def _by_name() -> dict[str, Ingredient]:
    return {folded(found.name): found for found in ingredients().values()}


@cache
def _names() -> list[str]:
    return sorted(_by_name())


@cache
def _held() -> dict[str, tuple[str, ...]]:
    return {
        str(drug): tuple(held.split())
        for held, steps in compiled("drugs")["consists_of"].items()
        for drug in accumulate(map(int, steps.split()))
    }
