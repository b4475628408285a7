"""Location.near: places within a distance. https://hl7.org/fhir/R4/location.html#positional"""

from collections.abc import Callable
from math import asin, cos, radians, sin, sqrt

from tests.oracle.extraction import Element

EARTH_RADIUS_KM = 6371.0088
KM_DEFAULT = 25.0
KM_PER_UNIT = {"": 1.0, "km": 1.0, "m": 0.001, "mi": 1.609344, "[mi_us]": 1.609347219}


def kilometres(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Along the great circle (haversine); arguments in degrees."""
    one, other = radians(latitude), radians(other_latitude)
    across = radians(other_longitude - longitude)
    chord = sin((other - one) / 2) ** 2 + cos(one) * cos(other) * sin(across / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(min(1.0, chord)))


def near_test(value: str) -> Callable[[Element], bool]:
    """`latitude|longitude|distance|units`; the last two may be missing."""
    latitude, longitude, distance, unit, *_ = [*value.split("|"), "", ""]
    limit = float(distance) * KM_PER_UNIT[unit] if distance else KM_DEFAULT

    def test(element: Element) -> bool:
        place = element.value
        away = kilometres(float(latitude), float(longitude), float(place["latitude"]), float(place["longitude"]))
        return away <= limit

    return test
