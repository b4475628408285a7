"""S8: every character of a value can be searched for, and stands for itself.

https://hl7.org/fhir/R4/search.html#escaping, https://hl7.org/fhir/R4/search.html#string
"""

import unicodedata
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest

from tests.acceptance.outcomes import FHIR_JSON, refused
from tests.acceptance.searches import FORM, Json, found, keys
from tests.acceptance.wire import ask
from tests.builders.resources import a_patient, an_observation
from tests.running.galenic import Galenic

VALUES = {
    "comma": "a,b",
    "pipe": "a|b",
    "dollar": "a$b",
    "backslash": "a\\b",
    "backslash at the end": "ab\\",
    "escaped comma": "a\\,b",
    "two backslashes": "a\\\\b",
    "per cent": "100%",
    "per cent alone": "%",
    "encoded blank": "a%20b",
    "underscore": "a_b",
    "plus": "a+b",
    "ampersand": "a&b=c",
    "hash and question mark": "a#b?c",
    "semicolon": "a;b",
    "quotes": 'O\'Brien "Bob"',
    "typographic quotes": "O’Brien “Bob”",
    "statement": "'; DROP TABLE search;--",
    "placeholder": "%s %(v0)s {0} $1",
    "asterisk and dots": "a.*b",
    "markup": "<b>&amp;</b>",
    "right to left": "שָׁלוֹם עולם",
    "arabic": "مُحَمَّد",
    "both directions": "abc \u202eאבג\u202c",
    "combining marks": "Zoe\u0308 A\u030a",
    "composed marks": "Zoë Å",
    "emoji": "💊 pill",
    "emoji of several": "👩🏽‍⚕️ 👨‍👩‍👧‍👦 🇨🇭",
    "beyond the first plane": "𝒜𝓁𝒾𝒸ℯ 𠮷野家",
    "chinese": "李小龍",
    "blanks": "a b  c",
    "no-break space": "a\u00a0b",
    "last characters of planes": "a\U0010fffd\ufffd",
    "prefix of a number": "gt5",
}
"""Each is stored in a resource of its own; none of them may find another."""


def escaped(value: str) -> str:
    return "".join(f"\\{one}" if one in ",|$\\" else one for one in value)


@pytest.fixture(scope="module")
def key() -> str:
    """Keeps the values of this run apart from others."""
    return f"http://example.org/{uuid4()}"


@pytest.fixture(scope="module")
def patients(client: httpx.Client, key: str) -> dict[str, str]:
    """By value, the id of the Patient that has it as name, identifier and profile."""
    return {value: created(client, a_patient(value, **identified(key, value))) for value in VALUES.values()}


def identified(key: str, value: str) -> Json:
    return {"identifier": [{"system": key, "value": value}]}


def created(client: httpx.Client, resource: Json) -> str:
    response = client.post(f"/{resource['resourceType']}", json=resource)
    assert response.status_code == 201, response.text
    return response.json()["id"]


@pytest.fixture(scope="module")
def observations(client: httpx.Client, key: str) -> dict[str, str]:
    """By value, the id of the Observation that has it as the code of its value."""
    made = {}
    for value in VALUES.values():
        concept = {"coding": [{"system": key, "code": value.replace(" ", "-")}]}
        observation = an_observation(code={"coding": [{"system": key, "code": "c"}]}, valueCodeableConcept=concept)
        made[value.replace(" ", "-")] = created(client, observation)
    return made


Search = Callable[[str, str, str], list[str]]


@pytest.fixture(params=["GET", "POST"])
def search(client: httpx.Client, request: pytest.FixtureRequest) -> Search:
    """Of a type by one parameter: the ids it finds."""

    def post(type_name: str, name: str, value: str) -> list[str]:
        response = client.post(f"/{type_name}/_search", data={name: value}, headers=FORM)
        assert response.status_code == 200, response.text
        return [one for _, one in keys(response.json())]

    return post if request.param == "POST" else lambda type_name, *pair: found(client, f"/{type_name}", pair)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_string_is_found_exactly_as_it_is(patients: dict[str, str], search: Search, value: str) -> None:
    assert search("Patient", "family:exact", escaped(value)) == [patients[value]]


def folded(value: str) -> str:
    """Without case, combining marks and differences of blanks."""
    decomposed = unicodedata.normalize("NFD", value.casefold())
    return " ".join("".join(one for one in decomposed if not unicodedata.combining(one)).split())


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_string_is_found_by_itself_and_its_folded_form(patients: dict[str, str], search: Search, value: str) -> None:
    shown = search("Patient", "family", escaped(value))
    assert patients[value] in shown
    assert {one for other, one in patients.items() if folded(other) == folded(value)} <= set(shown)
    assert not {one for other, one in patients.items() if folded(other)[:1] != folded(value)[:1]} & set(shown)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_part_of_a_string_is_found_as_it_is(patients: dict[str, str], search: Search, value: str) -> None:
    shown = search("Patient", "family:contains", escaped(value))
    holding = {one for other, one in patients.items() if folded(value) in folded(other)}
    assert patients[value] in shown
    assert set(shown) <= holding


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_token_is_found_by_its_code(patients: dict[str, str], key: str, search: Search, value: str) -> None:
    assert search("Patient", "identifier", f"{key}|{escaped(value)}") == [patients[value]]


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_composite_is_found_by_its_parts(observations: dict[str, str], key: str, search: Search, value: str) -> None:
    code = value.replace(" ", "-")
    asked = f"{key}|c${key}|{escaped(code)}"
    assert search("Observation", "code-value-concept", asked) == [observations[code]]


