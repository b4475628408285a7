"""`near`: places within a distance of a point on earth. https://hl7.org/fhir/R4/location.html#positional.

The distance is that along a great circle of a sphere with the earth's mean radius, up to 0.6 % off the ellipsoid's.
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from fhir_server.search.asked import Asked
from fhir_server.search.comparison import malformed, refuse_modifier
from fhir_server.search.entries import Amount, Entries
from fhir_server.search.fetching import Typed
from fhir_server.search.predicate import Predicate, Scope
from fhir_server.search.text import split_escaped, unescape
from fhir_server.search.types.number import number_of, read, side_name
from terminology.ucum import canonical

EARTH_RADIUS_KM: Final = 6371.0088

DEFAULT_KM: Final = 25.0
"""The distance where none is asked for (kilometres): R4 leaves it to the server."""

_UNITS: Final = {"": "km", "mi": "[mi_i]"}
_METRES_PER_KM: Final = 1000
_ROUNDING_KM: Final = 1e-6
"""More than the formula's rounding amounts to (kilometres): a pole is one place, whatever its longitude."""

_ROUNDING_DEGREES: Final = 1e-6
"""More than that in degrees of latitude."""

DEGREE_DECIMALS: Final = 12
"""Decimals of a latitude or longitude that count (digits)."""

_WITHIN: Final = (
    "2 * {radius} * asin(least(1, sqrt("
    "power(sin(radians({y}.low::float8 - {latitude}) / 2), 2) + cos(radians({latitude}))"
    " * cos(radians({y}.low::float8)) * power(sin(radians({x}.low::float8 - {longitude}) / 2), 2)))) <= {kilometres}"
)


def index(typed: Typed, name: str, entries: Entries) -> None:
    """The latitude and longitude of a position, in degrees."""
    if typed.type_name != "Location.position" or not isinstance(typed.value, dict):
        return
    latitude, longitude = (number_of(typed.value.get(element)) for element in ("latitude", "longitude"))
    if latitude is not None and longitude is not None and _is_place(latitude, longitude):
        latitude, longitude = rounded(latitude), rounded(longitude)
        entries.amounts.add(Amount(_latitude(name), "", latitude, latitude))
        entries.amounts.add(Amount(_longitude(name), "", longitude, longitude))


def rounded(degrees: Decimal) -> Decimal:
    """Without what would vanish when it is squared: DEGREE_DECIMALS are a tenth of a micrometre."""
    return round(degrees, DEGREE_DECIMALS)


def _latitude(name: str) -> str:
    return f"{name}:latitude"


def _longitude(name: str) -> str:
    return f"{name}:longitude"


def _is_place(latitude: Decimal, longitude: Decimal) -> bool:
    return abs(latitude) <= 90 and abs(longitude) <= 180  # noqa: PLR2004 - degrees


@dataclass(frozen=True, slots=True, order=True)
class Circle:
    """A place in degrees, and how far around it."""

    latitude: float
    longitude: float
    kilometres: float

    def holds(self, latitude: float, longitude: float) -> bool:
        """By the haversine formula, which has no trouble at the poles or the date line."""
        half_y = math.sin(math.radians(latitude - self.latitude) / 2) ** 2
        half_x = math.sin(math.radians(longitude - self.longitude) / 2) ** 2
        shrinking = math.cos(math.radians(self.latitude)) * math.cos(math.radians(latitude))
        angle = 2 * math.asin(min(1.0, math.sqrt(half_y + shrinking * half_x)))
        return EARTH_RADIUS_KM * angle <= self.kilometres + _ROUNDING_KM

    def band(self) -> tuple[Decimal, Decimal]:
        """The latitudes the circle reaches: a range an index has."""
        reach = math.degrees(self.kilometres / EARTH_RADIUS_KM) + _ROUNDING_DEGREES
        return Decimal(str(self.latitude - reach)), Decimal(str(self.latitude + reach))


@dataclass(frozen=True, slots=True)
class Near:
    """A position lies in any of the circles. A resource has one position at most."""

    name: str
    circles: tuple[Circle, ...]

    def matches(self, entries: Entries) -> bool:
        found = {amount.name: float(amount.low) for amount in entries.amounts}
        latitude, longitude = found.get(_latitude(self.name)), found.get(_longitude(self.name))
        if latitude is None or longitude is None:
            return False
        return any(circle.holds(latitude, longitude) for circle in self.circles)

    def condition(self, scope: Scope) -> str:
        selects = (f"EXISTS ({self._select(circle, scope, scope.alias)} OFFSET 0)" for circle in self.circles)
        return f"({' OR '.join(selects)})"

    def rids(self, scope: Scope) -> str | None:
        return " UNION ALL ".join(self._select(circle, scope) for circle in self.circles)

    def _select(self, circle: Circle, scope: Scope, row: str = "") -> str:
        y, x = scope.fresh("y"), scope.fresh("x")
        of_row = f"{y}.rid = {row}.rid AND " if row else ""
        keys = (scope.key(side_name(name, "")) for name in (_latitude(self.name), _longitude(self.name)))
        least, most = (scope.value(latitude) for latitude in circle.band())
        return (
            f"SELECT {y}.rid FROM search_number {y} JOIN search_number {x} ON {x}.rid = {y}.rid"
            f" WHERE {of_row}{y}.key = {next(keys)} AND {x}.key = {next(keys)}"
            f" AND {y}.low >= {least} AND {y}.low <= {most} AND {_within(circle, scope, x, y)}"
        )


def _within(circle: Circle, scope: Scope, x: str, y: str) -> str:
    numbers = (EARTH_RADIUS_KM, circle.latitude, circle.longitude, circle.kilometres + _ROUNDING_KM)
    radius, latitude, longitude, kilometres = (f"{scope.value(number)}::float8" for number in numbers)
    return _WITHIN.format(x=x, y=y, radius=radius, latitude=latitude, longitude=longitude, kilometres=kilometres)


def predicate(asked: Asked) -> Predicate:
    """Raises `Invalid` for what is not a place, `NotSupported` for every modifier."""
    refuse_modifier(asked, "special")
    return Near(asked.name, tuple(sorted({_circle(asked, value) for value in asked.values})))


def _circle(asked: Asked, text: str) -> Circle:
    parts = [unescape(part) for part in split_escaped(text, "|")]
    latitude, longitude, distance, unit, *more = parts + [""] * (4 - len(parts))
    y, x, kilometres = read(latitude), read(longitude), _kilometres(distance, unit)
    if more or y is None or x is None or kilometres is None or not _is_place(y, x):
        raise malformed(asked, text, "a place: latitude|longitude|distance|units, in degrees and units of length")
    return Circle(float(rounded(y)), float(rounded(x)), kilometres)


def _kilometres(distance: str, unit: str) -> float | None:
    """None where it is no distance in a unit of length; `mi` is the international mile."""
    length = canonical(_UNITS.get(unit, unit))
    if length is None or length.dimension != "m":
        return None
    if not distance:
        return DEFAULT_KM
    number = read(distance)
    return None if number is None or number < 0 else float(number * length.factor) / _METRES_PER_KM
