"""URIs: whole, above and below."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import NotSupported
from fhir_server.search.entries import Entries
from fhir_server.search.types import uri
from fhir_server.search.types.token import in_any_system
from tests.unit.search.types.asking import asked, finds, indexed

SET = "http://acme.example/fhir/ValueSet/123"


def test_a_uri_is_found_by_the_whole_of_it() -> None:
    entries = indexed(uri, "uri", SET)
    assert finds(uri, entries, SET)
    assert not finds(uri, entries, SET.upper())
    assert not finds(uri, entries, "http://acme.example/fhir/ValueSet")


def test_a_url_is_found_with_its_version_behind_it() -> None:
    entries = indexed(uri, "uri", SET, name="url")
    entries.keys.add(("version", in_any_system("1.0")))
    assert finds(uri, entries, f"{SET}|1.0", name="url")
    assert not finds(uri, entries, f"{SET}|1.1", name="url")
    assert not finds(uri, entries, "http://acme.example|1.0", name="url")


@pytest.mark.parametrize(
    "branch", [SET, SET + "/", "http://acme.example/fhir/", "http://acme.example/fhir", "http://acme.example"]
)
def test_a_url_is_below_each_of_its_branches(branch: str) -> None:
    assert finds(uri, indexed(uri, "url", SET), branch, modifier="below")


@pytest.mark.parametrize(
    "other", ["http://acme.example/fh", SET + "/4", "https://acme.example", "http://acme", "http:"]
)
def test_a_url_is_not_below_what_only_begins_alike(other: str) -> None:
    assert not finds(uri, indexed(uri, "url", SET), other, modifier="below")


@pytest.mark.parametrize("above", ["http://acme.example/fhir", "http://acme.example/fhir/", "http://acme.example", SET])
def test_a_branch_is_above_its_urls(above: str) -> None:
    assert finds(uri, indexed(uri, "uri", above), SET, modifier="above")
    assert not finds(uri, indexed(uri, "uri", SET + "/4"), SET, modifier="above")


@pytest.mark.parametrize("modifier", ["", "above", "below"])
def test_an_urn_is_found_by_itself_alone(modifier: str) -> None:
    entries = indexed(uri, "oid", "urn:oid:1.2.3")
    assert finds(uri, entries, "urn:oid:1.2.3", modifier=modifier)
    assert not finds(uri, entries, "urn:oid:1.2", modifier=modifier)
    assert not finds(uri, entries, "urn:oid:1.2.3.4", modifier=modifier)


def test_a_canonical_is_found_with_its_version_and_without() -> None:
    entries = indexed(uri, "canonical", SET + "|2.0")
    assert finds(uri, entries, SET + "|2.0")
    assert finds(uri, entries, SET)
    assert not finds(uri, entries, SET + "|1.0")
    assert finds(uri, entries, "http://acme.example/fhir", modifier="below")


@given(st.lists(st.text(alphabet="ab.?", min_size=1, max_size=3), max_size=5), st.integers(0, 5))
def test_above_and_below_are_two_sides_of_the_same(segments: list[str], kept: int) -> None:
    url = "/".join(["ftp://host", *segments])
    branch = "/".join(["ftp://host", *segments[:kept]])
    assert finds(uri, indexed(uri, "uri", url), branch, modifier="below")
    assert finds(uri, indexed(uri, "uri", branch), url, modifier="above")


def test_only_so_many_segments_are_told_apart() -> None:
    deep = "http://host" + "/a" * 10_000
    assert len(list(uri.ancestors(deep))) == uri.SEGMENTS_MAX + 1
    assert finds(uri, indexed(uri, "uri", deep), deep, modifier="below")


@pytest.mark.parametrize(("type_name", "value"), [("string", SET), ("uri", 5), ("Reference", {"reference": SET})])
def test_what_is_no_uri_adds_nothing(type_name: str, value: object) -> None:
    assert indexed(uri, type_name, value) == Entries()


def test_a_modifier_that_uris_do_not_have_is_refused() -> None:
    with pytest.raises(NotSupported, match="':contains'"):
        uri.predicate(asked("x", modifier="contains"))
