"""Sets of numbers as ranges, against sets of numbers."""

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.audit.numbers import Numbers, written

RANGES = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 6)).map(lambda r: (r[0], r[0] + r[1])), max_size=12)


@given(RANGES, st.integers(0, 40), st.integers(1, 6))
def test_ranges_hold_what_a_set_would_hold(ranges: list[tuple[int, int]], low: int, length: int) -> None:
    numbers, expected = Numbers(), set[int]()
    for one, other in ranges:
        span = set(range(one, other))
        assert numbers.add(one, other) is not bool(span & expected)
        expected |= span
    assert {number for one, other in numbers.ranges for number in range(one, other)} == expected
    assert all(high < low for (_, high), (low, _) in zip(numbers.ranges, numbers.ranges[1:], strict=False))
    assert numbers.holds(low, low + length) is (set(range(low, low + length)) <= expected)


def test_ranges_are_written_as_postgresql_writes_a_multirange() -> None:
    assert written([(1, 4), (6, 7)]) == "{[1,4),[6,7)}"
    assert written([]) == "{}"
