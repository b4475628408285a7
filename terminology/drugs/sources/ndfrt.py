"""Interactions of the VA's NDF-RT, in the public domain; maintained until 2014.

https://www.nlm.nih.gov/research/umls/sourcereleasedocs/current/NDFRT/; the pairs as collected in
https://github.com/dbmi-pitt/public-PDDI-analysis.
"""

import csv
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Final

from terminology.drugs.substances import Substances

PAIRS: Final = "ddi/ndfrt/ndfrt_ddi_2014.tsv"
_KIND: Final = " [VA Drug Interaction]"


ALSO: Final = {"6448": ("6448", "42351", "52105")}
"""Lithium is what NDF-RT says for the salts that RxNorm has as ingredients of their own: carbonate and citrate."""


def pairs(folder: Path, substances: Substances) -> Iterator[tuple[str, str, str, str]]:
    """Two RXCUIs in order, the severity (`Critical`, `Significant`) and the concept's code: known ingredients only."""
    with (folder / PAIRS).open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            names = row["label"].removesuffix(_KIND).split("/")
            found = substances.ingredients(names)
            if found and len(names) == len(found) == len("ab"):
                one, other = (ALSO.get(rxcui, (rxcui,)) for rxcui in sorted(found, key=int))
                code = row["ndfrt_uri"].rsplit("/", 1)[-1]
                yield from ((first, second, row["severity"], code) for first, second in product(one, other))
