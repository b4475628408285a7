"""transaction: all entries or none, linked. https://hl7.org/fhir/R4/http.html#trules."""

from uuid import uuid4

import pytest

from tests.acceptance.outcomes import VALIDATOR, diagnostics, refused
from tests.builders.bundles import a_post, a_put, a_transaction, a_urn, an_entry
from tests.builders.patches import a_binary, a_fhirpath_patch, a_replacement
from tests.builders.resources import (
    a_medication_request,
    a_patient,
    a_practitioner,
    an_identifier,
    an_observation,
    an_organization,
    token,
)


@pytest.fixture
def patient_id(client):
    return client.post("/Patient", json=a_patient()).json()["id"]


def committed(client, *entries, **headers):
    """The entries of the answer, which stand in the order of the request."""
    response = client.post("", json=a_transaction(*entries), headers=headers)
    assert response.status_code == 200, response.text
    bundle = response.json()
    assert bundle["type"] == "transaction-response"
    assert VALIDATOR.validate(bundle) == []
    assert len(bundle.get("entry", [])) == len(entries)
    return bundle.get("entry", [])


def statuses(entries):
    return [int(entry["response"]["status"][:3]) for entry in entries]


def stored(client, entry):
    """The resource behind an entry of the answer."""
    return client.get(entry["response"]["location"]).json()


def key(entry):
    """`Type/id` of an entry of the answer."""
    return "/".join(entry["response"]["location"].split("/")[-4:-2])


def count(client, identifier):
    return len(client.get("/Patient", params={"identifier": token(identifier)}).json().get("entry", []))


def test_urns_become_references_wherever_they_link(client):
    patient, document = a_urn(), a_urn()
    text = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{patient}">who</a> not {patient}</div>'
    extension = {"url": "http://example.org/link", "valueUri": patient}
    binary = {"resourceType": "Binary", "contentType": "text/plain", "data": "aGk="}
    linked = an_observation(
        subject={"reference": patient, "display": patient},
        text={"status": "generated", "div": text},
        extension=[extension],
        contained=[a_medication_request(patient, id="c")],
        basedOn=[{"reference": "#c"}],
        note=[{"text": patient}],
    )
    media = {"resourceType": "Media", "status": "completed", "content": {"url": document}}
    # what links stands before what it links to
    entries = committed(
        client, a_post(linked), a_post(media), a_post(a_patient(), full_url=patient), a_post(binary, full_url=document)
    )
    observation, new = stored(client, entries[0]), key(entries[2])
    assert observation["subject"] == {"reference": new, "display": patient}
    assert observation["extension"][0]["valueUri"] == new
    assert observation["text"]["div"] == text.replace(f'"{patient}"', f'"{new}"')
    assert observation["contained"][0]["subject"]["reference"] == new
    assert observation["note"][0]["text"] == patient
    assert stored(client, entries[1])["content"]["url"] == key(entries[3])


def test_two_new_resources_may_link_to_each_other(client):
    one, two = a_urn(), a_urn()
    entries = committed(
        client,
        a_post(a_patient(link=[{"other": {"reference": two}, "type": "refer"}]), full_url=one),
        a_post(a_patient(link=[{"other": {"reference": one}, "type": "refer"}]), full_url=two),
    )
    assert stored(client, entries[0])["link"][0]["other"]["reference"] == key(entries[1])
    assert stored(client, entries[1])["link"][0]["other"]["reference"] == key(entries[0])


def test_a_relative_link_to_a_posted_full_url_follows_the_new_id(client):
    entries = committed(
        client,
        a_post(a_patient(id="old"), full_url="http://example.org/fhir/Patient/old"),
        a_post(a_medication_request("Patient/old"), full_url="http://example.org/fhir/MedicationRequest/m"),
        a_post(a_medication_request("http://example.org/fhir/Patient/old")),
    )
    assert {stored(client, entry)["subject"]["reference"] for entry in entries[1:]} == {key(entries[0])}


def test_a_link_to_a_put_is_its_type_and_id(client):
    urn, patient_id = a_urn(), str(uuid4())
    entries = committed(
        client,
        a_post(a_medication_request(urn)),
        an_entry("PUT", f"Patient/{patient_id}", a_patient(id=patient_id), full_url=urn),
    )
    assert stored(client, entries[0])["subject"]["reference"] == f"Patient/{patient_id}"


