"""RxNorm's prescribable names, in the public domain: https://www.nlm.nih.gov/research/umls/rxnorm/docs/prescribe.html.

The set of 2025 lacks the names that begin with A. Those ingredients come from the names of older value sets and of
NDF-RT, and what their drugs consist of from the drugs' names, which say it: `aspirin 325 MG / codeine 30 MG Tablet`.
"""

import csv
import io
import json
import lzma
import re
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from terminology.drugs.substances import FORMS, Substances

TREE: Final = "rxnorm/ingredients-by-letter-2025-10.tar.xz"
CONCEPTS: Final = "rxnorm/rxnorm_concepts_merged.tsv.xz"
NDFRT_NAMES: Final = "ddi/ndfrt/NDFRT_RxNorm_mapping.csv.xz"

_UNITS: Final = r"(?:MG|MCG|UG|GM|ML|MEQ|MMOL|UNT|IU|BAU|AU|CELLS|VECTOR|PFU|MCI|%|ACTUAT|PNU|UNIT)"
_STRENGTH: Final = re.compile(rf" (?:[0-9][0-9.,]*|[0-9.]+-[0-9.]+) {_UNITS}(?![A-Z]).*$")
_MASS: Final = re.compile(r" ([0-9]+(?:\.[0-9]+)?) (MG(?:/ML|/HR|/ACTUAT)?)(?![A-Z/])")
_QUANTITY: Final = re.compile(
    r"^(?:(?:[0-9.]+ (?:HR|ML|MG|MCG|ACTUAT|DAY|UNT)|[0-9]+/[0-9]+ Release"
    r"|Abuse-Deterrent|Once-Daily|Sprinkle|Sensor) )+"
)
"""What is said of the whole before the first substance."""
_BRAND: Final = re.compile(r" \[[^\]]*\]$")
_DRUGS: Final = ("SCD", "SBD")


@dataclass
class RxNorm:
    """Ingredients with their names and UNIIs, what names are theirs, and what drugs (SCD, SBD) consist of."""

    names: dict[str, str] = field(default_factory=dict)
    uniis: dict[str, str] = field(default_factory=dict)
    substances: Substances = field(default_factory=Substances)
    drugs: dict[str, frozenset[str]] = field(default_factory=dict)
    strengths: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Of a drug: its dose form, and its ingredients with what there is of each, `161 325 MG|5489 5 MG`."""


def rows(path: Path, delimiter: str = "\t", encoding: str = "utf-8") -> Iterator[dict[str, str]]:
    """The rows of a compressed table."""
    with lzma.open(path, "rt", encoding=encoding, newline="") as lines:
        yield from csv.DictReader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)


def rxnorm(folder: Path) -> RxNorm:
    """Everything of RxNorm that the facts need, from the folder of the reference data."""
    made = RxNorm()
    tree = _tree(folder)
    _add_ingredients(made, tree)
    _add_first_letter(made, folder)
    _add_salts(made, tree)
    held = _held(tree)
    for row in rows(folder / CONCEPTS):
        if row["tty"] in _DRUGS:
            _add_drug(made, row, held[row["rxcui"]])
    return made


def parts(name: str) -> list[str]:
    """The substances that a drug's name says: `24 HR a 1 MG / b 2 MG Tablet [X]` is a and b."""
    bare = _QUANTITY.sub("", _BRAND.sub("", name))
    return [_STRENGTH.sub("", part).strip() for part in bare.split(" / ")]


def strengths(name: str) -> tuple[str, list[str]] | None:
    """The dose form that a drug's name says, and a strength for each part; None where a part has none that is mass."""
    texts = _BRAND.sub("", name).split(" / ")
    found = [_MASS.search(text) for text in texts]
    if None in found:
        return None
    form = texts[-1][found[-1].end() :].strip() if found[-1] else ""
    return form, [f"{match[1]} {match[2]}" for match in found if match]


def _tree(folder: Path) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = []
    with tarfile.open(folder / TREE) as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            if member.name.endswith(".json"):
                content = archive.extractfile(member) or io.BytesIO(b"[]")
                nodes += json.load(content)
    return nodes


def _add_ingredients(made: RxNorm, tree: list[dict[str, Any]]) -> None:
    for node in tree:
        if node["TTY"] == "IN":
            _add_ingredient(made, node["RXCUI"], node["Name"])
            made.uniis.update({node["RXCUI"]: node["UNII"]} if node.get("UNII") else {})


def _add_ingredient(made: RxNorm, rxcui: str, name: str) -> None:
    made.names[rxcui] = name
    made.substances.add(name, rxcui)


def _add_first_letter(made: RxNorm, folder: Path) -> None:
    older = {row["rxcui"]: row["name"] for row in rows(folder / CONCEPTS) if row["tty"] == "IN/PIN/BN?"}
    for row in rows(folder / NDFRT_NAMES, ";"):
        name, _, kind = row["drugname"].partition(" [")
        if kind == "Chemical/Ingredient]":
            older.setdefault(row["rxcui"], name.lower())
    bases = {rxcui: name for rxcui, name in older.items() if name.startswith("a") and not _is_salt(name)}
    for rxcui, name in sorted(bases.items(), key=lambda item: int(item[0])):
        if name not in made.substances:
            _add_ingredient(made, rxcui, name)


def _is_salt(name: str) -> bool:
    words = name.replace(",", "").split()
    return len(words) > 1 and words[-1].strip("()") in FORMS - {"acid"}


def _add_salts(made: RxNorm, tree: list[dict[str, Any]]) -> None:
    """A component of one ingredient alone says a name of it: `hydrocodone bitartrate 5 MG` of hydrocodone."""
    for node in tree:
        if node["TTY"] == "IN":
            for component in node.get("SCDCs", []):
                made.substances.add(_STRENGTH.sub("", component["Name"]), node["RXCUI"])


def _held(tree: list[dict[str, Any]]) -> defaultdict[str, set[str]]:
    held: defaultdict[str, set[str]] = defaultdict(set)
    for node in tree:
        if node["TTY"] == "IN":
            for component in node.get("SCDCs", []):
                for drug in component.get("SCDs", []):
                    for rxcui in (drug["RXCUI"], *(branded["RXCUI"] for branded in drug.get("SBDs", []))):
                        held[rxcui].add(node["RXCUI"])
    return held


def _add_drug(made: RxNorm, row: dict[str, str], held: set[str]) -> None:
    """A drug whose every part is known. One of which the set says more than its name is left out: neither is sure."""
    ingredients = made.substances.ingredients(parts(row["name"]))
    if ingredients and held <= ingredients:
        made.drugs[row["rxcui"]] = ingredients
        _add_strengths(made, row)


def _add_strengths(made: RxNorm, row: dict[str, str]) -> None:
    """Where each part is another ingredient: two salts of one would have to be added up."""
    said = strengths(row["name"])
    held = [made.substances.ingredient(part) for part in parts(row["name"])]
    if said and len(set(held)) == len(held):
        texts = sorted(f"{rxcui} {strength}" for rxcui, strength in zip(held, said[1], strict=True))
        made.strengths[row["rxcui"]] = (said[0], "|".join(texts))
