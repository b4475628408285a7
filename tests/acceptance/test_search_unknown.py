"""S5: what a search does not know is refused or left out, and `self` says what was applied.

https://hl7.org/fhir/R4/search.html#errors, https://hl7.org/fhir/R4/search.html#conformance
"""

import httpx
import pytest

from tests.acceptance.outcomes import VALIDATOR, diagnostics, refused
from tests.acceptance.searches import FORM, Json, applied, link, resources, searched, told
from tests.builders.resources import a_patient
from tests.running.galenic import Galenic

LENIENT, STRICT = "handling=lenient", "handling=strict"
UNKNOWN = ["shoe-size", "Name", "name2", "identifier_x", "subject", "naïve"]
UNKNOWN_CONTROLS = ["_totalMethod", "_foo", "_Count", "_getpages", "_", "_page"]


@pytest.fixture(scope="module")
def patient(client: httpx.Client) -> Json:
    """The only one of its family; others are there that an ignored criterion would let in."""
    client.post("/Patient", json=a_patient("Somebody"))
    return client.post("/Patient", json=a_patient("Nobody")).json()


def warnings(bundle: Json) -> list[str]:
    assert VALIDATOR.validate(bundle) == []
    assert all((one["severity"], one["code"]) == ("warning", "not-supported") for one in told(bundle))
    return [one["diagnostics"] for one in told(bundle)]


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_parameter_is_refused_by_name(client: httpx.Client, patient: Json, name: str) -> None:
    pairs = {"family": "Nobody", name: "1"}
    assert name in diagnostics(refused(client.get("/Patient", params=pairs), 400))
    assert name in diagnostics(refused(client.post("/Patient/_search", data=pairs, headers=FORM), 400))
    assert name in diagnostics(refused(client.get("/Patient", params=pairs, headers={"Prefer": STRICT}), 400))


@pytest.mark.parametrize("prefer", [LENIENT, f"return=minimal, {LENIENT}", f"{LENIENT}; respond-async"])
@pytest.mark.parametrize("name", UNKNOWN)
def test_a_lenient_client_gets_a_warning_and_the_rest_of_its_search(
    client: httpx.Client, patient: Json, name: str, prefer: str
) -> None:
    bundle = searched(client, "/Patient", [("family", "Nobody"), (name, "1")], prefer=prefer)
    [warning] = warnings(bundle)
    assert name in warning
    assert resources(bundle) == [patient]
    assert applied(bundle) == [("family", "Nobody"), ("_count", "50")]


@pytest.mark.parametrize("name", UNKNOWN_CONTROLS)
def test_an_unknown_control_parameter_is_left_out_with_a_warning(
    client: httpx.Client, patient: Json, name: str
) -> None:
    bundle = searched(client, "/Patient", [(name, "1"), ("family", "Nobody")])
    [warning] = warnings(bundle)
    assert f"'{name}'" in warning
    assert resources(bundle) == [patient]
    assert applied(bundle) == [("family", "Nobody"), ("_count", "50")]


@pytest.mark.parametrize("name", UNKNOWN_CONTROLS)
def test_a_strict_client_is_refused_even_for_an_unknown_control_parameter(client: httpx.Client, name: str) -> None:
    response = client.get("/Patient", params={name: "1"}, headers={"Prefer": STRICT})
    assert f"'{name}'" in diagnostics(refused(response, 400))


def test_each_unknown_parameter_has_its_warning(client: httpx.Client, patient: Json) -> None:
    pairs = [("shoe-size", "44"), ("family", "Nobody"), ("_foo", "1"), ("hat", "7")]
    told_of = warnings(searched(client, "/Patient", pairs, prefer=LENIENT))
    assert [next(n for n, _ in pairs if f"'{n}'" in warning) for warning in told_of] == ["shoe-size", "_foo", "hat"]


CHAINS = ["organization.shoe-size", "general-practitioner.shoe-size", "_has:Observation:patient:shoe-size"]


