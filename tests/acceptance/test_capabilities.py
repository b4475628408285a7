"""The CapabilityStatement is true both ways. https://hl7.org/fhir/R4/http.html#capabilities."""

import json

import pytest

from fhir_server.model.definitions import load_definitions
from fhir_server.model.parser import parse_object
from fhir_server.model.resource_types import RESOURCE_TYPES
from tests.acceptance.outcomes import VALIDATOR, refused
from tests.builders.bundles import a_batch, a_transaction
from tests.builders.patches import JSON_PATCH, MERGE_PATCH, a_fhirpath_patch
from tests.builders.resources import ten_types

SAMPLE = {resource["resourceType"]: resource for resource in ten_types()[:5]}
PLAUSIBLE = {
    "token": "http://example.org/codes|a",
    "reference": "Patient/1",
    "uri": "http://example.org/a",
    "string": "a",
    "date": "ge2026-11",
    "number": "gt1.5",
    "quantity": "5.4|http://unitsofmeasure.org|mg",
    "special": "46.9|7.4",
}
NOT_STORED = ["Parameters", "Resource", "DomainResource", "Element", "patient", "Patients", "MedicationOrder", "Any"]
PATCHES = {
    JSON_PATCH: [{"op": "add", "path": "/language", "value": "en"}],
    MERGE_PATCH: {"language": "en"},
    "application/fhir+json": a_fhirpath_patch(
        {"type": "add", "path": "Patient", "name": "language", "valueCode": "en"}
    ),
}


@pytest.fixture(scope="module")
def statement(client):
    response = client.get("/metadata")
    assert response.status_code == 200
    return parse_object(response.content, 100)


@pytest.fixture(scope="module")
def declared(statement):
    """What is said of each type."""
    return {resource["type"]: resource for resource in statement["rest"][0]["resource"]}


def test_the_statement_is_valid_and_says_who_and_what(statement, galenic):
    assert VALIDATOR.validate(statement) == []
    assert (statement["fhirVersion"], statement["kind"], statement["status"]) == ("4.0.1", "instance", "active")
    assert statement["implementation"]["url"] == galenic.base_url
    assert statement["software"]["name"] == "Galenic"
    assert "application/fhir+json" in statement["format"]
    assert not [name for name in statement["format"] if "xml" in name]


def test_every_type_r4_stores_is_declared_once(statement, declared):
    assert len(statement["rest"][0]["resource"]) == len(declared) == 145
    assert set(declared) == set(RESOURCE_TYPES)


@pytest.mark.parametrize("type_name", RESOURCE_TYPES)
def test_every_declared_type_answers(client, type_name):
    assert client.get(f"/{type_name}", params={"_id": "nobody"}).json()["type"] == "searchset"
    refused(client.get(f"/{type_name}/nobody"), 404)


@pytest.mark.parametrize("type_name", NOT_STORED)
def test_every_undeclared_type_is_404(client, declared, type_name):
    assert type_name not in declared
    for response in (
        client.get(f"/{type_name}"),
        client.get(f"/{type_name}/1"),
        client.post(f"/{type_name}", json={"resourceType": type_name}),
        client.put(f"/{type_name}/1", json={"resourceType": type_name, "id": "1"}),
        client.delete(f"/{type_name}/1"),
    ):
        refused(response, 404)


@pytest.mark.parametrize("resource", SAMPLE.values(), ids=SAMPLE)
def test_every_declared_interaction_works(client, declared, resource):
    name = resource["resourceType"]
    codes = {interaction["code"] for interaction in declared[name]["interaction"]}
    url = f"/{name}/{client.post(f'/{name}', json=resource).json()['id']}"
    body = resource | {"id": url.rpartition("/")[2], "language": "de"}
    done = {
        "create": client.post(f"/{name}", json=resource),
        "read": client.get(url),
        "vread": client.get(f"{url}/_history/1"),
        "update": client.put(url, json=body),
        "patch": client.patch(url, content=json.dumps({"language": "en"}), headers={"Content-Type": MERGE_PATCH}),
        "history-instance": client.get(f"{url}/_history"),
        "history-type": client.get(f"/{name}/_history"),
        "search-type": client.get(f"/{name}"),
        "delete": client.delete(url),
    }
    assert codes == set(done)
    assert {code: response.status_code for code, response in done.items() if response.status_code >= 300} == {}


