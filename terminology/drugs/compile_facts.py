"""Makes ingredients.json, drugs.json, strengths.json and interactions.json from public lists.

    python -m terminology.drugs.compile_facts FOLDER_OF_THE_LISTS terminology/drugs

Which ingredients: every one of RxNorm that a product has which FDA approved, or that is in an interaction, an opioid
or a benzodiazepine. Which drugs: every clinical and branded drug (SCD, SBD) that consists of those and nothing else.
docs/terminology/drugs.md says where the lists are from.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from terminology.drugs.reading import reviewed
from terminology.drugs.sources import ndc_directory, ndfrt, value_sets
from terminology.drugs.sources.rxnorm import RxNorm, rxnorm

SEVERITY_ORDER: Final = ("Critical", "Significant")
"""Of two concepts of NDF-RT for one pair of ingredients, the more severe counts."""
WARFARIN: Final = "11289"
NDFRT: Final = "NDF-RT"
PDDI_CDS: Final = "PDDI-CDS"
PDDI_SAID: Final = "warning"
"""The indicator of the card for warfarin with a systemic NSAID."""
PDDI_ARTIFACT: Final = "warfarin-nsaids-cds"

Rows = Mapping[str, Any]


def compiled(folder: Path) -> dict[str, bytes]:
    """The files by name, from the folder with the lists; the same lists make the same bytes."""
    names = rxnorm(folder)
    market = ndc_directory.directory(folder, names.substances)
    pairs = interactions(folder, names)
    special = {
        "opioid": value_sets.opioids(folder) & names.names.keys(),
        "benzodiazepine": value_sets.benzodiazepines(folder, names.drugs),
    }
    chosen = set(market.approved).union(*(pair.split() for pair in pairs), *special.values())
    return {
        "ingredients.json": written(ingredients(chosen, names, market, special)),
        "drugs.json": written({"consists_of": drugs(chosen, names)}),
        "strengths.json": written(strengths(special["opioid"] | limited(names), chosen, names)),
        "interactions.json": written({"interactions": pairs}),
    }


def ingredients(
    chosen: set[str], names: RxNorm, market: ndc_directory.Directory, special: Mapping[str, frozenset[str]]
) -> dict[str, Rows]:
    """Names, UNIIs and classes by RXCUI; schedules by set of ingredients; which are opioids, which benzodiazepines."""
    found = {rxcui: ndc_directory.classes(market, frozenset({rxcui})) for rxcui in in_order(chosen)}
    every = sorted({name for classes in found.values() for name in classes})
    place = {name: number for number, name in enumerate(every)}
    rows = {
        rxcui: [names.names[rxcui], names.uniis.get(rxcui, ""), [place[name] for name in classes]]
        for rxcui, classes in found.items()
    }
    scheduled = {key(held): ndc_directory.schedules(market, held) for held in market.schedules if held <= chosen}
    return {
        "classes": {str(number): name for name, number in place.items()},
        "ingredients": rows,
        "schedules": {held: scheduled[held] for held in sorted(scheduled) if scheduled[held]},
        "groups": {group: in_order(members) for group, members in special.items()},
    }


def drugs(chosen: set[str], names: RxNorm) -> dict[str, str]:
    """RXCUIs of drugs by what they consist of: the first, then how much each is more than the one before."""
    made: defaultdict[str, list[int]] = defaultdict(list)
    for drug, held in names.drugs.items():
        if held <= chosen:
            made[key(held)].append(int(drug))
    return {held: steps(sorted(made[held])) for held in sorted(made)}


def limited(names: RxNorm) -> frozenset[str]:
    """The ingredients for which a most in a day was typed."""
    found = (names.substances.ingredient(row["ingredient"]) for row in reviewed("daily_doses"))
    return frozenset(filter(None, found))


def strengths(wanted: frozenset[str], chosen: set[str], names: RxNorm) -> dict[str, Rows]:
    """By dose form: RXCUIs of drugs, as steps, by how much they have of each ingredient. Drugs of a wanted one only."""
    made: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for drug, (form, said) in names.strengths.items():
        if wanted & names.drugs[drug] and names.drugs[drug] <= chosen:
            made[form][said].append(int(drug))
    return {form: {said: steps(sorted(made[form][said])) for said in sorted(made[form])} for form in sorted(made)}


def steps(numbers: list[int]) -> str:
    """Ascending numbers as their differences: 5, 7, 12 is `5 2 5`."""
    return " ".join(str(after - before) for before, after in pairwise([0, *numbers]))


def interactions(folder: Path, names: RxNorm) -> dict[str, list[list[str]]]:
    """What each source says of a pair of ingredients: source, severity in its words, code of the concept there."""
    made: defaultdict[str, list[list[str]]] = defaultdict(list)
    for nsaid in in_order(value_sets.nsaids(folder, names.drugs)):
        made[key({nsaid, WARFARIN})].append([PDDI_CDS, PDDI_SAID, PDDI_ARTIFACT])
    said: dict[str, tuple[int, str]] = {}
    for one, other, severity, code in ndfrt.pairs(folder, names.substances):
        found = (SEVERITY_ORDER.index(severity), code)
        pair = key({one, other})
        said[pair] = min(found, said.get(pair, found))
    for pair, (place, code) in said.items():
        made[pair].append([NDFRT, SEVERITY_ORDER[place], code])
    return {pair: made[pair] for pair in sorted(made)}


def key(rxcuis: Iterable[str]) -> str:
    """A set of ingredients as a text: their RXCUIs in order."""
    return " ".join(in_order(rxcuis))


def in_order(rxcuis: Iterable[str]) -> list[str]:
    return sorted(rxcuis, key=int)


def written(sections: Mapping[str, Rows]) -> bytes:
    """JSON with a line for each row."""
    texts = [f"{json.dumps(name)}: {{\n{_lines(rows)}\n}}" for name, rows in sections.items()]
    return ("{\n" + ",\n".join(texts) + "\n}\n").encode()


def _lines(rows: Rows) -> str:
    compact = (",", ":")
    return ",\n".join(
        f"{json.dumps(name)}:{json.dumps(row, ensure_ascii=False, separators=compact)}" for name, row in rows.items()
    )


def main() -> None:
    folder, target = (Path(argument) for argument in sys.argv[1:])
    for name, content in compiled(folder).items():
        (target / name).write_bytes(content)


if __name__ == "__main__":
    main()
