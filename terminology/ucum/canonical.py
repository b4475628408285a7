"""The base units a UCUM code reduces to, and the factor to them. https://ucum.org/ucum#section-Semantics."""

import re
from collections import Counter
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any, Final

from terminology.ucum.atoms import atoms, prefixes

CODE_CHARACTERS_MAX = 64
"""Longest code that is read (characters); a sentence of units has at most half of that."""

EXPONENT_MAX = 99
"""Largest exponent of a unit, and of ten in a factor's hundred-fold: past it numbers only cost time."""

_CODES_CACHED = 4096
_FACTOR: Final = Context(prec=34)
"""Digits of a factor without an end (1/60): twice what R4 has in a decimal."""

_UNARY_DIVISION = re.compile(r"(^|\()/")
_ANNOTATION = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class Canonical:
    """A unit is `factor` times `dimension`, a product of base units in alphabetical order: `g.m-3`, or `1`."""

    dimension: str
    factor: Decimal


class _NotByFactor(Exception):
    """The unit is special, or is no unit at all."""


@dataclass(frozen=True, slots=True)
class _Product:
    factor: Fraction
    powers: Counter[str]

    def times(self, other: "_Product", exponent: int = 1) -> "_Product":
        powers = self.powers.copy()
        for base, power in other.powers.items():
            powers[base] += power * exponent
        return _Product(self.factor * other.factor**exponent, powers)


_ONE: Final = _Product(Fraction(1), Counter())


@lru_cache(maxsize=_CODES_CACHED)
def canonical(code: str) -> Canonical | None:
    """None for what is no UCUM code, for special units, and for annotations alone: `{tablet}` says no unit."""
    if len(code) > CODE_CHARACTERS_MAX:
        return None
    try:
        product = _product(code)
    except _NotByFactor:
        return None
    factor = _FACTOR.divide(Decimal(product.factor.numerator), Decimal(product.factor.denominator))
    return Canonical(_dimension(product), factor) if abs(factor.adjusted()) <= EXPONENT_MAX else None


def _dimension(product: _Product) -> str:
    powers = sorted((base, power) for base, power in product.powers.items() if power)
    return ".".join(f"{base}{'' if power == 1 else power}" for base, power in powers) or "1"


@cache
def _parser() -> Any:
    from ucumvert.parser import get_ucum_parser  # type: ignore[import-untyped]

    return get_ucum_parser()


def _product(code: str) -> _Product:
    """Division goes from left to right, so `/m/s` is `1/m/s`; the grammar would have it as the inverse of `m/s`."""
    from ucumvert.parser import InvalidUcumError, parse_ucum

    if not _ANNOTATION.sub("", code).strip("./()"):
        raise _NotByFactor
    try:
        return _evaluated(parse_ucum(_UNARY_DIVISION.sub(r"\g<1>1/", code), _parser()))
    except InvalidUcumError as error:
        raise _NotByFactor from error


def _evaluated(node: Any) -> _Product:
    """A tree of the grammar: terms, units with exponents, atoms with prefixes; annotations mean nothing."""
    if not hasattr(node, "children"):
        return _ONE
    match node.data:
        case "simple_unit":
            return _simple_unit(*(str(child) for child in node.children))
        case "annotatable":
            unit, exponent = node.children
            return _ONE.times(_evaluated(unit), _exponent(exponent))
        case "term":
            left, operator, right = node.children
            return _evaluated(left).times(_evaluated(right), -1 if operator == "/" else 1)
    return _evaluated(node.children[0])


def _exponent(text: str) -> int:
    exponent = int(text)
    if abs(exponent) > EXPONENT_MAX:
        raise _NotByFactor
    return exponent


def _simple_unit(*parts: str) -> _Product:
    atom = _atom(parts[-1])
    return atom if len(parts) == 1 else _Product(atom.factor * prefixes()[parts[0]], atom.powers)


@cache
def _atom_of_table(code: str) -> _Product:
    atom = atoms()[code]
    if atom.special:
        raise _NotByFactor
    defined = _product(atom.unit) if atom.unit else _Product(Fraction(1), Counter({code: 1}))
    return _Product(defined.factor * atom.factor, defined.powers)


def _atom(code: str) -> _Product:
    return _Product(Fraction(code), Counter()) if code.isdecimal() else _atom_of_table(code)
