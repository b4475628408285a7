"""Search parameters beyond R4's own: by which expressions they find, and what is refused.

https://hl7.org/fhir/R4/searchparameter.html
"""

from collections.abc import Iterator

import pytest

from tests.acceptance.outcomes import VALIDATOR, diagnostics, refused
from tests.builders.resources import a_medication_request, a_patient, a_practitioner
from tests.conftest import Cluster
from tests.running.galenic import Galenic, running
from tests.running.reindexing import a_search_parameter, await_answer, begin, ids, reindexed

EYES = "http://example.org/eyes"
SEEN = "http://example.org/seen"
NICKNAME = "http://example.org/nickname"
DOCTOR = "http://example.org/doctor"
DOSE = "http://example.org/dose"
DETAIL = "http://example.org/detail"


@pytest.fixture(scope="module")
def galenic(cluster: Cluster) -> Iterator[Galenic]:
    """With a worker, which indexes what was stored before."""
    cluster.execute("CREATE DATABASE custom_parameters TEMPLATE galenic")
    with running(cluster.database("custom_parameters").app_url) as server:
        yield server
    cluster.execute("DROP DATABASE custom_parameters WITH (FORCE)")


def value_of(url):
    return f"Patient.extension.where(url='{url}').value"


DECLARED = [
    a_search_parameter("eyes", "token", value_of(EYES)),
    a_search_parameter("eyes-whole", "token", f"Patient.extension('{EYES}')"),
    a_search_parameter("seen", "date", f"Patient.extension('{SEEN}').value"),
    a_search_parameter("seen-cast", "date", f"({value_of(SEEN)} as date)"),
    a_search_parameter("nickname", "string", value_of(NICKNAME)),
    a_search_parameter("nickname-whole", "string", f"Patient.extension('{NICKNAME}')"),
    a_search_parameter("doctor", "reference", value_of(DOCTOR), target=["Practitioner"]),
    a_search_parameter("doctor-whole", "reference", f"Patient.extension('{DOCTOR}')", target=["Practitioner"]),
    a_search_parameter("dose", "quantity", f"{value_of(DOSE)}.ofType(Quantity)"),
    a_search_parameter("dose-whole", "quantity", f"Patient.extension('{DOSE}')"),
    a_search_parameter("detail", "token", f"Patient.extension('{DETAIL}').extension('code').value"),
    a_search_parameter("contact-family", "string", "Patient.contact.name.family"),
    a_search_parameter("children", "number", "Patient.multipleBirth.ofType(integer)"),
    a_search_parameter("made-by", "uri", "Resource.meta.source", base=["Resource"]),
    a_search_parameter(
        "tongue",
        "token",
        "Patient.communication.language | Practitioner.communication",
        base=["Patient", "Practitioner"],
    ),
]
LEFT_OUT = [
    ("R4 has a parameter 'name' of Patient", a_search_parameter("name", "string", "Patient.name.family")),
    ("another SearchParameter is 'eyes' of Patient", a_search_parameter("eyes", "token", "Patient.active")),
    ("Patient has no such element", a_search_parameter("nothing", "token", "Patient.nothing")),
    ("cannot be used on Patient", a_search_parameter("broken", "token", "Patient.name.where(")),
    ("not one of the functions", a_search_parameter("starting", "token", "Patient.name.where(family.startsWith('x'))")),
    ("parameters of type 'special'", a_search_parameter("near-me", "special", "Patient.address")),
    ("its code has to be", a_search_parameter("_count", "token", "Patient.active")),
    ("its code has to be", a_search_parameter("a.b", "token", "Patient.active")),
    ("has no such element", a_search_parameter("both", "token", "Patient.active", base=["Patient", "Practitioner"])),
    ("branch over more than 2000 types", a_search_parameter("wide", "token", "Patient" + ".extension.value" * 4)),
    (
        "the second no composite",
        a_search_parameter(
            "doubled",
            "composite",
            "Observation.component",
            base=["Observation"],
            component=[
                {"definition": f"http://hl7.org/fhir/SearchParameter/{part}", "expression": "code"}
                for part in ("clinical-code", "Observation-code-value-quantity")
            ],
        ),
    ),
    ("longer than 4000 characters", a_search_parameter("long", "token", "Patient.active" + " " * 4_000)),
]
UNSAID = [
    a_search_parameter("drafted", "token", "Patient.active", status="draft"),
    a_search_parameter("gone-by", "token", "Patient.active", status="retired"),
    a_search_parameter(
        "family", "string", "Patient.name.family", url="http://hl7.org/fhir/SearchParameter/individual-family"
    ),
]


def extended(**values):
    """A Patient with one extension a URL; the names are value[x] properties of the pairs."""
    return a_patient(extension=[{"url": url, **value} for url, value in values.values()])