URIS = [
    "http://example.org/a,b",
    "http://example.org/a|b",
    "http://example.org/a$b",
    "http://example.org/a%20b",
    "http://example.org/a_b",
    "http://example.org/aXb",
    "http://example.org/a'b",
    "http://example.org/שלום",
    "http://example.org/💊",
    "http://example.org/A",
    "http://example.org/a?b=c&d#e",
    "urn:x:a\\b",
]


@pytest.fixture(scope="module")
def value_sets(client: httpx.Client) -> dict[str, str]:
    made = ({"resourceType": "ValueSet", "status": "active", "url": one} for one in URIS)
    return {one["url"]: created(client, one) for one in made}


@pytest.mark.parametrize("uri", URIS)
def test_a_uri_is_found_as_it_is(value_sets: dict[str, str], search: Search, uri: str) -> None:
    assert search("ValueSet", "url", escaped(uri)) == [value_sets[uri]]


def test_an_escaped_comma_and_one_that_separates_stand_side_by_side(patients: dict[str, str], search: Search) -> None:
    one, other = VALUES["comma"], VALUES["backslash at the end"]
    shown = search("Patient", "family:exact", f"{escaped(one)},{escaped(other)}")
    assert sorted(shown) == sorted([patients[one], patients[other]])


@pytest.fixture(scope="module")
def spellings(client: httpx.Client) -> dict[str, str]:
    """One name as it may be written."""
    written = ["Lefèvre", "Lefe\u0300vre", "LEFÈVRE", "lefevre", "Lefevre-Roux", "Le Fevre"]
    return {one: created(client, a_patient(one)) for one in written}


@pytest.mark.parametrize("asked", ["Lefèvre", "lefevre", "LEFEVRE", "Lefe\u0300vre", "lefé"])
def test_a_string_is_found_by_its_start_whatever_its_case_and_accents(
    spellings: dict[str, str], search: Search, asked: str
) -> None:
    expected = [one for spelling, one in spellings.items() if spelling != "Le Fevre"]
    assert sorted(search("Patient", "family", asked)) == sorted(expected)


@pytest.mark.parametrize("asked", ["Lefèvre", "Lefe\u0300vre", "LEFÈVRE", "lefevre", "Lefevre", "Lef"])
def test_exact_folds_nothing(spellings: dict[str, str], search: Search, asked: str) -> None:
    assert search("Patient", "family:exact", asked) == [one for s, one in spellings.items() if s == asked]


MAIDEN_NAME = "http://hl7.org/fhir/StructureDefinition/patient-extensions-Patient-mothersMaidenName"
"""As the parameter's own expression has it. https://hl7.org/fhir/R4/patient-mothersmaidenname.html."""
WIDE = "𝓩𠮷😀"
STRINGS = {
    "name": {"name": [{"text": WIDE}]},
    "family": {"name": [{"family": WIDE}]},
    "given": {"name": [{"given": [WIDE]}]},
    "phonetic": {"name": [{"family": WIDE}]},
    "address": {"address": [{"text": WIDE}]},
    "address-city": {"address": [{"city": WIDE}]},
    "address-country": {"address": [{"country": WIDE}]},
    "address-postalcode": {"address": [{"postalCode": WIDE}]},
    "address-state": {"address": [{"state": WIDE}]},
    "mothersMaidenName": {"extension": [{"url": MAIDEN_NAME, "valueString": WIDE}]},
}


@pytest.mark.parametrize(("name", "elements"), STRINGS.items(), ids=STRINGS)
def test_characters_of_four_bytes_are_found_in_every_string_parameter(
    client: httpx.Client, search: Search, name: str, elements: Json
) -> None:
    patient_id = created(client, {"resourceType": "Patient", **elements})
    other = created(client, {"resourceType": "Patient", "name": [{"text": "𝓩𠮶"}]})
    for asked in (name, f"{name}:exact", f"{name}:contains"):
        shown = search("Patient", asked, WIDE)
        assert patient_id in shown
        assert other not in shown
    assert patient_id in search("Patient", f"{name}:contains", WIDE[1:])
    assert patient_id in search("Patient", name, WIDE[:1])


def test_every_string_parameter_of_patient_is_among_them(client: httpx.Client) -> None:
    stated = client.get("/metadata").json()["rest"][0]["resource"]
    [patient] = [one for one in stated if one["type"] == "Patient"]
    strings = {one["name"] for one in patient["searchParam"] if one["type"] == "string"}
    assert {one for one in strings if not one.startswith("_")} == STRINGS.keys()


NO_TEXT = ["%00", "a%00b", "%ED%A0%80", "%ED%BF%BF", "%ED%A0%BD%ED%B8%80", "%C0%80", "%FF", "%E2%82", "%F8%88%80%80%80"]
NAMES = ["family", "family:exact", "family:contains", "identifier", "birthdate", "organization", "_id", "_sort"]
NAMES += ["_profile", "_filter", "_tag", "organization.name", "_has:Observation:subject:code", "_count", "_include"]


@pytest.mark.parametrize("value", NO_TEXT)
def test_what_is_no_text_is_refused_wherever_it_stands(client: httpx.Client, galenic: Galenic, value: str) -> None:
    for name in NAMES:
        query = f"{name}={value}"
        got = ask(galenic, f"GET /fhir/Patient?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert 400 <= got.status < 500, (query, got.body[:300])
        assert got.headers["content-type"] == FHIR_JSON
        refused(client.post("/Patient/_search", content=query, headers=FORM), 400)
        refused(client.get(f"/Patient?{value}={name}"), 400)
        refused(client.get(f"/Patient?family:{value}={name}"), 400)
