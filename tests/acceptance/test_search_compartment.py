"""Searches in a compartment, across types, and of the members of a List.

https://hl7.org/fhir/R4/http.html#vsearch, https://hl7.org/fhir/R4/compartmentdefinition.html,
https://hl7.org/fhir/R4/search.html#list
"""

from dataclasses import dataclass

import httpx
import pytest

from tests.acceptance.outcomes import VALIDATOR, diagnostics, refused
from tests.acceptance.populations import put_all
from tests.acceptance.searches import FORM, Json, applied, keys, link, pages, searched
from tests.builders.resources import (
    a_medication_dispense,
    a_medication_request,
    a_patient,
    a_practitioner,
    an_observation,
    an_organization,
)
from tests.running.galenic import Galenic

Key = tuple[str, str]

TAG = {"system": "http://example.org/tags", "code": "wanted"}


@dataclass(frozen=True, slots=True)
class Ward:
    """Two patients with the same kinds of resources; `of` are the keys of what is in a patient's compartment."""

    of: dict[str, set[Key]]


def resources_of(patient: str, doctor: str) -> list[Json]:
    subject = {"reference": f"Patient/{patient}"}
    requester = {"reference": f"Practitioner/{doctor}"}
    tagged = {"meta": {"tag": [TAG]}}
    return [
        a_patient(id=patient, generalPractitioner=[requester], **tagged),
        a_medication_request(subject["reference"], id=f"{patient}-active", requester=requester),
        a_medication_request(subject["reference"], id=f"{patient}-stopped", status="stopped", **tagged),
        a_medication_dispense(id=f"{patient}-dispensed", subject=subject),
        an_observation(id=f"{patient}-observed", subject=subject, performer=[requester]),
        {"resourceType": "AllergyIntolerance", "id": f"{patient}-allergic", "patient": subject},
        {"resourceType": "Task", "id": f"{patient}-task", "status": "requested", "intent": "order", "for": subject},
    ]


@pytest.fixture(scope="module")
def ward(client: httpx.Client) -> Ward:
    outside = [
        a_practitioner(id="d1"),
        a_practitioner(id="d2"),
        an_organization(id="o1"),
        an_observation(id="of-nobody"),
        {"resourceType": "List", "id": "l1", "status": "current", "mode": "working", "entry": entries("a", "b")},
        {"resourceType": "List", "id": "l2", "status": "current", "mode": "working", "entry": []},
    ]
    of = {patient: resources_of(patient, f"d{n}") for n, patient in enumerate(("a", "b"), 1)}
    for one in (outside, *of.values()):
        assert len(list(put_all(client, [without_nothing(r) for r in one]))) == len(one)
    return Ward({patient: {(one["resourceType"], one["id"]) for one in found} for patient, found in of.items()})


def without_nothing(resource: Json) -> Json:
    return {name: value for name, value in resource.items() if value != []}


def entries(*patients: str) -> list[Json]:
    listed = [f"MedicationRequest/{one}-active" for one in patients]
    return [{"item": {"reference": reference}} for reference in [*listed, "Patient/a"]]


def of_type(found: set[Key], type_name: str) -> set[Key]:
    return {key for key in found if key[0] == type_name}


def all_keys(client: httpx.Client, url: str, *pairs: tuple[str, str]) -> list[Key]:
    return [key for page in pages(client, searched(client, url, pairs)) for key in keys(page)]


@pytest.mark.parametrize("patient", ["a", "b"])
@pytest.mark.parametrize("type_name", ["MedicationRequest", "Observation", "AllergyIntolerance", "Patient"])
def test_a_compartment_has_its_patients_resources_of_a_type(
    client: httpx.Client, ward: Ward, patient: str, type_name: str
) -> None:
    expected = of_type(ward.of[patient], type_name)
    shown = all_keys(client, f"/Patient/{patient}/{type_name}")
    assert expected
    assert sorted(shown) == sorted(expected)


def test_criteria_narrow_a_compartment(client: httpx.Client, ward: Ward) -> None:
    url = "/Patient/a/MedicationRequest"
    assert all_keys(client, url, ("status", "active")) == [("MedicationRequest", "a-active")]
    assert all_keys(client, url, ("requester:Practitioner._id", "d1")) == [("MedicationRequest", "a-active")]
    assert all_keys(client, url, ("subject", "Patient/b")) == []
    assert all_keys(client, url, ("_id", "b-active")) == []
    assert len(all_keys(client, url, ("_id:missing", "false"))) == 2


@pytest.mark.parametrize("count", ["2", "100"])
def test_a_whole_compartment_is_every_type(client: httpx.Client, ward: Ward, count: str) -> None:
    shown = all_keys(client, "/Patient/a/*", ("_count", count))
    assert sorted(shown) == sorted(ward.of["a"])


def test_a_whole_compartment_can_be_narrowed_by_what_all_types_have(client: httpx.Client, ward: Ward) -> None:
    assert set(all_keys(client, "/Patient/a/*", ("_tag", "wanted"))) == {
        ("Patient", "a"),
        ("MedicationRequest", "a-stopped"),
    }
    assert set(all_keys(client, "/Patient/a/*", ("_type", "Task,Observation"))) == {
        ("Task", "a-task"),
        ("Observation", "a-observed"),
    }
    refused(client.get("/Patient/a/*?status=active"), 400)


