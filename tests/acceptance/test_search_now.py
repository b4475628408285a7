"""Search as far as it goes now: tokens, references, uris and _id; everything else is refused by name."""

import pytest

from tests.acceptance.outcomes import VALIDATOR, diagnostics, refused
from tests.builders.resources import SYSTEM, a_medication_request, a_patient, an_identifier, token


@pytest.fixture(scope="module")
def patients(client):
    """Seven Patients; the first three share an identifier besides their own."""
    shared = an_identifier()
    made = []
    for number in range(7):
        identifiers = [an_identifier(), *([shared] if number < 3 else [])]
        body = a_patient(f"Number {number}", identifier=identifiers, active=number % 2 == 0)
        made.append(client.post("/Patient", json=body).json())
    return made


def found(client, url, **parameters):
    response = client.get(url, params=parameters)
    assert response.status_code == 200, response.text
    return [e["resource"]["id"] for e in response.json().get("entry", []) if e["search"]["mode"] == "match"]


def link(bundle, relation):
    return next((one["url"] for one in bundle["link"] if one["relation"] == relation), None)


def ids(patients):
    return sorted(patient["id"] for patient in patients)


def test_a_search_is_a_valid_searchset_of_what_is_stored(client, galenic, patients):
    own = token(patients[0]["identifier"][0])
    bundle = client.get("/Patient", params={"identifier": own}).json()
    [entry] = bundle["entry"]
    assert VALIDATOR.validate(bundle) == []
    assert bundle["type"] == "searchset"
    assert entry["fullUrl"] == f"{galenic.base_url}/Patient/{patients[0]['id']}"
    assert entry["resource"] == patients[0]
    assert entry["search"] == {"mode": "match"}


def test_an_identifier_is_found_by_its_system_and_value(client, patients):
    value = patients[0]["identifier"][1]["value"]
    three = ids(patients[:3])
    assert sorted(found(client, "/Patient", identifier=f"{SYSTEM}|{value}")) == three
    assert sorted(found(client, "/Patient", identifier=value)) == three
    assert found(client, "/Patient", identifier=f"|{value}") == []
    assert found(client, "/Patient", identifier=f"http://example.org/other|{value}") == []
    assert found(client, "/Patient", identifier=value[:-1]) == []
    assert sorted(found(client, "/Patient", identifier=f"{SYSTEM}|")) == ids(patients)


def test_commas_are_or_and_parameters_are_and(client, patients):
    first, second = (token(patient["identifier"][0]) for patient in patients[:2])
    assert sorted(found(client, "/Patient", identifier=f"{first},{second}")) == ids(patients[:2])
    assert found(client, "/Patient", identifier=[first, second]) == []
    shared = token(patients[0]["identifier"][1])
    assert found(client, "/Patient", identifier=[first, shared]) == [patients[0]["id"]]
    assert sorted(found(client, "/Patient", identifier=shared, active="true")) == ids([patients[0], patients[2]])


@pytest.mark.parametrize("value", ["a,b", "a|b", "a$b", "a\\b", "Ünïcode \N{PILL}", "%20", "a+b", "'; DROP TABLE x;--"])
def test_every_character_of_a_value_can_be_searched(client, value):
    patient_id = client.post("/Patient", json=a_patient(identifier=[an_identifier(value)])).json()["id"]
    escaped = value.replace("\\", "\\\\").replace(",", "\\,").replace("|", "\\|").replace("$", "\\$")
    assert found(client, "/Patient", identifier=f"{SYSTEM}|{escaped}") == [patient_id]


def test_a_reference_is_found_by_id_type_and_url(client, galenic, patients):
    subject = f"Patient/{patients[0]['id']}"
    request_id = client.post("/MedicationRequest", json=a_medication_request(subject)).json()["id"]
    for value in (subject, patients[0]["id"], f"{galenic.base_url}/{subject}"):
        assert found(client, "/MedicationRequest", subject=value) == [request_id]
    assert found(client, "/MedicationRequest", **{"subject:Patient": patients[0]["id"]}) == [request_id]
    assert found(client, "/MedicationRequest", subject=f"Group/{patients[0]['id']}") == []
    assert found(client, "/MedicationRequest", subject=f"http://example.org/{subject}") == []


def test_ids_are_a_list_and_several_of_them_are_and(client, patients):
    one, two, three = (patient["id"] for patient in patients[:3])
    assert sorted(found(client, "/Patient", _id=f"{one},{two},nobody")) == sorted([one, two])
    assert found(client, "/Patient", _id=[f"{one},{two}", f"{two},{three}"]) == [two]
    assert found(client, "/Practitioner", _id=one) == []