def test_a_link_to_a_conditional_create_is_the_one_that_exists(client):
    identifier, urn = an_identifier(), a_urn()
    existing = client.post("/Patient", json=a_patient(identifier=[identifier])).json()["id"]
    same = a_post(a_patient(identifier=[identifier]), full_url=urn, ifNoneExist=f"identifier={token(identifier)}")
    created, request = committed(client, same, a_post(a_medication_request(urn)))
    assert statuses([created, request]) == [200, 201]
    assert key(created) == f"Patient/{existing}"
    assert stored(client, request)["subject"]["reference"] == f"Patient/{existing}"


def test_a_link_to_a_conditional_update_is_the_one_that_exists(client):
    identifier, urn = an_identifier(), a_urn()
    existing = client.post("/Patient", json=a_patient(identifier=[identifier])).json()["id"]
    url = f"Patient?identifier={token(identifier)}"
    update = an_entry("PUT", url, a_patient("New", identifier=[identifier]), full_url=urn)
    updated, request = committed(client, update, a_post(a_medication_request(urn)))
    assert statuses([updated, request]) == [200, 201]
    assert stored(client, request)["subject"]["reference"] == f"Patient/{existing}"


def test_a_urn_that_no_entry_has_is_refused_or_kept_and_never_dangles_here(client):
    urn = a_urn()
    response = client.post("", json=a_transaction(a_post(a_medication_request(urn))))
    if response.status_code == 200:
        assert stored(client, response.json()["entry"][0])["subject"]["reference"] == urn
    else:
        refused(response, 400, 422)


def test_a_local_reference_to_nothing_is_refused(client):
    entries = [a_post(a_patient()), a_post(a_medication_request("Patient/nobody"))]
    outcome = refused(client.post("", json=a_transaction(*entries)), 422)
    assert outcome["issue"][0]["expression"] == ["Bundle.entry[1].resource.subject.reference"]


def test_a_conditional_reference_needs_one_match(client):
    identifier = an_identifier()
    link = f"Patient?identifier={token(identifier)}"
    asked = a_transaction(a_post(a_medication_request(link)))
    assert "matches nothing" in diagnostics(refused(client.post("", json=asked), 400, 404, 412, 422))
    existing = client.post("/Patient", json=a_patient(identifier=[identifier])).json()["id"]
    [entry] = committed(client, a_post(a_medication_request(link)))
    assert stored(client, entry)["subject"]["reference"] == f"Patient/{existing}"
    client.post("/Patient", json=a_patient(identifier=[identifier]))
    assert "more than one" in diagnostics(refused(client.post("", json=asked), 400, 412, 422))


def test_a_conditional_reference_may_mean_a_resource_of_the_same_transaction(client):
    identifier = an_identifier()
    request = a_post(a_medication_request(f"Patient?identifier={token(identifier)}"))
    entries = committed(client, request, a_post(a_patient(identifier=[identifier])))
    assert stored(client, entries[0])["subject"]["reference"] == key(entries[1])


@pytest.mark.parametrize("link", ["Patient?", "Patient?shoe-size=44", "Patient?_count=1", "Patient?name=x"])
def test_a_conditional_reference_that_does_not_decide_is_refused(client, link):
    refused(client.post("", json=a_transaction(a_post(a_medication_request(link)))), 400, 422)


def test_entries_of_all_methods_are_answered_in_the_order_of_the_request(client, patient_id):
    doomed = client.post("/Patient", json=a_patient()).json()["id"]
    patched = client.post("/Patient", json=a_patient(active=True)).json()["id"]
    merged = client.post("/Patient", json=a_patient(active=True)).json()["id"]
    parameters = a_fhirpath_patch({"type": "replace", "path": "Patient.active", "valueBoolean": False})
    entries = committed(
        client,
        an_entry("GET", f"Patient/{patched}"),
        an_entry("PATCH", f"Patient/{patched}", parameters),
        a_put(a_patient("Put", id=patient_id)),
        an_entry("GET", f"Patient/{patient_id}"),
        a_post(a_patient("Posted")),
        an_entry("PATCH", f"Patient/{merged}", a_binary([a_replacement("/active", False)])),
        an_entry("DELETE", f"Patient/{doomed}"),
        an_entry("GET", f"Patient/{merged}/_history/1"),
    )
    assert statuses(entries) == [200, 200, 200, 200, 201, 200, 204, 200]
    # reads come last, whatever their place
    assert entries[0]["resource"]["active"] is False
    assert entries[3]["resource"]["name"] == [{"family": "Put"}]
    assert entries[7]["resource"]["active"] is True
    refused(client.get(f"/Patient/{doomed}"), 410)


