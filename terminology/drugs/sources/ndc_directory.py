"""FDA's NDC Directory, in the public domain: https://www.fda.gov/drugs/drug-approvals-and-databases/national-drug-code-directory."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from terminology.drugs.sources.rxnorm import rows
from terminology.drugs.substances import Substances

PRODUCTS: Final = "fda-ndc/product-2019-04.txt.xz"
APPROVED: Final = frozenset({"ANDA", "BLA", "NDA", "NDA AUTHORIZED GENERIC"})
"""Marketing categories under which FDA approved the product."""
KINDS: Final = ("EPC", "CS", "MoA")
"""Established pharmacologic class, chemical structure, mechanism of action; not physiologic effect."""
CLASS_SHARE_MIN: Final = 0.1
SCHEDULE_SHARE_MIN: Final = 1 / 3
SCHEDULE_PRODUCTS_MIN: Final = 2
"""What fewer of the products of a set of ingredients have is taken for an error or for a listing of before a change."""


@dataclass
class Directory:
    """What the products of a set of ingredients have in common: how many are approved, their schedules and classes."""

    products: Counter[frozenset[str]] = field(default_factory=Counter)
    approved: Counter[str] = field(default_factory=Counter)
    schedules: defaultdict[frozenset[str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    classes: defaultdict[frozenset[str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def directory(folder: Path, substances: Substances) -> Directory:
    """Counts the products whose every substance is known."""
    made = Directory()
    for row in rows(folder / PRODUCTS, encoding="cp1252"):
        ingredients = substances.ingredients(row["SUBSTANCENAME"].split(";"))
        if ingredients:
            _count(made, row, ingredients)
    return made


def _count(made: Directory, row: dict[str, str], ingredients: frozenset[str]) -> None:
    made.products[ingredients] += 1
    if row["MARKETINGCATEGORYNAME"] in APPROVED:
        made.approved.update(ingredients)
    if row["DEASCHEDULE"]:
        made.schedules[ingredients][row["DEASCHEDULE"]] += 1
    made.classes[ingredients].update(set(_classes(row["PHARM_CLASSES"])))


def _classes(text: str) -> Iterator[str]:
    """`A [EPC],B, C [CS]` is `A [EPC]` and `B, C [CS]`."""
    for part in text.split("],"):
        name = part.strip().removesuffix("]") + "]"
        if any(name.endswith(f"[{kind}]") for kind in KINDS):
            yield name


def classes(made: Directory, ingredients: frozenset[str]) -> list[str]:
    """The classes of a set of ingredients, sorted. Many labelers of what is sold freely say none: they do not count."""
    found = made.classes[ingredients]
    return _common(found, CLASS_SHARE_MIN * max(found.values(), default=0))


def schedules(made: Directory, ingredients: frozenset[str]) -> list[str]:
    """The schedules of a set of ingredients, strictest first: strength and form can make a difference."""
    products = made.products[ingredients]
    return _common(
        made.schedules[ingredients], max(SCHEDULE_SHARE_MIN * products, min(SCHEDULE_PRODUCTS_MIN, products))
    )


def _common(found: Counter[str], products_min: float) -> list[str]:
    return sorted(name for name, count in found.items() if count >= products_min)
