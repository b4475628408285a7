"""Patient/$everything: all of one patient, what it refers to, and nothing of anybody else.

https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from urllib.parse import quote

import httpx
import pytest

from tests.acceptance.outcomes import VALIDATOR, diagnostics, refused
from tests.acceptance.populations import put_all
from tests.acceptance.searches import Json, applied, keys, link, pages, searched
from tests.builders.resources import (
    a_medication,
    a_medication_dispense,
    a_medication_request,
    a_patient,
    a_practitioner,
    an_observation,
    an_organization,
)
from tests.running.galenic import Galenic

Key = tuple[str, str]

CANARY = "other-patients-canary"
WARD = "Location/ward"
MATCHES = {
    ("Patient", "a"),
    *(("MedicationRequest", one) for one in ("a-2020", "a-2022", "a-undated")),
    *(("Observation", one) for one in ("a-panel", "a-pumped")),
    ("MedicationDispense", "a-dispensed"),
    ("Encounter", "a-stay"),
    ("Group", "a-and-b"),
    ("Task", "a-task"),
}
INCLUDED = {
    *(("Practitioner", one) for one in ("gp", "of-role")),
    *(("Organization", one) for one in ("clinic", "above-clinic", "maker")),
    ("PractitionerRole", "role"),
    ("Medication", "drug"),
    ("Location", "ward"),
    ("Device", "pump"),
}


def to(reference: str) -> Json:
    return {"reference": reference}


def of_others() -> list[Json]:
    """Another patient's resources, each of which one of the first patient's refers to; or of nobody."""
    return [
        a_patient(CANARY, id="b", generalPractitioner=[to("Practitioner/of-b")]),
        an_observation(id="b-observed", subject=to("Patient/b"), note=[{"text": CANARY}]),
        a_medication_request("Patient/b", id="b-request", note=[{"text": CANARY}]),
        {"resourceType": "Device", "id": "b-pump", "patient": to("Patient/b"), "lotNumber": CANARY},
        a_practitioner(CANARY, id="of-b"),
        {"resourceType": "Bundle", "id": "of-b", "type": "collection", "entry": [{"resource": a_patient(CANARY)}]},
        a_practitioner(CANARY, id="of-nobody"),
    ]


def brought_along() -> list[Json]:
    return [
        a_practitioner(id="gp"),
        a_practitioner(id="of-role"),
        {
            "resourceType": "PractitionerRole",
            "id": "role",
            "practitioner": to("Practitioner/of-role"),
            "organization": to("Organization/clinic"),
        },
        an_organization(id="clinic", partOf=to("Organization/above-clinic")),
        an_organization(id="above-clinic"),
        an_organization(id="maker"),
        a_medication(id="drug", manufacturer=to("Organization/maker")),
        {"resourceType": "Location", "id": "ward", "name": "Ward"},
        {"resourceType": "Device", "id": "pump"},
    ]


def a_request(resource_id: str, **elements: object) -> Json:
    request = a_medication_request("Patient/a", id=resource_id, medicationReference=to("Medication/drug"), **elements)
    return {name: value for name, value in request.items() if name != "medicationCodeableConcept"}


def of_the_patient() -> list[Json]:
    patient = to("Patient/a")
    member = [{"entity": patient}, {"entity": to("Patient/b")}]
    return [
        a_patient(id="a", birthDate="1974-12-25", generalPractitioner=[to("Practitioner/gp")]),
        a_request("a-2020", authoredOn="2020-05-06", requester=to("PractitionerRole/role")),
        a_request("a-2022", authoredOn="2022-05-06", priorPrescription=to("MedicationRequest/b-request")),
        a_request("a-undated", requester=to("Practitioner/gp/_history/1")),
        a_medication_dispense(id="a-dispensed", subject=patient, whenHandedOver="2020-06-01", location=to(WARD)),
        an_observation(id="a-pumped", subject=patient, device=to("Device/b-pump")),
        {"resourceType": "Task", "id": "a-task", "status": "requested", "intent": "order", "for": patient}
        | {"focus": to("Bundle/of-b")},
        an_observation(
            id="a-panel",
            subject=patient,
            effectiveDateTime="2021-01-01",
            hasMember=[to("Observation/b-observed")],
            device=to("Device/pump"),
        ),
        {
            "resourceType": "Encounter",
            "id": "a-stay",
            "status": "finished",
            "class": {"code": "IMP"},
            "subject": patient,
            "period": {"start": "2020-12-30", "end": "2021-01-02"},
            "serviceProvider": to("Organization/nowhere"),
            "participant": [{"individual": to("Practitioner/gp")}],
        },
        {"resourceType": "Group", "id": "a-and-b", "type": "person", "actual": True, "member": member},
    ]


@pytest.fixture(scope="module", autouse=True)
def _stored(client: httpx.Client) -> None:
    for group in (of_others(), brought_along(), of_the_patient()):
        assert len(list(put_all(client, group))) == len(group)


def everything(client: httpx.Client, *pairs: tuple[str, str], patient: str = "a") -> tuple[set[Key], set[Key]]:
    """Matches and what came along, over all pages."""
    matches: list[Key] = []
    included: set[Key] = set()
    for page in pages(client, searched(client, f"/Patient/{patient}/$everything", pairs)):
        assert VALIDATOR.validate(page) == []
        assert len(keys(page, "include")) == len(set(keys(page, "include")))
        matches += keys(page)
        included |= set(keys(page, "include"))
    assert len(matches) == len(set(matches))
    return set(matches), included


@pytest.mark.parametrize("count", ["1", "3", "100"])
def test_everything_is_the_compartment_and_what_it_refers_to(client: httpx.Client, count: str) -> None:
    assert everything(client, ("_count", count)) == (MATCHES, INCLUDED)


def test_nothing_of_another_patient_leaks(client: httpx.Client) -> None:
    """The Group of both is in both compartments, and says no more than that."""
    for count in ("1", "100"):
        for page in pages(client, searched(client, "/Patient/a/$everything", [("_count", count)])):
            assert CANARY not in str(page)
    others, _ = everything(client, patient="b")
    assert others & MATCHES == {("Group", "a-and-b")}


def test_resources_are_as_a_read_gives_them(client: httpx.Client, galenic: Galenic) -> None:
    for entry in searched(client, "/Patient/a/$everything")["entry"]:
        type_name, resource_id = entry["resource"]["resourceType"], entry["resource"]["id"]
        assert entry["resource"] == client.get(f"/{type_name}/{resource_id}").json()
        assert entry["fullUrl"] == f"{galenic.base_url}/{type_name}/{resource_id}"


SPANS = {
    "2021": (("start", "2021"), {"a-2022", "a-panel", "a-stay"}),
    "until 2020": (("end", "2020"), {"a-2020", "a-dispensed", "a-stay"}),
    "until a month": (("end", "2020-05"), {"a-2020"}),
    "from a day": (("start", "2022-05-06"), {"a-2022"}),
    "from the next day": (("start", "2022-05-07"), set()),
}
UNDATED = {
    ("Patient", "a"),
    ("MedicationRequest", "a-undated"),
    ("Observation", "a-pumped"),
    ("Group", "a-and-b"),
    ("Task", "a-task"),
}


@pytest.mark.parametrize(("pair", "dated"), SPANS.values(), ids=SPANS)
def test_care_outside_of_the_dates_is_left_out(client: httpx.Client, pair: tuple[str, str], dated: set[str]) -> None:
    """A resource without a clinical date stays, whatever the patient's birthday."""
    matches, _ = everything(client, pair)
    assert matches == UNDATED | {key for key in MATCHES if key[1] in dated}


