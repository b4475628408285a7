"""UCUM units by their dimension and exact size, as many as the tests use. https://ucum.org/ucum"""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Unit:
    """`size` is in the first unit of the dimension."""

    dimension: str
    size: Fraction


UNITS = {
    code: Unit(dimension, Fraction(size))
    for dimension, sizes in {
        "mass": {"g": "1", "kg": "1000", "mg": "1/1000", "ug": "1/1000000", "[oz_av]": "28.349523125"},
        "volume": {"L": "1", "l": "1", "dL": "1/10", "mL": "1/1000"},
        "time": {"s": "1", "min": "60", "h": "3600", "d": "86400", "wk": "604800"},
        "length": {"m": "1", "cm": "1/100", "mm": "1/1000", "km": "1000"},
        "pressure": {"Pa": "1", "kPa": "1000", "mm[Hg]": "133.322"},
        "concentration": {"g/L": "1", "mg/mL": "1", "mg/L": "1/1000", "mg/dL": "1/100"},
    }.items()
    for code, size in sizes.items()
}
