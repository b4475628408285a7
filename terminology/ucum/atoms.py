"""UCUM's own table of prefixes and units, ucum-essence.xml, which the package ucumvert carries.

Only UCUM's table is read, not ucumvert's translation to pint: that has `[Cal]` as 4.184 J instead of 4184, computes in
binary floating point, and takes all arbitrary units for the number 1. https://ucum.org/ucum-essence.xml
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache


@dataclass(frozen=True, slots=True)
class Atom:
    """A unit as the table defines it: `factor` times the term `unit`.

    Where `unit` is "" it is defined by nothing else: the seven base units, and arbitrary units, which by
    https://ucum.org/ucum#section-Arbitrary-Units are comparable with nothing but themselves. A special unit
    (`Cel`, `[pH]`) is a function of another one: no factor converts it.
    """

    unit: str
    factor: Fraction
    special: bool = False


@cache
def prefixes() -> Mapping[str, Fraction]:
    from ucumvert.xml_util import root  # type: ignore[import-untyped]

    found = root.findall(".//{*}prefix")
    return {prefix.attrib["Code"]: Fraction(prefix.find("{*}value").attrib["value"]) for prefix in found}


@cache
def atoms() -> Mapping[str, Atom]:
    from ucumvert.xml_util import get_base_units, get_units_with_full_definition

    base = {code: Atom("", Fraction(1)) for code in get_base_units()}
    return base | {unit.code_cs: _atom(unit) for unit in get_units_with_full_definition()}


def _atom(unit: object) -> Atom:
    """An atom of a `UcumUnitDefinition`, whose factor is a text; an arbitrary unit may be another's second name."""
    fields = vars(unit)
    if fields["is_special"]:
        return Atom("", Fraction(1), special=True)
    if fields["is_arbitrary"] and fields["defining_unit"] == "1":
        return Atom("", Fraction(1))
    return Atom(fields["defining_unit"], Fraction(fields["conversion_factor"]))