def test_what_nobody_may_write_is_declared_as_read_and_searched_alone(client, declared):
    audit_event = declared["AuditEvent"]
    assert [interaction["code"] for interaction in audit_event["interaction"]] == ["read", "search-type"]
    assert not {"conditionalCreate", "conditionalUpdate", "updateCreate"} & set(audit_event)
    names = {parameter["name"] for parameter in audit_event["searchParam"]}
    assert {"date", "patient", "agent", "entity", "outcome"} <= names
    refused(client.post("/AuditEvent", json={"resourceType": "AuditEvent"}), 405)
    refused(client.get("/AuditEvent", params={"altid": "x"}), 400)


def test_every_declared_interaction_of_the_system_works(client, statement):
    done = {
        "batch": client.post("", json=a_batch()),
        "transaction": client.post("", json=a_transaction()),
        "history-system": client.get("/_history"),
        "search-system": client.get("/", params={"_id": "nobody"}),
    }
    assert {interaction["code"] for interaction in statement["rest"][0]["interaction"]} == set(done)
    assert {response.status_code for response in done.values()} == {200}


def test_every_declared_patch_format_works_and_no_other(client, statement):
    assert set(statement["patchFormat"]) == set(PATCHES)
    for media_type, document in PATCHES.items():
        url = f"/Patient/{client.post('/Patient', json=SAMPLE['Patient']).json()['id']}"
        response = client.patch(url, content=json.dumps(document), headers={"Content-Type": media_type})
        assert response.json().get("language") == "en", media_type


def test_what_is_declared_of_conditions_is_so(client, declared):
    for resource in (one for name, one in declared.items() if name != "AuditEvent"):
        assert resource["conditionalCreate"] is resource["conditionalUpdate"] is True
        assert resource["conditionalDelete"] == "single"
        assert resource["conditionalRead"] == "full-support"
        assert resource["updateCreate"] is resource["readHistory"] is True
        assert resource["versioning"] == "versioned-update"
    assert client.put("/Patient/new-one", json=SAMPLE["Patient"] | {"id": "new-one"}).status_code == 201


def test_no_parameter_is_declared_twice(declared):
    for resource in declared.values():
        names = [parameter["name"] for parameter in resource["searchParam"]]
        assert len(names) == len(set(names)), resource["type"]


OF_FEW = {"http://hl7.org/fhir/SearchParameter/AuditEvent-outcome": "0"}
"""Parameters of which other values than these few are refused."""


def plausible(parameter):
    if parameter["definition"] in OF_FEW:
        return OF_FEW[parameter["definition"]]
    if parameter["type"] != "composite":
        return PLAUSIBLE[parameter["type"]]
    definitions = {one.url: one for one in load_definitions().search_parameters}
    parts = [definitions[url].type for url, _ in definitions[parameter["definition"]].components]
    return "$".join(PLAUSIBLE[part] for part in parts)


def test_every_declared_search_parameter_is_answered(client, declared, at_full_counts):
    types = declared if at_full_counts else [*SAMPLE, "MedicationDispense", "Task", "Subscription", "ValueSet"]
    for name in types:
        for parameter in declared[name]["searchParam"]:
            response = client.get(f"/{name}", params={parameter["name"]: plausible(parameter)})
            assert response.status_code == 200, (name, parameter, response.text)
            assert parameter["name"] in response.json()["link"][0]["url"]


@pytest.mark.parametrize("type_name", SAMPLE)
def test_every_undeclared_search_parameter_is_400(client, declared, type_name):
    names = {p["name"] for resource in declared.values() for p in resource["searchParam"]}
    others = names - {p["name"] for p in declared[type_name]["searchParam"]}
    for name in sorted(others | {"shoe-size", "Name", "name-"}):
        if not name.startswith("_"):
            refused(client.get(f"/{type_name}", params={name: "x"}), 400)


def test_the_statement_can_be_kept_for_a_while_and_read_by_head(client):
    first, second, head = client.get("/metadata"), client.get("/metadata"), client.head("/metadata")
    assert first.content == second.content
    assert (head.status_code, head.content) == (200, b"")