def test_both_dates_are_a_span(client: httpx.Client) -> None:
    matches, included = everything(client, ("start", "2020-12-31"), ("end", "2021-01-01"))
    assert matches == UNDATED | {("Observation", "a-panel"), ("Encounter", "a-stay")}
    assert included == {("Practitioner", "gp"), ("Device", "pump"), ("Medication", "drug"), ("Organization", "maker")}


TYPES = {
    "one": ["Encounter"],
    "two": ["Encounter,Patient"],
    "of what comes along": ["Medication"],
    "of both": ["MedicationRequest,Organization"],
    "twice": ["MedicationRequest", "Practitioner"],
    "of nothing": ["Coverage"],
}


@pytest.mark.parametrize("asked", TYPES.values(), ids=TYPES)
@pytest.mark.parametrize("count", ["2", "100"])
def test_only_the_types_asked_for_are_shown(client: httpx.Client, asked: list[str], count: str) -> None:
    types = set(",".join(asked).split(","))
    matches, included = everything(client, *[("_type", one) for one in asked], ("_count", count))
    assert matches == {key for key in MATCHES if key[0] in types}
    assert included == {key for key in INCLUDED if key[0] in types}


def test_since_leaves_out_what_has_not_changed(client: httpx.Client) -> None:
    changed = client.put("/Encounter/a-stay", json=client.get("/Encounter/a-stay").json() | {"status": "finished"})
    since = client.put(
        "/Encounter/a-stay", json=changed.json() | {"language": "de"}, headers={"Prefer": "return=representation"}
    ).json()["meta"]["lastUpdated"]
    assert everything(client, ("_since", since)) == ({("Encounter", "a-stay")}, set())
    client.put("/Practitioner/gp", json=a_practitioner("Changed", id="gp"))
    assert everything(client, ("_since", since)) == ({("Encounter", "a-stay")}, {("Practitioner", "gp")})
    assert everything(client, ("_since", "2020-01-01T00:00:00Z")) == (MATCHES, INCLUDED)
    assert everything(client, ("_since", "2020-01-01T00:00:00+01:00")) == (MATCHES, INCLUDED)


