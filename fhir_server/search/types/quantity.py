"""Quantity parameters: numbers with units. https://hl7.org/fhir/R4/search.html#quantity.

A quantity is indexed as the number it is written with, under each name of its unit, and in the base units of UCUM:
5 mg is found as `5`, `5||mg` and `0.005|http://unitsofmeasure.org|g`.
"""

from collections.abc import Iterator
from decimal import Context, Decimal
from typing import Any, Final

from fhir_server.search.asked import Asked
from fhir_server.search.comparison import malformed, refuse_modifier, split_prefix
from fhir_server.search.entries import Amount, Entries
from fhir_server.search.fetching import Typed
from fhir_server.search.predicate import Predicate
from fhir_server.search.text import split_escaped, unescape
from fhir_server.search.types.number import INFINITY, Comparison, Measures, compared, number_of, read
from terminology.ucum import canonical

UCUM: Final = "http://unitsofmeasure.org"
CURRENCIES: Final = "urn:iso:std:iso:4217"
QUANTITIES: Final = frozenset("Quantity Age Count Distance Duration SimpleQuantity MoneyQuantity".split())

_SCALE: Final = Context(prec=18)
"""R4's precision of a decimal: what is equal in two units stays equal where a factor (1/60) has no end."""

_ONE: Final = Decimal(1)

Ends = tuple[Decimal, Decimal]


def index(typed: Typed, name: str, entries: Entries) -> None:
    """A Quantity and its kin, Money, or a Range."""
    match typed:
        case ("Range", dict() as range_):
            low, high = range_.get("low"), range_.get("high")
            entries.amounts.update(_range(name, _dict(low), _dict(high)))
        case ("Money", dict() as money):
            units = _units(CURRENCIES, _text(money.get("currency")), "")
            entries.amounts.update(_amounts(name, _ends(money), units))
        case (type_name, dict() as quantity) if type_name in QUANTITIES:
            entries.amounts.update(_amounts(name, _ends(quantity), _units_of(quantity)))


def _amounts(name: str, ends: Ends | None, units: dict[str, Decimal]) -> Iterator[Amount]:
    if ends is not None:
        for unit, factor in units.items():
            yield Amount(name, unit, _scaled(ends[0], factor), _scaled(ends[1], factor))


def _range(name: str, low: dict[str, Any], high: dict[str, Any]) -> Iterator[Amount]:
    """Both ends in every unit they share; an end without one has the other's."""
    ends = number_of(low.get("value")), number_of(high.get("value"))
    if ends == (None, None):
        return
    low_units, high_units = _units_of(low), _units_of(high)
    if len(low_units) == 1:
        low_units = high_units
    elif len(high_units) == 1:
        high_units = low_units
    for unit in low_units.keys() & high_units.keys():
        least = -INFINITY if ends[0] is None else _scaled(ends[0], low_units[unit])
        most = INFINITY if ends[1] is None else _scaled(ends[1], high_units[unit])
        yield Amount(name, unit, least, max(least, most))


def _ends(quantity: dict[str, Any]) -> Ends | None:
    """What a comparator leaves open is infinite. https://hl7.org/fhir/R4/datatypes.html#quantity."""
    number = number_of(quantity.get("value"))
    if number is None:
        return None
    comparator = quantity.get("comparator")
    low = -INFINITY if comparator in ("<", "<=") else number
    return low, INFINITY if comparator in (">", ">=") else number


def _units_of(quantity: dict[str, Any]) -> dict[str, Decimal]:
    return _units(*(_text(quantity.get(element)) for element in ("system", "code", "unit")))


def _units(system: str, code: str, unit: str) -> dict[str, Decimal]:
    """The units a number is indexed under, and what it is multiplied with there."""
    units = {"": _ONE} | {_labelled(text): _ONE for text in (unit, code) if text}
    if system and code:
        key, factor = _coded(system, code)
        units[key] = factor
    return units


def _labelled(text: str) -> str:
    return f"label|{text}"


def _coded(system: str, code: str) -> tuple[str, Decimal]:
    """The base units of a UCUM code with its factor to them; any other code stands for itself."""
    base = canonical(code) if system == UCUM else None
    return (f"code|{system}|{code}", _ONE) if base is None else (f"ucum|{base.dimension}", base.factor)


def _scaled(number: Decimal, factor: Decimal) -> Decimal:
    return number if factor == _ONE else _SCALE.multiply(number, factor)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def predicate(asked: Asked) -> Predicate:
    """`number`, `number||unit` or `number|system|code`; raises `Invalid`, and `NotSupported` for every modifier."""
    refuse_modifier(asked, "quantity")
    return Measures(asked.name, tuple(sorted({_comparison(asked, value) for value in asked.values})))


def _comparison(asked: Asked, text: str) -> Comparison:
    value, *unit = (unescape(part) for part in split_escaped(text, "|"))
    prefix, rest = split_prefix(value)
    number = read(rest)
    if number is None or len(unit) not in (0, 2) or (unit and not unit[1]):
        raise malformed(asked, text, "a quantity: number, number||unit or number|system|code, after a prefix if any")
    plain = compared(prefix, number)
    if not unit:
        return plain
    key, factor = _coded(unit[0], unit[1]) if unit[0] else (_labelled(unit[1]), _ONE)
    return Comparison(prefix, _scaled(plain.low, factor), _scaled(plain.high, factor), key)
