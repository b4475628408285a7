"""What a search of a type answers with, and how values are put together."""

import httpx
import pytest

from tests.acceptance.outcomes import VALIDATOR
from tests.acceptance.searches import Json, found, searched
from tests.builders.resources import SYSTEM, a_medication_request, a_patient, an_identifier, an_observation, token
from tests.running.galenic import Galenic


@pytest.fixture(scope="module")
def patients(client: httpx.Client) -> list[Json]:
    """Seven Patients; the first three share an identifier besides their own."""
    shared = an_identifier()
    made = []
    for number in range(7):
        identifiers = [an_identifier(), *([shared] if number < 3 else [])]
        body = a_patient(f"Number {number}", identifier=identifiers, active=number % 2 == 0)
        made.append(client.post("/Patient", json=body).json())
    return made


def ids(patients: list[Json]) -> list[str]:
    return sorted(patient["id"] for patient in patients)


def test_a_search_is_a_valid_searchset_of_what_is_stored(
    client: httpx.Client, galenic: Galenic, patients: list[Json]
) -> None:
    bundle = searched(client, "/Patient", [("identifier", token(patients[0]["identifier"][0]))])
    [entry] = bundle["entry"]
    assert VALIDATOR.validate(bundle) == []
    assert bundle["type"] == "searchset"
    assert entry["fullUrl"] == f"{galenic.base_url}/Patient/{patients[0]['id']}"
    assert entry["resource"] == patients[0]
    assert entry["search"] == {"mode": "match"}


def test_an_identifier_is_found_by_its_system_and_value(client: httpx.Client, patients: list[Json]) -> None:
    value = patients[0]["identifier"][1]["value"]
    three = ids(patients[:3])
    assert sorted(found(client, "/Patient", ("identifier", f"{SYSTEM}|{value}"))) == three
    assert sorted(found(client, "/Patient", ("identifier", value))) == three
    assert found(client, "/Patient", ("identifier", f"|{value}")) == []
    assert found(client, "/Patient", ("identifier", f"http://example.org/other|{value}")) == []
    assert found(client, "/Patient", ("identifier", value[:-1])) == []
    assert sorted(found(client, "/Patient", ("identifier", f"{SYSTEM}|"))) == ids(patients)


def test_commas_are_or_and_parameters_are_and(client: httpx.Client, patients: list[Json]) -> None:
    first, second = (token(patient["identifier"][0]) for patient in patients[:2])
    shared = token(patients[0]["identifier"][1])
    assert sorted(found(client, "/Patient", ("identifier", f"{first},{second}"))) == ids(patients[:2])
    assert found(client, "/Patient", ("identifier", first), ("identifier", second)) == []
    assert found(client, "/Patient", ("identifier", first), ("identifier", shared)) == [patients[0]["id"]]
    active = found(client, "/Patient", ("identifier", shared), ("active", "true"))
    assert sorted(active) == ids([patients[0], patients[2]])


def test_a_status_that_is_asked_for_twice_is_found_once(client: httpx.Client) -> None:
    patient = client.post("/Patient", json=a_patient("Twice")).json()
    order = client.post("/MedicationRequest", json=a_medication_request(f"Patient/{patient['id']}")).json()
    for status in ("|active,active", "active,|active,completed"):
        assert found(client, "/MedicationRequest", ("status", status)).count(order["id"]) == 1


def test_a_reference_is_found_by_id_type_and_url(client: httpx.Client, galenic: Galenic, patients: list[Json]) -> None:
    patient_id = patients[0]["id"]
    subject = f"Patient/{patient_id}"
    request_id = client.post("/MedicationRequest", json=a_medication_request(subject)).json()["id"]
    for value in (subject, patient_id, f"{galenic.base_url}/{subject}"):
        assert found(client, "/MedicationRequest", ("subject", value)) == [request_id]
    assert found(client, "/MedicationRequest", ("subject:Patient", patient_id)) == [request_id]
    assert found(client, "/MedicationRequest", ("subject", f"Group/{patient_id}")) == []
    assert found(client, "/MedicationRequest", ("subject", f"http://example.org/{subject}")) == []


def test_ids_are_a_list_and_several_of_them_are_and(client: httpx.Client, patients: list[Json]) -> None:
    one, two, three = (patient["id"] for patient in patients[:3])
    assert sorted(found(client, "/Patient", ("_id", f"{one},{two},nobody"))) == sorted([one, two])
    assert found(client, "/Patient", ("_id", f"{one},{two}"), ("_id", f"{two},{three}")) == [two]
    assert found(client, "/Practitioner", ("_id", one)) == []


@pytest.mark.parametrize("version", ["", "|1.0"])
def test_a_canonical_of_this_server_is_found_with_its_version_and_without(
    client: httpx.Client, galenic: Galenic, version: str
) -> None:
    body = {"resourceType": "Questionnaire", "status": "active", "title": "Pain"}
    made = client.post("/Questionnaire", json=body).json()["id"]
    url = f"{galenic.base_url}/Questionnaire/{made}"
    answered = {"resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": url + version}
    response = client.post("/QuestionnaireResponse", json=answered).json()["id"]
    for value in (url, url + version, f"Questionnaire/{made}", made):
        assert found(client, "/QuestionnaireResponse", ("questionnaire", value)) == [response], value
    chained = (("questionnaire.title", "pain"), ("_id", response))
    assert found(client, "/QuestionnaireResponse", *chained) == [response]


def test_a_timing_that_names_no_date_is_a_missing_date(client: httpx.Client) -> None:
    """ "Twice a day" is no value of a date; one with bounds is."""
    repeat = {"frequency": 2, "period": 1, "periodUnit": "d"}
    bounds = {"boundsPeriod": {"start": "2026-11-02"}}
    undated, dated = (
        client.post("/Observation", json=an_observation(effectiveTiming={"repeat": one})).json()["id"]
        for one in (repeat, repeat | bounds)
    )
    asked = ("_id", f"{undated},{dated}")
    assert found(client, "/Observation", asked, ("date:missing", "true")) == [undated]
    assert found(client, "/Observation", asked, ("date:missing", "false")) == [dated]


def test_a_composite_asks_what_its_own_part_selects(client: httpx.Client) -> None:
    """`value-string` finds the text of a concept; the part of `code-value-string` is the string alone."""
    code = {"coding": [{"system": SYSTEM, "code": "shape"}]}
    text, concept = (
        client.post("/Observation", json=an_observation(code=code, **value)).json()["id"]
        for value in ({"valueString": "Oval"}, {"valueCodeableConcept": {"text": "Oval"}})
    )
    asked = ("_id", f"{text},{concept}")
    assert sorted(found(client, "/Observation", asked, ("value-string", "oval"))) == sorted([text, concept])
    assert found(client, "/Observation", asked, ("code-value-string", f"{SYSTEM}|shape$oval")) == [text]