def test_a_post_is_asked_by_parameters(client: httpx.Client, galenic: Galenic) -> None:
    values = [
        {"name": "start", "valueDate": "2020-01-01"},
        {"name": "end", "valueDate": "2021-12-31"},
        {"name": "_since", "valueInstant": "2020-01-01T00:00:00Z"},
        {"name": "_type", "valueCode": "MedicationRequest"},
        {"name": "_type", "valueCode": "Medication"},
        {"name": "_count", "valueInteger": 1},
    ]
    body = {"resourceType": "Parameters", "parameter": values}
    response = client.post("/Patient/a/$everything", json=body)
    assert response.status_code == 200, response.text
    bundle = response.json()
    assert link(bundle, "next").startswith(f"{galenic.base_url}/Patient/a/$everything?")
    assert applied(bundle)[-1] == ("_count", "1")
    walked = list(pages(client, bundle))
    shown = {key for page in walked for mode in ("match", "include") for key in keys(page, mode)}
    assert shown == {("MedicationRequest", "a-2020"), ("MedicationRequest", "a-undated"), ("Medication", "drug")}


def test_a_post_without_parameters_is_everything(client: httpx.Client) -> None:
    for body in (b"", b'{"resourceType":"Parameters"}'):
        bundle = client.post("/Patient/a/$everything", content=body).json()
        assert (set(keys(bundle)), set(keys(bundle, "include"))) == (MATCHES, INCLUDED)


WRONG = """
shoe-size=44 _foo=1 _include=* subject=Patient/b start=yesterday end=2020-13 start= _type=Shoe _type=
_type=Patient,,Encounter _since=now _count=many _count=0 _count=-1 start=2020&start=2021 _count=1&_count=2
_elements=id _cursor=abc start:missing=true
"""


@pytest.mark.parametrize("query", WRONG.split())
@pytest.mark.parametrize("prefer", ["handling=strict", "handling=lenient"])
def test_what_is_unknown_or_cannot_be_read_is_refused(client: httpx.Client, query: str, prefer: str) -> None:
    refused(client.get(f"/Patient/a/$everything?{query}", headers={"Prefer": prefer}), 400)


BODIES = [
    {"resourceType": "Patient"},
    {"resourceType": "Parameters", "parameter": {}},
    {"resourceType": "Parameters", "parameter": ["start"]},
    {"resourceType": "Parameters", "parameter": [{"name": "shoe-size", "valueInteger": 44}]},
    {"resourceType": "Parameters", "parameter": [{"valueDate": "2020-01-01"}]},
    {"resourceType": "Parameters", "parameter": [{"name": "start", "valueString": "2020-01-01"}]},
    {"resourceType": "Parameters", "parameter": [{"name": "_count", "valueInteger": True}]},
    {"resourceType": "Parameters", "parameter": [{"name": "_type", "valueCode": ["Patient"]}]},
    [],
]


@pytest.mark.parametrize("body", BODIES, ids=str)
def test_a_body_that_is_no_parameters_is_refused(client: httpx.Client, body: object) -> None:
    refused(client.post("/Patient/a/$everything", json=body), 400)


def test_who_is_not_there_has_nothing(client: httpx.Client) -> None:
    assert "nobody" in diagnostics(refused(client.get("/Patient/nobody/$everything"), 404))
    assert "Encounter" in diagnostics(refused(client.get("/Encounter/a-stay/$everything"), 404))
    refused(client.get("/Patient/$everything"), 404)
    made = client.post("/Patient", json=a_patient()).json()["id"]
    assert everything(client, patient=made) == ({("Patient", made)}, set())
    client.delete(f"/Patient/{made}")
    refused(client.get(f"/Patient/{made}/$everything"), 410)


def test_a_link_is_good_for_its_patient_and_parameters_only(client: httpx.Client) -> None:
    following = link(searched(client, "/Patient/a/$everything", [("_count", "1")]), "next")
    refused(client.get(following.replace("/Patient/a/", "/Patient/b/")), 400)
    refused(client.get(f"{following}&start=2020"), 400)
    refused(client.get(following.replace("/$everything", "/*")), 400)


def test_the_operation_is_declared(client: httpx.Client) -> None:
    stated = client.get("/metadata").json()["rest"][0]
    declared = {one["type"]: one.get("operation", []) for one in stated["resource"]}
    definition = "http://hl7.org/fhir/OperationDefinition/Patient-everything"
    assert declared["Patient"] == [{"name": "everything", "definition": definition}]
    elsewhere = [one["name"] for name, found in declared.items() if name != "Patient" for one in found]
    assert "everything" not in elsewhere
    assert all(one["code"] != "operation" for resource in stated["resource"] for one in resource["interaction"])
    assert "everything" not in [one["name"] for one in stated["operation"]]


def test_a_cursor_of_a_search_is_no_link_of_everything(client: httpx.Client) -> None:
    following = link(searched(client, "/Patient/a/*", [("_count", "2")]), "next")
    cursor = following.partition("_cursor=")[2]
    refused(client.get(f"/Patient/a/$everything?_count=2&_cursor={quote(cursor)}"), 400)
