"""Strings: folded, from the start, anywhere, or exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import Invalid, NotSupported
from fhir_server.search.entries import Entries
from fhir_server.search.fetching import Typed
from fhir_server.search.types import string
from tests.unit.search.types.asking import asked, finds, indexed

CHALMERS = {"family": "Müller-Lüdenscheidt", "given": ["Åse", None, "Marie  Louise"], "prefix": ["Dr."], "use": "usual"}


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert string.fold(string.fold(text)) == string.fold(text)


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_the_short_way_for_ascii_is_the_long_way(text: str) -> None:
    assert string.fold(text) == string.fold(text + " \u0301")


@pytest.mark.parametrize(
    ("text", "folded"),
    [("Müller", "muller"), ("ÅSE", "ase"), ("Straße", "strasse"), ("ﬁn", "fin"), (" a\t b\u00a0", "a b"), ("İ", "i")],
)
def test_case_accents_and_spaces_do_not_count(text: str, folded: str) -> None:
    assert string.fold(text) == folded


@pytest.mark.parametrize("start", ["mull", "MÜLLER-L", "ase", "marie louise", "Marie\u00a0Lou", "dr."])
def test_every_part_of_a_name_is_found_by_its_start(start: str) -> None:
    assert finds(string, indexed(string, "HumanName", CHALMERS), start)


@pytest.mark.parametrize("other", ["uller", "louise", "usual", "mullers"])
def test_what_stands_elsewhere_in_a_name_is_not_found_by_its_start(other: str) -> None:
    assert not finds(string, indexed(string, "HumanName", CHALMERS), other)


@pytest.mark.parametrize("inside", ["uller", "LOUISE", "denscheid", "-l", "é"])
def test_contains_finds_what_stands_anywhere(inside: str) -> None:
    assert finds(string, indexed(string, "HumanName", CHALMERS), inside, modifier="contains")


def test_exact_wants_case_accents_and_length() -> None:
    entries = indexed(string, "HumanName", CHALMERS)
    assert finds(string, entries, "Marie  Louise", modifier="exact")
    assert not finds(string, entries, "marie  louise", modifier="exact")
    assert not finds(string, entries, "Marie", modifier="exact")


def test_an_escaped_comma_is_part_of_the_text() -> None:
    assert finds(string, indexed(string, "string", "Kent, Clark"), "kent\\, c")


def test_one_of_several_values_is_enough() -> None:
    assert finds(string, indexed(string, "string", "Ann"), "bob", "an")


def test_a_modifier_that_strings_do_not_have_is_refused() -> None:
    with pytest.raises(NotSupported, match="':above'"):
        string.predicate(asked("x", modifier="above"))


def test_an_address_has_its_lines_and_places() -> None:
    address = {"line": ["Keizersgracht 12"], "city": "Amsterdam", "postalCode": "1015 CS", "period": {"start": "2020"}}
    names = {text for _, text in indexed(string, "Address", address).texts}
    assert names == {"keizersgracht 12", "amsterdam", "1015 cs"}


@pytest.mark.parametrize(
    ("type_name", "value"),
    [("Coding", {"display": "x"}), ("string", {"text": "x"}), ("HumanName", "x"), ("boolean", True), ("string", 1)],
)
def test_a_value_of_another_type_adds_nothing(type_name: str, value: object) -> None:
    assert indexed(string, type_name, value) == Entries()


def test_a_text_of_nothing_but_spaces_and_marks_is_no_text() -> None:
    assert indexed(string, "string", " \u0301").texts == set()


def test_long_texts_are_compared_by_their_first_characters() -> None:
    entries = indexed(string, "string", "a" * 1_000)
    [(_, text)] = entries.texts
    assert len(text) == string.TEXT_CHARACTERS_MAX
    assert finds(string, entries, "a" * 900)
    assert finds(string, entries, "a" * 900, modifier="contains")
    assert not finds(string, entries, "a" * 900, modifier="exact")


@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        ("CodeableConcept", {"text": "Pain", "coding": [{"display": "Ache"}, {"code": "x"}, None]}),
        ("Identifier", {"value": "1", "type": {"text": "Pain", "coding": [{"display": "Ache"}]}}),
    ],
)
def test_the_texts_of_a_token_are_what_people_read(type_name: str, value: dict) -> None:
    assert list(string.texts_of(Typed(type_name, value))) == ["Pain", "Ache"]


def test_a_coding_without_a_display_has_no_text() -> None:
    assert list(string.texts_of(Typed("Coding", {"display": "Ache"}))) == ["Ache"]
    assert list(string.texts_of(Typed("Coding", {"code": "Ache"}))) == []
    assert list(string.texts_of(Typed("Identifier", {"value": "Ache"}))) == []


@given(st.text(), st.text())
def test_the_end_of_a_prefix_is_past_all_texts_that_begin_with_it(prefix: str, text: str) -> None:
    end = string.after_prefix(prefix)
    within = text >= prefix and (end is None or text < end)
    assert within == text.startswith(prefix)
    assert prefix + text >= prefix
    assert end is None or prefix + text < end


@pytest.mark.parametrize(
    ("prefix", "end"),
    [
        ("a", "b"),
        ("a\U0010ffff", "b"),
        ("\U0010ffff", None),
        ("", None),
        ("\ud7ff", "\ue000"),
        ("a\ud7ff\U0010ffff", "a\ue000"),
    ],
)
def test_the_end_of_a_prefix_is_a_text_of_characters(prefix: str, end: str | None) -> None:
    assert string.after_prefix(prefix) == end


@given(st.text(), st.text(min_size=3), st.text())
def test_who_contains_a_text_has_all_its_trigrams(before: str, text: str, after: str) -> None:
    assert string.grams(text) <= string.grams(before + text + after)
    assert all(-(1 << 31) <= gram < 1 << 31 for gram in string.grams(text))


def test_the_trigrams_of_a_resource_are_those_of_all_its_texts() -> None:
    entries = Entries(texts={("name", "abcd"), ("address", "xyz")})
    assert string.grams_of(entries) == string.grams("abcd") | string.grams("xyz")
    assert len(string.grams_of(entries)) == 3


@pytest.mark.parametrize("blank", [" ", "\u0301", "\t"])
def test_a_text_of_nothing_is_no_beginning_of_everything(blank: str) -> None:
    for modifier in ("", "contains"):
        with pytest.raises(Invalid):
            string.predicate(asked(blank, modifier=modifier))