def test_a_search_in_a_transaction_sees_what_it_wrote(client):
    identifier = an_identifier()
    found, _ = committed(
        client,
        an_entry("GET", f"Patient?identifier={token(identifier)}"),
        a_post(a_patient(identifier=[identifier])),
    )
    assert [entry["resource"]["identifier"] for entry in found["resource"]["entry"]] == [[identifier]]


def test_deletions_come_first(client):
    identifier = an_identifier()
    old = client.post("/Patient", json=a_patient(identifier=[identifier])).json()["id"]
    new = a_post(a_patient(identifier=[identifier]), ifNoneExist=f"identifier={token(identifier)}")
    created, _ = committed(client, new, an_entry("DELETE", f"Patient/{old}"))
    assert statuses([created]) == [201]
    assert key(created) != f"Patient/{old}"


FAILING = {
    "an invalid resource": (a_post(a_patient(gender="robot")), (400, 422)),
    "a missing resource": (an_entry("GET", "Patient/nobody"), (404,)),
    "a patch of nothing": (an_entry("PATCH", "Patient/nobody", a_binary([])), (404,)),
    "a stale ifMatch": (a_put(a_patient(id="stale"), ifMatch='W/"3"'), (412,)),
    "a malformed ifMatch": (a_put(a_patient(id="stale"), ifMatch="3"), (400,)),
    "another type": (an_entry("POST", "Practitioner", a_patient()), (400,)),
    "another id": (an_entry("PUT", "Patient/one", a_patient(id="two")), (400,)),
    "no id": (an_entry("PUT", "Patient/one", a_patient()), (400,)),
    "a POST to an id": (an_entry("POST", "Patient/one", a_patient()), (400, 405)),
    "a PUT without an id": (an_entry("PUT", "Patient", a_patient()), (400, 405)),
    "a DELETE of everything": (an_entry("DELETE", "Patient"), (400, 405)),
    "an unknown type": (an_entry("GET", "Prescription/1"), (404, 400)),
    "an unknown parameter": (an_entry("GET", "Patient?shoe-size=44"), (400,)),
    "an unknown condition": (a_post(a_patient(), ifNoneExist="shoe-size=44"), (400,)),
    "no request": ({"resource": a_patient()}, (400, 422)),
    "no resource": (an_entry("POST", "Patient"), (400, 422)),
    "an unknown method": (an_entry("BREW", "Patient", a_patient()), (400, 422)),
    "a NUL in a condition": (an_entry("DELETE", "Patient?_id=%00"), (400,)),
    "an operation": (an_entry("GET", "Patient/$everything"), (400, 404)),
    "the transaction itself": (an_entry("POST", "", {"resourceType": "Bundle", "type": "batch"}), (400,)),
}


@pytest.mark.parametrize(("entry", "expected"), FAILING.values(), ids=FAILING)
def test_one_entry_that_fails_undoes_all_and_is_named(client, entry, expected):
    identifier = an_identifier()
    others = [a_post(a_patient(identifier=[identifier])), a_put(a_practitioner(id=identifier["value"]))]
    outcome = refused(client.post("", json=a_transaction(*others, entry)), *expected)
    assert "Bundle.entry[2]" in diagnostics(outcome) + str(outcome["issue"][0].get("expression"))
    assert count(client, identifier) == 0
    refused(client.get(f"/Practitioner/{identifier['value']}"), 404)
    refused(client.get(f"/Practitioner/{identifier['value']}/_history"), 404)


def test_a_transaction_of_500_fails_with_its_last_entry_and_succeeds_without_it(client):
    identifier = an_identifier()
    entries = [a_post(a_patient(f"Number {n}", identifier=[identifier])) for n in range(499)]
    outcome = refused(client.post("", json=a_transaction(*entries, a_post(a_patient(gender="robot")))), 400, 422)
    assert outcome["issue"][0]["expression"] == ["Bundle.entry[499].resource.gender"]
    assert count(client, identifier) == 0
    answers = committed(client, *entries, a_post(a_patient("Last")))
    families = [stored(client, answers[n])["name"][0]["family"] for n in (0, 250, 499)]
    assert families == ["Number 0", "Number 250", "Last"]