@pytest.fixture(scope="module")
def doctor(client):
    return client.post("/Practitioner", json=a_practitioner("Eye", communication=[{"text": "German"}])).json()["id"]


@pytest.fixture(scope="module")
def patient(client, doctor):
    """Stored before any of the parameters is known."""
    values = {
        "eyes": (EYES, {"valueCodeableConcept": {"coding": [{"system": EYES, "code": "green"}]}}),
        "seen": (SEEN, {"valueDate": "2024-02-29"}),
        "nickname": (NICKNAME, {"valueString": "Gréta"}),
        "doctor": (DOCTOR, {"valueReference": {"reference": f"Practitioner/{doctor}"}}),
        "dose": (DOSE, {"valueQuantity": {"value": 5.4, "system": "http://unitsofmeasure.org", "code": "mg"}}),
        "detail": (DETAIL, {"extension": [{"url": "code", "valueCode": "inner"}]}),
    }
    body = extended(**values) | {
        "contact": [{"name": {"family": "Zeller"}}],
        "multipleBirthInteger": 3,
        "meta": {"source": "http://example.org/makers/1"},
        "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "gsw"}]}}],
    }
    return client.post("/Patient", json=body).json()["id"]


@pytest.fixture(scope="module")
def others(client):
    """Patients the parameters must not find, with other values and with none."""
    other = extended(
        eyes=(EYES, {"valueCodeableConcept": {"coding": [{"system": EYES, "code": "blue"}]}}),
        seen=(SEEN, {"valueDate": "2023-01-01"}),
        dose=(DOSE, {"valueQuantity": {"value": 99, "system": "http://unitsofmeasure.org", "code": "mg"}}),
    )
    return [client.post("/Patient", json=body).json()["id"] for body in (other, a_patient())]


@pytest.fixture(scope="module")
def said(client, patient, others):
    """What $reindex said of all of them; before it each was unknown."""
    refused(client.get("/Patient", params={"eyes": "green"}), 400)
    for body in [*DECLARED, *UNSAID]:
        assert client.post("/SearchParameter", json=body).status_code == 201, body
    left_out = [client.post("/SearchParameter", json=body).json()["id"] for _, body in LEFT_OUT]
    refused(client.get("/Patient", params={"eyes": "green"}), 400)
    response = client.post("/$reindex")
    assert reindexed(client)["state"] == "done"
    return response, left_out


FOUND = [
    ("eyes", "green"),
    ("eyes", f"{EYES}|green"),
    ("eyes-whole", f"{EYES}|green"),
    ("seen", "2024-02-29"),
    ("seen", "gt2024-02-28"),
    ("seen-cast", "2024-02"),
    ("nickname", "gre"),
    ("nickname:exact", "Gréta"),
    ("nickname-whole:contains", "ret"),
    ("dose", "5.4|http://unitsofmeasure.org|mg"),
    ("dose", "lt0.01|http://unitsofmeasure.org|g"),
    ("dose-whole", "5.4"),
    ("detail", "inner"),
    ("contact-family", "zell"),
    ("children", "3"),
    ("made-by", "http://example.org/makers/1"),
    ("tongue", "gsw"),
    ("eyes:not", "blue,brown"),
    ("nickname:missing", "false"),
]


@pytest.mark.parametrize(("name", "value"), FOUND)
def test_what_was_stored_before_is_found_by_the_new_parameter(client, said, patient, others, name, value):
    found = ids(client.get("/Patient", params={name: value}))
    assert patient in found
    assert others[0] not in found


def test_references_in_extensions_are_found_chained_and_included(client, said, patient, doctor):
    assert ids(client.get("/Patient", params={"doctor": f"Practitioner/{doctor}"})) == [patient]
    assert ids(client.get("/Patient", params={"doctor-whole": doctor})) == [patient]
    assert ids(client.get("/Patient", params={"doctor.family": "eye"})) == [patient]
    assert ids(client.get("/Practitioner", params={"_has:Patient:doctor:eyes": "green"})) == [doctor]
    entries = client.get("/Patient", params={"eyes": "green", "_include": "Patient:doctor"}).json()["entry"]
    assert [(e["resource"]["id"], e["search"]["mode"]) for e in entries] == [(patient, "match"), (doctor, "include")]
    entries = client.get("/Practitioner", params={"_id": doctor, "_revinclude": "Patient:doctor"}).json()["entry"]
    assert [e["resource"]["id"] for e in entries] == [doctor, patient]


