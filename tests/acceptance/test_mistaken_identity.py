"""Two things are one only if R4 says so: keys, conditions, links and ids that look alike."""

import pytest

from tests.acceptance.outcomes import refused
from tests.builders.bundles import a_post, a_transaction, an_entry
from tests.builders.resources import a_patient


def with_identifier(system, value, family="Example"):
    return a_patient(family, identifier=[{"system": system, "value": value}])


def test_a_bar_in_a_system_or_a_value_does_not_make_two_identifiers_one(client):
    client.post("/Patient", json=with_identifier("urn:amb|1", "2"))
    headers = {"If-None-Exist": "identifier=urn:amb|1\\|2"}
    assert client.post("/Patient", json=with_identifier("urn:amb", "1|2"), headers=headers).status_code == 201


def test_a_star_is_a_system_like_any_other(client):
    client.post("/Patient", json=with_identifier("urn:any", "star"))
    headers = {"If-None-Exist": "identifier=*|star"}
    assert client.post("/Patient", json=with_identifier("*", "star"), headers=headers).status_code == 201


def test_commas_in_values_do_not_make_two_conditions_one(client):
    entries = [
        a_post(with_identifier("y", "1", "One"), ifNoneExist="identifier=y|1,y|2"),
        a_post(with_identifier("y", "1,y|2", "Two"), ifNoneExist="identifier=y|1\\,y\\|2"),
    ]
    answer = client.post("", json=a_transaction(*entries)).json()
    assert [entry["response"]["status"] for entry in answer["entry"]] == ["201", "201"]


def test_a_conditional_create_finds_what_the_same_transaction_creates(client):
    plain = a_post(with_identifier("urn:both", "1"))
    conditional = a_post(with_identifier("urn:both", "1"), ifNoneExist="identifier=urn:both|1")
    answer = client.post("", json=a_transaction(conditional, plain)).json()
    assert [entry["response"]["status"] for entry in answer["entry"]] == ["200", "201"]
    assert answer["entry"][0]["response"]["location"] == answer["entry"][1]["response"]["location"]


def test_two_conditional_updates_that_would_create_one_thing_twice_are_refused(client):
    put = an_entry("PUT", "Patient?identifier=urn:twice|1", with_identifier("urn:twice", "1"))
    refused(client.post("", json=a_transaction(put, put)), 400)
    create = a_post(with_identifier("urn:twice", "1"), ifNoneExist="identifier=urn:twice|1")
    refused(client.post("", json=a_transaction(create, put)), 400)
    assert "entry" not in client.get("/Patient", params={"identifier": "urn:twice|1"}).json()


def a_basic(reference, **more):
    return {"resourceType": "Basic", "code": {"text": "note"}, "subject": {"reference": reference}, **more}


def subject_of(client, entry):
    location = entry["response"]["location"].partition("/_history/")[0]
    return client.get(location).json()["subject"]["reference"]


def key_of(entry):
    return "/".join(entry["response"]["location"].split("/")[-4:-2])


def test_a_relative_link_is_read_against_the_base_of_its_own_entry(client):
    entries = [
        a_post(a_patient("A"), full_url="http://a.example/fhir/Patient/1"),
        a_post(a_patient("B"), full_url="http://b.example/fhir/Patient/1"),
        a_post(a_basic("Patient/1"), full_url="http://a.example/fhir/Basic/9"),
    ]
    answer = client.post("", json=a_transaction(*entries)).json()["entry"]
    assert subject_of(client, answer[2]) == key_of(answer[0])


def test_a_relative_link_of_an_entry_without_a_base_means_this_server(client):
    client.put("/Patient/local7", json=a_patient(id="local7"))
    entries = [
        a_post(a_patient("Foreign"), full_url="http://a.example/fhir/Patient/local7"),
        a_post(a_basic("Patient/local7")),
    ]
    answer = client.post("", json=a_transaction(*entries)).json()["entry"]
    assert subject_of(client, answer[1]) == "Patient/local7"


@pytest.mark.parametrize("tail", ["x" * 3000, "A1#x", "a b", "é"])
def test_what_is_no_id_is_stored_and_is_nobodys_compartment(client, tail):
    answer = client.post("/Basic", json=a_basic(f"Patient/{tail}"))
    assert answer.status_code == 201


def test_a_bundle_that_is_stored_keeps_the_links_of_its_own_entries(client):
    urn = "urn:uuid:5c4e2f0e-3f0b-4f0c-9d55-0c5e6a9a0001"
    inner = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"fullUrl": urn, "resource": a_patient()},
            {"fullUrl": "http://c.example/fhir/Basic/b", "resource": a_basic("Patient/in1")},
        ],
    }
    answer = client.post("", json=a_transaction(a_post(a_patient(), full_url=urn), a_post(inner)))
    assert answer.status_code == 200
    location = answer.json()["entry"][1]["response"]["location"]
    stored = client.get(location).json()
    assert stored["entry"] == inner["entry"]


def test_a_conditional_update_that_matches_may_refer_to_itself(client):
    known = client.post("/Patient", json=with_identifier("urn:self", "1")).json()["id"]
    urn = "urn:uuid:5c4e2f0e-3f0b-4f0c-9d55-0c5e6a9a0002"
    patient = with_identifier("urn:self", "1") | {"link": [{"other": {"reference": urn}, "type": "seealso"}]}
    entry = an_entry("PUT", "Patient?identifier=urn:self|1", patient, full_url=urn)
    assert client.post("", json=a_transaction(entry)).status_code == 200
    assert client.get(f"/Patient/{known}").json()["link"][0]["other"]["reference"] == f"Patient/{known}"


@pytest.mark.parametrize("name", ["_has:Observation", "_filter", "_sort", "_include", "_total", "_contained", "_query"])
def test_a_parameter_that_would_change_the_answer_is_not_ignored(client, name):
    refused(client.get("/Patient", params={name: "x"}), 400)


@pytest.mark.parametrize("criteria", ["identifier=x|1&_summary=true", "identifier=x|1&_count=1"])
def test_a_condition_has_search_parameters_only(client, criteria):
    answer = client.post("/Patient", json=a_patient(), headers={"If-None-Exist": criteria})
    refused(answer, 400)
    assert [issue["severity"] for issue in answer.json()["issue"]] == ["error"]
