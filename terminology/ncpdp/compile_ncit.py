"""Makes codes.json from NCI's public list of the terms that NCPDP uses.

    python -m terminology.ncpdp.compile_ncit NCPDPTerminology.txt > terminology/ncpdp/codes.json

The list: https://evs.nci.nih.gov/ftp1/NCPDP/ (tab-separated, in the public domain).
"""

import csv
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

SUBSETS: Final = {
    "C89507": "DEASchedule",
    "C89508": "StrengthForm",
    "C89509": "StrengthUnitOfMeasure",
    "C89510": "QuantityUnitOfMeasure",
    "C121847": "DoseUnitOfMeasure",
    "C91101": "MeasurementUnitCode",
}


def compiled(lines: Iterable[str]) -> dict[str, dict[str, str]]:
    """Names by code, by the element of SCRIPT that the codes are for."""
    rows = csv.DictReader(lines, delimiter="\t")
    tables: dict[str, dict[str, str]] = {name: {} for name in SUBSETS.values()}
    for row in rows:
        tables[SUBSETS[row["NCIt Subset Code"]]][row["NCIt Code"]] = row["NCPDP Preferred Term"].strip()
    return tables


def main() -> None:
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    sys.stdout.write(json.dumps(compiled(lines), indent=0, sort_keys=True, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
