"""What labels say of allergies, pregnancy, age, conditions and doses: small tables, reviewed by hand, each row cited.

Labels: https://www.accessdata.fda.gov/scripts/cder/daf/. What is in none of the tables was not looked at.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeVar

from terminology.drugs.interactions import Severity, rxcui
from terminology.drugs.reading import Source, reviewed, source

Row = TypeVar("Row")


@dataclass(frozen=True)
class CrossSensitivity:
    """Whoever is allergic to one of `allergy_to` may be to each of `ingredients` (RXCUIs)."""

    group: str
    allergy_to: frozenset[str]
    ingredients: frozenset[str]
    source: Source


@dataclass(frozen=True)
class InPregnancy:
    """`from_week`: the week of pregnancy from which it holds, 0 for all of it."""

    severity: Severity
    said: str
    from_week: int
    source: Source


@dataclass(frozen=True)
class Age:
    """An age as UCUM says it: `d`, `mo` or `a`. https://hl7.org/fhir/R4/valueset-age-units.html."""

    value: int
    unit: str


@dataclass(frozen=True)
class AtAge:
    """Holds from an age on (included) and below an age (excluded), where one is given."""

    severity: Severity
    said: str
    from_age: Age | None
    below_age: Age | None
    source: Source


@dataclass(frozen=True)
class WithCondition:
    """`icd_10_cm`: codes of the condition; a code that begins with one of them, dots and all, is one too."""

    condition: str
    icd_10_cm: tuple[str, ...]
    severity: Severity
    said: str
    source: Source

    def applies(self, code: str) -> bool:
        """Whether a code of ICD-10-CM (http://hl7.org/fhir/sid/icd-10-cm) says the condition."""
        return code.upper().startswith(self.icd_10_cm)


@dataclass(frozen=True)
class DailyDose:
    """The most that a label allows an adult in a day, in whichever of its indications allows most."""

    mg_per_day: Decimal
    source: Source


@dataclass(frozen=True)
class MorphineEquivalent:
    """Milligrams of oral morphine that equal one `unit` (UCUM) of a dose: `mg` and `ug` a day, `ug/h` of a patch.

    `form`: RxNorm's dose form that the factor is for; "" for what is swallowed.
    """

    form: str
    unit: str
    factor: Decimal
    source: Source


ORAL: Final = ""
_SWALLOWED: Final = ("Oral", "Tablet", "Capsule", "Extended Release Suspension")
_NOT_SWALLOWED: Final = ("Buccal", "Sublingual", "Vaginal", "Rectal", "Lozenge", "Spray")
_FORMER_NAMES: Final = {"Transdermal Patch": "Transdermal System"}


def cross_sensitivities(allergen: str, ingredient: str) -> tuple[CrossSensitivity, ...]:
    """Why an allergy to one ingredient may be one to another. The same ingredient is no cross-sensitivity."""
    if allergen == ingredient:
        return ()
    rows = all_cross_sensitivities()
    return tuple(row for row in rows if allergen in row.allergy_to and ingredient in row.ingredients)


@cache
def all_cross_sensitivities() -> tuple[CrossSensitivity, ...]:
    """Every row of the table."""
    return tuple(
        CrossSensitivity(row["group"], _rxcuis(row["allergy_to"]), _rxcuis(row["ingredients"]), source(row))
        for row in reviewed("allergies")
    )


def in_pregnancy(ingredient: str) -> tuple[InPregnancy, ...]:
    """What holds for an ingredient (RXCUI) in pregnancy."""
    return all_in_pregnancy().get(ingredient, ())


@cache
def all_in_pregnancy() -> dict[str, tuple[InPregnancy, ...]]:
    """Every row of the table, by ingredient."""
    rows = reviewed("pregnancy")
    made = (InPregnancy(row["severity"], row["said"], row.get("from_week", 0), source(row)) for row in rows)
    return _by_ingredient(zip(rows, made, strict=True))


def at_age(ingredient: str) -> tuple[AtAge, ...]:
    """What holds for an ingredient (RXCUI) at an age."""
    return all_at_age().get(ingredient, ())


@cache
def all_at_age() -> dict[str, tuple[AtAge, ...]]:
    """Every row of the table, by ingredient."""
    rows = reviewed("ages")
    made = (AtAge(row["severity"], row["said"], _age(row, "from"), _age(row, "below"), source(row)) for row in rows)
    return _by_ingredient(zip(rows, made, strict=True))


def with_condition(ingredient: str) -> tuple[WithCondition, ...]:
    """What holds for an ingredient (RXCUI) with a condition."""
    return all_with_condition().get(ingredient, ())


@cache
def all_with_condition() -> dict[str, tuple[WithCondition, ...]]:
    """Every row of the table, by ingredient."""
    rows = reviewed("conditions")
    made = (
        WithCondition(row["condition"], tuple(row["icd_10_cm"]), row["severity"], row["said"], source(row))
        for row in rows
    )
    return _by_ingredient(zip(rows, made, strict=True))


def daily_dose_max(ingredient: str) -> DailyDose | None:
    """The most of an ingredient (RXCUI) that an adult may have in a day; None where it was not looked up."""
    return all_daily_doses().get(ingredient)


@cache
def all_daily_doses() -> dict[str, DailyDose]:
    """Every row of the table, by ingredient."""
    rows = reviewed("daily_doses")
    return {rxcui(row["ingredient"]): DailyDose(Decimal(str(row["mg_per_day"])), source(row)) for row in rows}


def mme_factor(ingredient: str, form: str = ORAL) -> MorphineEquivalent | None:
    """The factor of an opioid (RXCUI) in a dose form of RxNorm; None where the tables have none: injections."""
    forms = {row.form: row for row in all_morphine_equivalents().get(ingredient, ())}
    found = forms.get(_FORMER_NAMES.get(form, form))
    return found or (forms.get(ORAL) if _swallowed(form) else None)


@cache
def all_morphine_equivalents() -> dict[str, tuple[MorphineEquivalent, ...]]:
    """Every row of the table, by ingredient."""
    rows = reviewed("morphine_equivalents")
    made = (MorphineEquivalent(row["form"], row["unit"], Decimal(row["factor"]), source(row)) for row in rows)
    return _by_ingredient(({"ingredients": [row["ingredient"]]}, fact) for row, fact in zip(rows, made, strict=True))


def _swallowed(form: str) -> bool:
    return any(word in form for word in _SWALLOWED) and not any(word in form for word in _NOT_SWALLOWED)


def _rxcuis(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(rxcui, names))


def _age(row: dict[str, Any], end: str) -> Age | None:
    return Age(*row[end]) if end in row else None


def _by_ingredient(rows: Iterable[tuple[dict[str, Any], Row]]) -> dict[str, tuple[Row, ...]]:
    made: defaultdict[str, list[Row]] = defaultdict(list)
    for row, fact in rows:
        for name in row["ingredients"]:
            made[rxcui(name)].append(fact)
    return {ingredient: tuple(found) for ingredient, found in made.items()}
