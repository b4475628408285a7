"""Escapes of search values. https://hl7.org/fhir/R4/search.html#escaping."""

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.text import split_escaped, unescape


def escaped(text: str) -> str:
    for character in ("\\", ",", "|", "$"):
        text = text.replace(character, "\\" + character)
    return text


@given(st.lists(st.text(), min_size=1))
def test_escaped_values_survive_joining_and_splitting(values: list[str]) -> None:
    joined = ",".join(escaped(value) for value in values)
    assert [unescape(part) for part in split_escaped(joined, ",")] == values


def test_a_lone_backslash_stands_for_itself() -> None:
    assert unescape("a\\b") == "a\\b"
    assert split_escaped("a\\", "|") == ["a\\"]
