"""What senders of HL7 v2 call a unit, as UCUM. https://ucum.org/ucum, https://unitsofmeasure.org.

By table, not by asking whether a code is UCUM: `MG` and `ML`, which senders write for mg and mL, are megagauss and
megalitre there. Only a unit that says it is of UCUM is read as it stands.
"""

import re
from typing import Final

from terminology.ucum.canonical import canonical

UCUM: Final = "http://unitsofmeasure.org"
ANNOTATION: Final = re.compile(r"\{[!-z|~]{1,60}\}", re.ASCII)
"""`{tablet}`: no unit, but a code of UCUM."""
UCUM_NAMES: Final = frozenset({"UCUM", UCUM, "2.16.840.1.113883.6.8"})
"""What CWE-3 calls it."""

_SPELLED: Final = {
    "kg": "kilogram kilograms",
    "g": "gm gram grams",
    "mg": "milligram milligrams mgm",
    "ug": "mcg microgram micrograms µg μg",
    "ng": "nanogram nanograms",
    "L": "liter liters litre litres",
    "mL": "milliliter milliliters millilitre millilitres cc",
    "uL": "mcl microliter microliters µl μl",
    "mmol": "millimole millimoles millimol",
    "umol": "micromole micromoles µmol μmol",
    "mol": "mole moles",
    "meq": "milliequivalent milliequivalents",
    "[iU]": "iu",
    "m2": "m^2 sqm",
    "cm": "centimeter centimeters",
    "mm": "millimeter millimeters",
    "%": "percent",
    "s": "sec secs second seconds",
    "min": "mins minute minutes",
    "h": "hr hrs hour hours",
    "d": "day days",
    "wk": "week weeks",
    "mo": "month months",
    "a": "yr yrs year years ann",
    "[tsp_us]": "tsp teaspoon teaspoons",
    "[tbs_us]": "tbsp tablespoon tablespoons",
}
_CODES: Final = {name.casefold(): code for code, names in _SPELLED.items() for name in (code, *names.split())}

TIME_UNITS: Final = frozenset({"s", "min", "h", "d", "wk", "mo", "a"})
"""https://hl7.org/fhir/R4/valueset-units-of-time.html."""


def ucum(text: str) -> str | None:
    """`mL/h` of `ML/HR`; None for what is no such unit: tablets, puffs, or a code of the sender's own."""
    codes = [_CODES.get(part.strip().casefold()) for part in text.split("/")]
    return None if None in codes else "/".join(str(code) for code in codes)


def ucum_as_said(code: str, system: str) -> str | None:
    """A code whose coding system is named: as it stands if UCUM is, and has it."""
    return code if system in UCUM_NAMES and (ANNOTATION.fullmatch(code) or canonical(code) is not None) else None
