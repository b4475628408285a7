"""The oracle's sizes of units are UCUM's own. https://ucum.org/ucum"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from tests.oracle.units import UNITS

NAMESPACE = "{http://unitsofmeasure.org/ucum-essence}"
FACTOR = re.compile(r"([./]?)([A-Za-z]*(?:\[\w+\])?|)(\d*)(?=[./]|$)")


class Essence:
    """The published table: prefixes, base units and what the others consist of."""

    def __init__(self, path: Path) -> None:
        root = ET.parse(path).getroot()  # noqa: S314  # the reference data is trusted
        self.base = {one.attrib["Code"] for one in root.iter(f"{NAMESPACE}base-unit")}
        self.prefixes = {code: Fraction(value["value"]) for code, value in _values(root, "prefix")}
        self.units = {code: (value.get("value", ""), value["Unit"]) for code, value in _values(root, "unit")}

    def size(self, expression: str) -> Fraction:
        """In base units."""
        found = Fraction(1)
        for sign, code, exponent in FACTOR.findall(expression):
            factor = self._atom(code) ** int(exponent or 1) if code else Fraction(exponent or 1)
            found = found / factor if sign == "/" else found * factor
        return found

    def _atom(self, code: str) -> Fraction:
        if code in self.base:
            return Fraction(1)
        if code in self.units:
            value, unit = self.units[code]
            return Fraction(value) * self.size(unit)
        prefix, rest = (code[:2], code[2:]) if code.startswith("da") else (code[0], code[1:])
        return self.prefixes[prefix] * self._atom(rest)


def _values(root: ET.Element, kind: str) -> Iterator[tuple[str, dict[str, str]]]:
    for one in root.iter(NAMESPACE + kind):
        value = one.find(f"{NAMESPACE}value")
        if value is not None:
            yield one.attrib["Code"], value.attrib


@pytest.mark.corpus
def test_units_have_the_size_that_ucum_gives_them(corpus: Path) -> None:
    essence = Essence(corpus / "terminology/ucum/ucum-essence.xml")
    first = {unit.dimension: code for code, unit in reversed(UNITS.items())}
    for code, unit in UNITS.items():
        assert essence.size(code) / essence.size(first[unit.dimension]) == unit.size, code