def test_links_and_post_stay_in_the_compartment(client: httpx.Client, galenic: Galenic, ward: Ward) -> None:
    response = client.post("/Patient/a/MedicationRequest/_search", data={"status": "active"}, headers=FORM)
    assert keys(response.json()) == [("MedicationRequest", "a-active")]
    assert applied(response.json()) == [("status", "active"), ("_count", "50")]
    response = client.post("/Patient/a/*/_search", data={"_count": "2", "_total": "accurate"}, headers=FORM)
    bundle = response.json()
    assert VALIDATOR.validate(bundle) == []
    assert bundle["total"] == len(ward.of["a"])
    for relation in ("self", "next"):
        assert link(bundle, relation).startswith(f"{galenic.base_url}/Patient/a/*?")
    assert {key for page in pages(client, bundle) for key in keys(page)} == ward.of["a"]


def test_the_link_of_one_compartment_does_not_lead_into_another(client: httpx.Client, ward: Ward) -> None:
    following = link(searched(client, "/Patient/a/*", [("_count", "2")]), "next")
    refused(client.get(following.replace("/Patient/a/", "/Patient/b/")), 400)


def test_the_compartment_of_an_unknown_patient_is_empty(client: httpx.Client, ward: Ward) -> None:
    """As that of one who is there and has nothing: whether a patient is there is not told this way."""
    for url in ("/Patient/nobody/*", "/Patient/nobody/MedicationRequest"):
        assert all_keys(client, url) == []


def test_other_compartments_are_those_of_the_specification(client: httpx.Client, ward: Ward) -> None:
    assert set(all_keys(client, "/Practitioner/d1/MedicationRequest")) == {("MedicationRequest", "a-active")}
    assert set(all_keys(client, "/Practitioner/d1/Observation")) == {("Observation", "a-observed")}
    assert set(all_keys(client, "/Practitioner/d1/*")) == {
        ("Practitioner", "d1"),
        ("Patient", "a"),
        ("MedicationRequest", "a-active"),
        ("Observation", "a-observed"),
    }


@pytest.mark.parametrize("url", ["/Organization/o1/Patient", "/Encounter/e/Coverage", "/Medication/m/*"])
def test_what_is_no_compartment_is_refused_by_name(client: httpx.Client, url: str) -> None:
    outcome = refused(client.get(url), 404)
    assert url.split("/")[1] in diagnostics(outcome)


@pytest.mark.parametrize("url", ["/Patient/a/Shoe", "/Patient/a/_search", "/Patient/a/medicationrequest", "/Shoe/a/*"])
def test_what_is_no_type_is_refused(client: httpx.Client, url: str) -> None:
    refused(client.get(url), 404)


def test_a_search_of_the_system_finds_ids_of_every_type(client: httpx.Client, ward: Ward) -> None:
    assert set(all_keys(client, "", ("_id", "a,d1,a-task,nobody"))) == {
        ("Patient", "a"),
        ("Practitioner", "d1"),
        ("Task", "a-task"),
    }
    assert all_keys(client, "", ("_id", "a"), ("_type", "Practitioner")) == []


def test_a_search_of_the_system_is_narrowed_by_type_tag_and_time(client: httpx.Client, ward: Ward) -> None:
    both = [("Patient", "a"), ("Patient", "b")]
    requests = {("MedicationRequest", "a-stopped"), ("MedicationRequest", "b-stopped")}
    assert set(all_keys(client, "", ("_tag", f"{TAG['system']}|wanted"))) == {*both, *requests}
    assert sorted(all_keys(client, "", ("_tag", "wanted"), ("_type", "Patient,Observation"))) == both
    first = searched(client, "", [("_id", "a"), ("_type", "Patient")])["entry"][0]["resource"]["meta"]["lastUpdated"]
    everything = set(all_keys(client, ""))
    assert set(all_keys(client, "", ("_lastUpdated", f"ge{first}"))) >= ward.of["b"]
    assert set(all_keys(client, "", ("_lastUpdated", "lt2020"))) == set()
    assert set(all_keys(client, "", ("_lastUpdated", "gt2020"))) == everything


def test_a_search_of_the_system_can_be_posted(client: httpx.Client, ward: Ward) -> None:
    response = client.post("/_search", data={"_type": "Task", "status": "requested"}, headers=FORM)
    assert sorted(keys(response.json())) == [("Task", "a-task"), ("Task", "b-task")]


def test_several_types_share_a_parameter(client: httpx.Client, ward: Ward) -> None:
    types = ("_type", "MedicationRequest,Task,MedicationDispense")
    assert set(all_keys(client, "", types, ("patient", "Patient/a"))) == {
        key for name in ("MedicationRequest", "Task", "MedicationDispense") for key in of_type(ward.of["a"], name)
    }
    refused(client.get("/?_type=MedicationRequest,Task&intended-dispenser=x"), 400)


@pytest.mark.parametrize("query", ["_type=Shoe", "_type=", "_type=Patient,Shoe", "_type=patient", "name=x"])
def test_a_search_of_the_system_refuses_what_it_does_not_know(client: httpx.Client, query: str) -> None:
    refused(client.get(f"/?{query}"), 400)


def test_a_list_finds_its_members_of_the_type(client: httpx.Client, ward: Ward) -> None:
    assert set(all_keys(client, "/MedicationRequest", ("_list", "l1"))) == {
        ("MedicationRequest", "a-active"),
        ("MedicationRequest", "b-active"),
    }
    assert all_keys(client, "/Patient", ("_list", "l1")) == [("Patient", "a")]
    assert all_keys(client, "/Patient/a/MedicationRequest", ("_list", "l1")) == [("MedicationRequest", "a-active")]
    assert all_keys(client, "/MedicationRequest", ("_list", "l1"), ("status", "stopped")) == []
    for nothing in ("l2", "nobody"):
        assert all_keys(client, "/MedicationRequest", ("_list", nothing)) == []
    outcome = refused(client.get("/MedicationRequest", params={"_list": "$current-problems"}), 400)
    assert "functional" in diagnostics(outcome)
