"""Directions that are made to take long: none takes more than its length."""

import sys
from collections.abc import Callable
from time import thread_time

import pytest

from mappers.script.to_fhir import sig_disagreements
from mappers.script.to_fhir.sig_disagreements import COMPARED_MAX, disagreements

SIZE = 2**13
STRUCTURE = {
    "doseAndRate": [{"doseQuantity": {"value": 2}}],
    "timing": {"repeat": {"frequency": 3, "period": 1, "periodUnit": "d", "boundsDuration": {"value": 7, "code": "d"}}},
}
HOSTILE = {
    "once and blanks": ("once", " ", "x"),
    "times and blanks": ("2 times", "\t", "x"),
    "words of times": ("", "once a ", "x"),
    "every and blanks": ("every 4", "\n", "x"),
    "digits": ("take ", "1", "x"),
    "fractions": ("every 1.", "1", "x"),
    "doses": ("", "take 1", "x"),
    "changes": ("", "alternat", "!"),
    "letters": ("", "a", "x"),
}


def grown(shape: str, size: int) -> str:
    before, unit, after = HOSTILE[shape]
    return before + unit * (size // len(unit)) + after


def seconds(run: Callable[[], object]) -> float:
    def once() -> float:
        start = thread_time()
        run()
        return thread_time() - start

    return min(once() for _ in range(5))


def growth(shape: str) -> float:
    """How much longer eight times the text takes; the square would be 64."""
    small, large = ({"text": grown(shape, size)} | STRUCTURE for size in (SIZE, 8 * SIZE))
    return seconds(lambda: list(disagreements(large))) / seconds(lambda: list(disagreements(small)))


@pytest.mark.parametrize("shape", HOSTILE)
def test_eight_times_the_directions_take_no_square_of_the_time(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sig_disagreements, "COMPARED_MAX", sys.maxsize)
    assert growth(shape) < 16


@pytest.mark.parametrize("blank", [" ", "  ", "\n", "\t \t"])
def test_white_space_of_any_kind_and_length_is_a_blank(blank: str) -> None:
    assert list(disagreements({"text": f"Take{blank}1{blank}tablet once{blank}a{blank}day"} | STRUCTURE)) == [
        "dose",
        "frequency",
    ]


@pytest.mark.parametrize(("padding", "found"), [(0, ["dose"]), (COMPARED_MAX, [])])
def test_only_the_first_words_of_a_long_text_are_compared(padding: int, found: list[str]) -> None:
    assert list(disagreements({"text": f"{'x' * padding} Take 1 tablet"} | STRUCTURE)) == found


def test_a_number_at_the_end_of_what_is_compared_is_not_cut() -> None:
    text = f"{'x' * (COMPARED_MAX - len(' Take 2'))} Take 20 tablets"
    assert list(disagreements({"text": text} | {"doseAndRate": [{"doseQuantity": {"value": 20}}]})) == []