def test_a_post_finds_what_a_get_finds(client, patients):
    shared = token(patients[0]["identifier"][1])
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    response = client.post("/Patient/_search", data={"identifier": shared}, headers=form)
    assert sorted(e["resource"]["id"] for e in response.json()["entry"]) == ids(patients[:3])
    narrowed = client.post("/Patient/_search", params={"active": "false"}, data={"identifier": shared}, headers=form)
    assert [e["resource"]["id"] for e in narrowed.json()["entry"]] == [patients[1]["id"]]


FORMS = {
    "JSON": (b"{}", "application/json", 415),
    "no text": (b"identifier=%ff", "application/x-www-form-urlencoded", 400),
    "bytes": (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
    "an unknown parameter": (b"shoe-size=44", "application/x-www-form-urlencoded", 400),
    "too many parameters": (b"&".join([b"_id=1"] * 1_000_000), "application/x-www-form-urlencoded", 403),
}


@pytest.mark.parametrize(("content", "media_type", "status"), FORMS.values(), ids=FORMS)
def test_a_form_that_is_none_is_refused(client, content, media_type, status):
    refused(client.post("/Patient/_search", content=content, headers={"Content-Type": media_type}), status)


@pytest.mark.parametrize("count", [1, 2, 3, 100])
def test_pages_together_are_the_whole_answer_without_repeats(client, patients, count):
    bundle = client.get("/Patient", params={"identifier": f"{SYSTEM}|", "_count": count}).json()
    pages = [bundle]
    while following := link(bundle, "next"):
        bundle = client.get(following).json()
        pages.append(bundle)
    shown = [entry["resource"]["id"] for page in pages for entry in page.get("entry", [])]
    assert len(shown) == len(set(shown))
    assert set(shown) >= set(ids(patients))
    assert all(len(page["entry"]) == count for page in pages[:-1])


def test_self_says_what_was_applied(client, galenic):
    url = link(client.get("/Patient", params={"identifier": "x", "_count": "3", "_foo": "1"}).json(), "self")
    assert url.startswith(f"{galenic.base_url}/Patient?")
    assert "identifier=x" in url
    assert "_foo" not in url


def test_an_unknown_control_parameter_is_ignored_with_a_warning(client):
    bundle = client.get("/Patient", params={"_id": "nobody", "_totalMethod": "count"}).json()
    assert VALIDATOR.validate(bundle) == []
    [entry] = bundle["entry"]
    assert entry["search"]["mode"] == "outcome"
    assert entry["resource"]["issue"][0]["severity"] == "warning"
    assert "_totalMethod" in entry["resource"]["issue"][0]["diagnostics"]


def test_an_unknown_parameter_is_refused_unless_the_client_is_lenient(client):
    parameters = {"_id": "nobody", "shoe-size": "44"}
    assert "shoe-size" in diagnostics(refused(client.get("/Patient", params=parameters), 400))
    for prefer in ("handling=lenient", "return=minimal, handling=lenient"):
        bundle = client.get("/Patient", params=parameters, headers={"Prefer": prefer}).json()
        assert [entry["search"]["mode"] for entry in bundle["entry"]] == ["outcome"]
    refused(client.get("/Patient", params=parameters, headers={"Prefer": "handling=strict"}), 400)


NOT_YET = ["birthdate=1974", "name=x", "general-practitioner.name=x", "identifier:not=x", "identifier:missing=true"]


@pytest.mark.parametrize("query", NOT_YET)
def test_what_is_not_supported_yet_is_refused_by_name_even_if_lenient(client, query):
    name = query.partition("=")[0].partition(":")[0].partition(".")[0]
    for prefer in ("handling=strict", "handling=lenient"):
        outcome = refused(client.get(f"/Patient?{query}", headers={"Prefer": prefer}), 400)
        assert name in diagnostics(outcome) or query.partition(":")[2].partition("=")[0] in diagnostics(outcome)


def test_a_cursor_of_another_search_is_refused(client, patients):
    bundle = client.get("/Patient", params={"identifier": f"{SYSTEM}|", "_count": 1}).json()
    cursor = link(bundle, "next").partition("_cursor=")[2]
    refused(client.get(f"/Patient?active=true&_count=1&_cursor={cursor}"), 400)
    refused(client.get(f"/Practitioner?identifier={SYSTEM}%7C&_count=1&_cursor={cursor}"), 400)
    refused(client.get(f"/Patient?identifier={SYSTEM}%7C&_count=1&_cursor={cursor[:-2]}"), 400)