@pytest.mark.parametrize("name", CHAINS)
def test_an_unknown_parameter_at_the_end_of_a_chain_is_unknown(client: httpx.Client, patient: Json, name: str) -> None:
    refused(client.get("/Patient", params={name: "1"}), 400)
    bundle = searched(client, "/Patient", [("family", "Nobody"), (name, "1")], prefer=LENIENT)
    assert "shoe-size" in warnings(bundle)[0]
    assert applied(bundle) == [("family", "Nobody"), ("_count", "50")]


WRONG = [
    ("birthdate", "yesterday"),
    ("birthdate", "2020-13"),
    ("family", ""),
    ("family", "a,,b"),
    ("family:wrong", "x"),
    ("birthdate:exact", "2020"),
    ("gender:contains", "f"),
    ("identifier:missing", "perhaps"),
    ("organization.name:wrong", "x"),
    ("general-practitioner:Shoe.name", "x"),
    ("family.given", "x"),
    ("_sort", "shoe-size"),
    ("_sort:desc", "family"),
    ("_count", "many"),
    ("_count", "-1"),
    ("_count:x", "1"),
    ("_total", "some"),
    ("_total:x", "accurate"),
    ("_summary", "short"),
    ("_elements:not", "name"),
    ("_include", "Patient:shoe-size"),
    ("_include:wrong", "Patient:organization"),
    ("_type", "Observation"),
    ("_type:not", "Patient"),
    ("_filter", "shoe-size eq 1"),
    ("_query", "mine"),
    ("_contained", "true"),
    ("_has:Shoe:patient:code", "x"),
    ("_lastUpdated:wrong", "2020"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
@pytest.mark.parametrize("prefer", ["return=minimal", STRICT])
def test_a_known_parameter_with_a_value_or_modifier_it_has_not_is_refused(
    client: httpx.Client, name: str, value: str, prefer: str
) -> None:
    refused(client.get("/Patient", params={name: value}, headers={"Prefer": prefer}), 400)


@pytest.mark.parametrize(("name", "value"), [one for one in WRONG if one[0] != "_filter"])
def test_a_lenient_client_is_not_given_more_than_it_asked_for(client: httpx.Client, name: str, value: str) -> None:
    """R4 lets servers ignore what they do not know; a value they cannot read is an error all the same."""
    refused(client.get("/Patient", params={name: value}, headers={"Prefer": LENIENT}), 400)


AS_ASKED = [
    [("family", "a"), ("family", "b")],
    [("family:exact", "é&=+ %\\,"), ("_sort", "-birthdate")],
    [("_include", "*"), ("_revinclude", "Observation:subject"), ("_summary", "data")],
    [("_has:Observation:patient:code", "a|b"), ("organization.name", "x"), ("_elements", "name")],
]
APPLIED = [
    ([], [("_count", "50")]),
    ([("_count", "7")], [("_count", "7")]),
    ([("_count", "0")], [("_count", "0")]),
    ([("_count", "1000000")], [("_count", "1000")]),
    ([("_count", "1"), ("_count", "2")], [("_count", "2")]),
    ([("_total", "none"), ("_total", "accurate")], [("_total", "accurate"), ("_count", "50")]),
    ([("_sort", "family"), ("_sort", "-family")], [("_sort", "-family"), ("_count", "50")]),
    ([("_format", "json"), ("_pretty", "true"), ("gender", "male")], [("gender", "male"), ("_count", "50")]),
    *((asked, [*asked, ("_count", "50")]) for asked in AS_ASKED),
]


@pytest.mark.parametrize(("asked", "expected"), APPLIED)
def test_self_lists_what_was_applied_and_nothing_else(
    client: httpx.Client, galenic: Galenic, asked: list[tuple[str, str]], expected: list[tuple[str, str]]
) -> None:
    bundle = searched(client, "/Patient", asked)
    assert applied(bundle) == expected
    assert link(bundle, "self").startswith(f"{galenic.base_url}/Patient?")


def test_what_self_says_finds_the_same_again(client: httpx.Client, patient: Json) -> None:
    first = searched(client, "/Patient", [("family", "Nobody"), ("_foo", "1"), ("_count", "5000")])
    again = searched(client, link(first, "self"))
    assert resources(again) == resources(first) == [patient]
    assert applied(again) == applied(first)
    assert told(again) == []
