"""Places near a point on earth."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fhir_server.errors import Invalid
from fhir_server.search.entries import Entries
from fhir_server.search.types import special
from tests.unit.search.types.asking import asked, finds, indexed, number

degrees = st.floats(-90, 90), st.floats(-180, 180)


def place(latitude: str, longitude: str) -> Entries:
    return indexed(special, "Location.position", {"latitude": number(latitude), "longitude": number(longitude)})


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("52.0907|5.1214|35|km", True), ("52.0907|5.1214|34|km", False), ("52.0907|5.1214", False), ("52.3|4.9", True),
        ("52.0907|5.1214|35000|m", True), ("52.0907|5.1214|21.7|mi", True), ("52.0907|5.1214|21|[mi_us]", False),
        ("52.0907|5.1214|35", True), ("52.0907|5.1214||mi", False), ("52.0907|5.1214|115000|[ft_us]", True),
    ],
)  # fmt: skip
def test_amsterdam_is_34_7_kilometres_from_utrecht(query: str, found: bool) -> None:
    assert finds(special, place("52.3676", "4.9041"), query) is found


def test_the_date_line_is_no_wall_and_a_pole_is_one_place() -> None:
    assert finds(special, place("0", "-179.9"), "0|179.9|23|km")
    assert finds(special, place("90.0", "0"), "90|135|0|km")
    assert finds(special, place("-89.9", "-90"), "-89.9|90|23|km")


@pytest.mark.parametrize(
    "query",
    ["52", "91|0", "0|181", "a|b", "52|5|-1|km", "52|5|1|kg", "52|5|1|{km}", "52|5|1|km|x", "52||1|km", "52|5|NaN|km"],
)
def test_what_is_no_place_is_refused(query: str) -> None:
    with pytest.raises(Invalid, match="latitude"):
        special.predicate(asked(query))


@pytest.mark.parametrize(
    "position", [{}, {"latitude": 5}, {"latitude": 5, "longitude": "5"}, {"latitude": 95, "longitude": 0}, []]
)
def test_a_position_that_is_none_adds_nothing(position: object) -> None:
    assert indexed(special, "Location.position", position) == Entries()


def test_a_position_without_both_coordinates_is_nowhere() -> None:
    entries = place("1", "1")
    entries.amounts = {amount for amount in entries.amounts if amount.name == "name:latitude"}
    assert not finds(special, entries, "1|1")


@given(*degrees, *degrees, st.floats(0, 30_000))
def test_near_is_the_same_from_both_sides(
    y: float, x: float, other_y: float, other_x: float, kilometres: float
) -> None:
    one = special.Circle(y, x, kilometres).holds(other_y, other_x)
    assert one == special.Circle(other_y, other_x, kilometres).holds(y, x)


@given(*degrees, *degrees, st.floats(0, 30_000))
def test_all_a_circle_holds_is_in_its_band(
    y: float, x: float, other_y: float, other_x: float, kilometres: float
) -> None:
    circle = special.Circle(y, x, kilometres)
    assume(circle.holds(other_y, other_x))
    least, most = circle.band()
    assert least <= other_y <= most


def test_a_hair_from_the_equator_is_the_equator() -> None:
    for query in ("1e-200|0|10|km", "0|1e-300|10|km", "0|0|10|km"):
        assert finds(special, place("0", "1e-200"), query)
    assert {amount.low for amount in place("1e-200", "1e-200").amounts} == {0}