def test_pages_are_sorted_by_it(client, said, patient, others):
    with_date = {"seen:missing": "false"}
    assert ids(client.get("/Patient", params={**with_date, "_sort": "seen"})) == [others[0], patient]
    assert ids(client.get("/Patient", params={**with_date, "_sort": "-seen"})) == [patient, others[0]]
    assert ids(client.get("/Patient", params={**with_date, "_sort": "-eyes"})) == [patient, others[0]]


def test_a_parameter_of_all_types_is_searched_across_types(client, said, patient):
    assert ids(client.get("/", params={"made-by": "http://example.org/makers/1"})) == [patient]


def test_a_parameter_of_two_types_reads_each_by_its_own_alternative(client, said, doctor):
    assert ids(client.get("/Practitioner", params={"tongue:text": "german"})) == [doctor]
    refused(client.get("/MedicationRequest", params={"tongue": "gsw"}), 400)


def test_conditions_decide_by_it(client, said, patient):
    body = a_patient("Else")
    again = client.post("/Patient", json=body, headers={"If-None-Exist": "nickname:exact=Gréta".encode()})
    assert (again.status_code, again.json()["id"]) == (200, patient)


def test_it_stands_in_the_capability_statement(client, said):
    patient_ = next(r for r in client.get("/metadata").json()["rest"][0]["resource"] if r["type"] == "Patient")
    declared = {p["name"]: (p["type"], p["definition"]) for p in patient_["searchParam"]}
    for body in DECLARED:
        assert declared[body["code"]] == (body["type"], body["url"])
    assert "Patient:doctor" in patient_["searchInclude"]
    assert {"name", "birthdate"} < set(declared)
    assert not {"nothing", "drafted", "gone-by"} & set(declared)


def test_the_statement_names_the_operations(client):
    operations = client.get("/metadata").json()["rest"][0]["operation"]
    assert {one["name"] for one in operations} == {"convert", "process-message", "reindex", "job-status"}


def test_every_one_left_out_is_named_with_the_reason(said):
    response, left_out = said
    outcome = response.json()
    assert VALIDATOR.validate(outcome) == []
    told = [issue["diagnostics"] for issue in outcome["issue"] if issue["severity"] == "warning"]
    assert len(told) == len(LEFT_OUT)
    for (reason, _), one in zip(LEFT_OUT, left_out, strict=True):
        assert any(f"SearchParameter/{one} " in text and reason in text for text in told), (reason, told)


def test_drafts_and_r4_s_own_are_not_complained_of(said):
    text = diagnostics(said[0].json())
    assert "1 are R4's own" in text
    assert f"{len(DECLARED)} SearchParameters beyond" in text


@pytest.mark.parametrize(("_", "body"), LEFT_OUT, ids=[body["code"] for _, body in LEFT_OUT])
def test_what_was_left_out_stays_unknown_or_keeps_its_meaning(client, said, _, body):
    if body["code"] not in ("name", "eyes", "_count"):
        refused(client.get("/Patient", params={body["code"]: "true"}), 400)
    assert ids(client.get("/Patient", params={"name": "Chalmers", "_count": "1"}))


def test_an_added_parameter_of_another_type_does_not_leak(client, said):
    client.post("/MedicationRequest", json=a_medication_request())
    refused(client.get("/MedicationRequest", params={"eyes": "green"}), 400)


def test_a_new_definition_replaces_the_old_and_a_retired_one_is_unknown_again(client, said, patient):
    body = client.post(
        "/SearchParameter", json=a_search_parameter("changing", "string", "Patient.contact.name.family")
    ).json()
    reindexed(client)
    assert ids(client.get("/Patient", params={"changing": "zeller"})) == [patient]
    client.put(f"/SearchParameter/{body['id']}", json=body | {"expression": value_of(NICKNAME)})
    assert ids(client.get("/Patient", params={"changing": "zeller"})) == [patient], "until it is re-indexed"
    reindexed(client)
    assert ids(client.get("/Patient", params={"changing": "zeller"})) == []
    assert ids(client.get("/Patient", params={"changing": "greta"})) == [patient]
    client.put(f"/SearchParameter/{body['id']}", json=body | {"status": "retired"})
    reindexed(client)
    refused(client.get("/Patient", params={"changing": "greta"}), 400)
    assert ids(client.get("/Patient", params={"eyes": "green"})) == [patient], "the others stay"


def test_a_deleted_one_is_unknown_again_and_no_longer_declared(client, said):
    made = client.post("/SearchParameter", json=a_search_parameter("passing", "token", "Patient.active")).json()["id"]
    reindexed(client)
    assert client.get("/Patient", params={"passing": "true"}).status_code == 200
    client.delete(f"/SearchParameter/{made}")
    begin(client)
    await_answer(client, "/Patient?passing=true", 400)
    assert '"passing"' not in client.get("/metadata").text
