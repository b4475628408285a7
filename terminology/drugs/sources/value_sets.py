"""Value sets of clinical decision support under CC0: which drugs are opioids, benzodiazepines, NSAIDs.

Opioid CDS: https://github.com/cqframework/opioid-cds-r4. Potential drug-drug interactions: https://github.com/HL7/PDDI-CDS.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Final

OPIOIDS: Final = "opioid-cds/OMTKData2020.cql"
BENZODIAZEPINES: Final = "opioid-cds/valueset/benzodiazepine-medications.json"
NSAIDS: Final = "ddi/pddi-cds/vocabulary/valueset-NSAIDS-example.xml"

_OPIOID: Final = re.compile(r"ingredientCode: ([0-9]+),")
_INCLUDED: Final = re.compile(r"<valueSet value=\"[^\"]*/(valueset-[A-Za-z]+)\"")
_CODE: Final = re.compile(r"<code value=\"([0-9]+)\"")


def opioids(folder: Path) -> frozenset[str]:
    """RXCUIs of the ingredients for which the guide has strengths."""
    return frozenset(_OPIOID.findall((folder / OPIOIDS).read_text(encoding="utf-8")))


def benzodiazepines(folder: Path, drugs: dict[str, frozenset[str]]) -> frozenset[str]:
    """RXCUIs of the ingredients that drugs of the set have alone."""
    content = json.loads((folder / BENZODIAZEPINES).read_bytes())
    held = [drugs.get(entry["code"], frozenset()) for entry in content["expansion"]["contains"]]
    return frozenset(rxcui for ingredients in held if len(ingredients) == 1 for rxcui in ingredients)


def nsaids(folder: Path, drugs: dict[str, frozenset[str]]) -> frozenset[str]:
    """RXCUIs of the NSAIDs, aspirin among them: of each set of one, the ingredient that most of its drugs have."""
    composite = folder / NSAIDS
    files = [composite.with_name(f"{name}.xml") for name in _INCLUDED.findall(composite.read_text(encoding="utf-8"))]
    found = [_shared(path, drugs) for path in files]
    return frozenset(filter(None, found))


def _shared(path: Path, drugs: dict[str, frozenset[str]]) -> str | None:
    codes = set(_CODE.findall(path.read_text(encoding="utf-8")))
    excluded = path.with_name(f"{path.stem}-exclude.xml")
    codes -= set(_CODE.findall(excluded.read_text(encoding="utf-8"))) if excluded.exists() else set()
    counted = Counter(rxcui for code in sorted(codes) for rxcui in sorted(drugs.get(code, ())))
    return counted.most_common(1)[0][0] if counted else None