def test_a_transaction_of_1000_linked_entries(client):
    urn = a_urn()
    requests = [a_post(a_medication_request(urn)) for _ in range(999)]
    entries = committed(client, *requests, a_post(a_patient(), full_url=urn))
    assert set(statuses(entries)) == {201}
    assert len({key(entry) for entry in entries}) == 1000
    assert stored(client, entries[0])["subject"]["reference"] == key(entries[999])


DUPLICATES = {
    "two PUTs": lambda one: [a_put(a_patient(id=one)), a_put(a_patient("Other", id=one))],
    "PUT and DELETE": lambda one: [a_put(a_patient(id=one)), an_entry("DELETE", f"Patient/{one}")],
    "two DELETEs": lambda one: [an_entry("DELETE", f"Patient/{one}")] * 2,
    "PATCH and PUT": lambda one: [an_entry("PATCH", f"Patient/{one}", a_binary([])), a_put(a_patient(id=one))],
    "DELETE by id and by condition": lambda one: [
        an_entry("DELETE", f"Patient/{one}"),
        an_entry("DELETE", f"Patient?_id={one}"),
    ],
}


@pytest.mark.parametrize("duplicates", DUPLICATES.values(), ids=DUPLICATES)
def test_a_target_that_is_addressed_twice_is_400(client, patient_id, duplicates):
    refused(client.post("", json=a_transaction(*duplicates(patient_id))), 400)
    assert client.get(f"/Patient/{patient_id}").headers["ETag"] == 'W/"1"'


def test_a_full_url_that_occurs_twice_is_400(client):
    urn = a_urn()
    outcome = refused(client.post("", json=a_transaction(*[a_post(a_patient(), full_url=urn)] * 2)), 400)
    assert "bdl-7" in diagnostics(outcome)


@pytest.mark.parametrize("full_url", ["http://example.org/fhir/Patient/1/_history/2", "", 7])
def test_a_full_url_that_r4_forbids_is_400(client, full_url):
    refused(client.post("", json=a_transaction(a_post(a_patient()) | {"fullUrl": full_url})), 400)


def test_conditional_creates_under_one_condition_make_one_resource(client):
    identifier = an_identifier()
    same = {"ifNoneExist": f"identifier={token(identifier)}"}
    one, two = a_urn(), a_urn()
    entries = committed(
        client,
        a_post(a_patient(identifier=[identifier]), full_url=one, **same),
        a_post(a_patient(identifier=[identifier]), full_url=two, **same),
        a_post(a_medication_request(two)),
    )
    assert statuses(entries) == [201, 200, 201]
    assert count(client, identifier) == 1
    assert stored(client, entries[2])["subject"]["reference"] == key(entries[0])


def test_a_condition_with_several_matches_fails_the_transaction(client):
    identifier = an_identifier()
    for _ in range(2):
        client.post("/Patient", json=a_patient(identifier=[identifier]))
    many = a_post(a_patient(), ifNoneExist=f"identifier={token(identifier)}")
    outcome = refused(client.post("", json=a_transaction(a_post(a_organization_named(identifier)), many)), 412)
    assert "Bundle.entry[1]" in diagnostics(outcome)


def a_organization_named(identifier):
    return an_organization(identifier=[identifier])


def test_if_none_match_in_a_transaction_answers_304(client, patient_id):
    [entry] = committed(client, an_entry("GET", f"Patient/{patient_id}", ifNoneMatch='W/"1"'))
    assert entry["response"]["status"].startswith("304")
    assert "resource" not in entry


@pytest.mark.parametrize(
    ("prefer", "shown"), [("representation", True), ("minimal", False), ("OperationOutcome", False)]
)
def test_prefer_return_is_obeyed(client, patient_id, prefer, shown):
    entries = committed(
        client,
        a_post(a_patient()),
        a_put(a_patient("New", id=patient_id)),
        an_entry("DELETE", "Patient/nobody"),
        Prefer=f"return={prefer}",
    )
    assert ["resource" in entry for entry in entries] == [shown, shown, False]
    if prefer == "OperationOutcome":
        assert all(entry["response"]["outcome"]["resourceType"] == "OperationOutcome" for entry in entries)


def test_an_update_that_changes_nothing_makes_no_version_in_a_transaction_either(client, patient_id):
    [entry] = committed(client, a_put(a_patient(id=patient_id)))
    assert (entry["response"]["status"][:3], entry["response"]["etag"]) == ("200", 'W/"1"')


def test_an_empty_transaction_has_an_empty_answer(client):
    assert committed(client) == []
