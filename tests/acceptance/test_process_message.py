"""$process-message: FHIR messages, each done once."""

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.acceptance.outcomes import VALIDATOR, refused
from tests.builders.resources import a_medication_request, a_patient, an_identifier, token
from tests.conftest import Cluster
from tests.running.closed import Closed, closed
from tests.running.galenic import Galenic
from tests.running.mllp import an_order

EVENTS = "http://terminology.hl7.org/CodeSystem/v2-0003"
WARD = "https://ward.example.org/fhir"
ER7 = {"Content-Type": "x-application/hl7-v2+er7"}
KEPT = "SELECT kind, state, control_id, notes, resources FROM message WHERE wire = 'http' ORDER BY number DESC LIMIT 1"
Resource = dict[str, Any]


def a_header(event: str, *focus: str, **elements: Any) -> Resource:
    return {
        "resourceType": "MessageHeader",
        "id": uuid4().hex,
        "eventCoding": {"system": EVENTS, "code": event},
        "source": {"endpoint": WARD},
        "focus": [{"reference": one} for one in focus],
        **elements,
    }


def a_message(header: Resource, *resources: Resource) -> Resource:
    """Entries under the sender's own URLs."""
    entries = [{"fullUrl": f"{WARD}/{r['resourceType']}/{r['id']}", "resource": r} for r in (header, *resources)]
    return {"resourceType": "Bundle", "type": "message", "timestamp": "2026-11-21T12:00:00Z", "entry": entries}


def an_order_message(order: Resource | None = None, patient: Resource | None = None, **header: Any) -> Resource:
    """A prescription `o` for a patient `p`, who refer to each other as at the sender's."""
    someone = a_patient(identifier=[an_identifier()]) | (patient or {}) | {"id": "p"}
    ordered = a_medication_request("Patient/p", identifier=[an_identifier()]) | (order or {}) | {"id": "o"}
    return a_message(a_header("O11", "MedicationRequest/o", **header), someone, ordered)


def process(client: httpx.Client, message: Resource) -> httpx.Response:
    return client.post("/$process-message", json=message)


def found(client: httpx.Client, message: Resource, number: int) -> list[Resource]:
    """What has the identifier of the resource of an entry."""
    resource = message["entry"][number]["resource"]
    bundle = client.get(f"/{resource['resourceType']}", params={"identifier": token(resource["identifier"][0])}).json()
    return [entry["resource"] for entry in bundle.get("entry", [])]


def test_an_order_is_stored_and_answered_by_a_message(client: httpx.Client) -> None:
    message = an_order_message()
    answer = process(client, message)
    assert answer.status_code == 200, answer.text
    bundle = answer.json()
    assert VALIDATOR.validate(bundle) == []
    assert bundle["type"] == "message"
    header = bundle["entry"][0]["resource"]
    assert header["response"] == {"identifier": message["entry"][0]["resource"]["id"], "code": "ok"}
    assert header["destination"] == [{"endpoint": WARD}]
    (patient,) = found(client, message, 1)
    (order,) = found(client, message, 2)
    assert order["subject"]["reference"] == f"Patient/{patient['id']}"
    written = {one["reference"].partition("/fhir/")[2] for one in header["focus"]}
    assert {f"Patient/{patient['id']}", f"MedicationRequest/{order['id']}"} < written
    (kept,) = [one for one in written if one.startswith("MessageHeader/")]
    assert client.get(f"/{kept}").json()["focus"] == [{"reference": f"MedicationRequest/{order['id']}"}]


def test_what_a_message_is_about_is_changed_and_who_it_names_is_not(client: httpx.Client) -> None:
    first = an_order_message()
    assert process(client, first).status_code == 200
    (patient, order) = (deepcopy(first["entry"][n]["resource"]) for n in (1, 2))
    second = an_order_message(order | {"status": "stopped"}, patient | {"name": [{"family": "Nobody"}]})
    assert process(client, second).status_code == 200
    (changed,), (same,) = found(client, first, 2), found(client, first, 1)
    assert (changed["status"], changed["meta"]["versionId"]) == ("stopped", "2")
    assert (same["name"], same["meta"]["versionId"]) == (patient["name"], "1")


def test_the_same_message_in_another_envelope_is_answered_with_the_same_bytes(client: httpx.Client) -> None:
    message = an_order_message()
    first = process(client, message)
    again = process(client, message | {"id": uuid4().hex, "timestamp": "2026-11-21T12:05:00Z"})
    assert (again.status_code, again.content) == (200, first.content)
    assert [one["meta"]["versionId"] for one in found(client, message, 2)] == ["1"]


def test_the_same_message_eight_times_at_once_is_done_once(galenic: Galenic, client: httpx.Client) -> None:
    message = an_order_message({"identifier": []})
    message["entry"][2]["resource"].pop("identifier")
    with galenic.client() as other, ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: process((client, other)[n % 2], message), range(8)))
    assert {answer.status_code for answer in answers} == {200}, [a.text for a in answers]
    assert len({answer.content for answer in answers}) == 1
    (patient,) = found(client, message, 1)
    assert client.get(f"/MedicationRequest?subject=Patient/{patient['id']}&_total=accurate").json()["total"] == 1


def test_another_message_under_a_known_id_is_refused_and_changes_nothing(client: httpx.Client) -> None:
    message = an_order_message()
    assert process(client, message).status_code == 200
    other = deepcopy(message)
    other["entry"][2]["resource"]["status"] = "stopped"
    refused(process(client, other), 422)
    assert [one["status"] for one in found(client, message, 2)] == [message["entry"][2]["resource"]["status"]]


HEADER = "Bundle.entry[0].resource"


@pytest.mark.parametrize(
    ("message", "status", "place"),
    [
        (an_order_message(eventCoding={"system": EVENTS, "code": "A40"}), 422, f"{HEADER}.event"),
        (an_order_message(eventCoding={"system": "urn:other", "code": "O11"}), 422, f"{HEADER}.event"),
        (an_order_message(focus=[{"reference": "MedicationRequest/x"}]), 422, f"{HEADER}.focus[0].reference"),
        (an_order_message(focus=[{"reference": "Patient/p"}]), 422, f"{HEADER}.focus[0].reference"),
        (an_order_message(focus=[]), 400, f"{HEADER}.focus"),
        (an_order_message(response={"identifier": "1", "code": "ok"}), 422, f"{HEADER}.response"),
        (an_order_message({"status": "wrong"}), 400, "Bundle.entry[2].resource.status"),
        (an_order_message(focus=[{"reference": "http://[x"}]), 422, f"{HEADER}.focus[0].reference"),
        (an_order_message() | {"type": "collection"}, 400, "Bundle.type"),
        (a_patient(), 400, "Resource"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else str(value),
)
def test_what_is_not_understood_is_refused_with_its_place(
    client: httpx.Client, message: Resource, status: int, place: str
) -> None:
    outcome = refused(process(client, message), status)
    assert any(place in "".join(issue.get("expression", [])) for issue in outcome["issue"]), outcome
    if message["resourceType"] == "Bundle":
        assert found(client, message, 2) == []


def test_a_relative_reference_is_never_to_a_resource_of_this_server(client: httpx.Client) -> None:
    here = client.post("/Patient", json=a_patient()).json()["id"]
    message = an_order_message({"subject": {"reference": f"Patient/{here}"}})
    assert process(client, message).status_code == 200
    (order,) = found(client, message, 2)
    assert order["subject"]["reference"] == f"{WARD}/Patient/{here}"
    named = an_order_message({"subject": {"reference": f"Patient/{here}"}})
    named["entry"][2]["fullUrl"] = f"urn:uuid:{uuid4()}"
    outcome = refused(process(client, named), 422)
    assert outcome["issue"][0]["expression"] == ["Bundle.entry[2].resource"]


def test_a_source_without_an_endpoint_is_answered_without_a_destination(client: httpx.Client) -> None:
    unknown = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    answer = process(client, an_order_message(source={"name": "Ward", "_endpoint": {"extension": [unknown]}}))
    assert answer.status_code == 200, answer.text
    assert "destination" not in answer.json()["entry"][0]["resource"]


def test_what_no_search_finds_by_its_identifier_is_created(client: httpx.Client) -> None:
    message = an_order_message()
    product = {"resourceType": "BiologicallyDerivedProduct", "id": "b", "identifier": [an_identifier()]}
    message["entry"].append({"fullUrl": f"{WARD}/BiologicallyDerivedProduct/b", "resource": product})
    assert process(client, message).status_code == 200


def test_of_several_messages_under_one_id_at_once_one_is_done_and_all_are_kept(
    galenic: Galenic, client: httpx.Client
) -> None:
    first = an_order_message()
    others = [deepcopy(first) for _ in range(4)]
    for number, other in enumerate(others):
        other["entry"][2]["resource"]["note"] = [{"text": f"note {number}"}]
    with ThreadPoolExecutor(4) as threads:
        statuses = sorted(threads.map(lambda one: process(client, one).status_code, others))
    assert statuses == [200, 422, 422, 422]
    with psycopg.connect(galenic.environment["GALENIC_DATABASE_URL"]) as connection:
        kept = connection.execute("SELECT state FROM message ORDER BY number DESC LIMIT 4").fetchall()
    assert sorted(kept) == [("answered",), ("failed",), ("failed",), ("failed",)]


def test_a_message_without_the_id_of_its_header_is_refused(client: httpx.Client) -> None:
    message = an_order_message()
    del message["entry"][0]["resource"]["id"]
    outcome = refused(process(client, message), 400)
    assert outcome["issue"][0]["expression"] == [f"{HEADER}.id"]


def test_a_corrected_message_may_come_under_the_id_of_the_refused_one(galenic: Galenic, client: httpx.Client) -> None:
    message = an_order_message(focus=[{"reference": "Patient/p"}])
    refused(process(client, message), 422)
    with psycopg.connect(galenic.environment["GALENIC_DATABASE_URL"]) as connection:
        kind, state, control_id, notes, resources = connection.execute(KEPT).fetchone() or ()
    assert (kind, state, control_id, resources) == ("FHIR^O11", "failed", "", [])
    assert notes[0]["place"] == f"{HEADER}.focus[0].reference"
    message["entry"][0]["resource"]["focus"] = [{"reference": "MedicationRequest/o"}]
    assert process(client, message).status_code == 200
    with psycopg.connect(galenic.environment["GALENIC_DATABASE_URL"]) as connection:
        kind, state, control_id, _, resources = connection.execute(KEPT).fetchone() or ()
    assert (kind, state, control_id) == ("FHIR^O11", "answered", message["entry"][0]["resource"]["id"])
    assert {one.partition("/")[0] for one in resources} == {"MessageHeader", "Patient", "MedicationRequest"}


def test_an_answer_at_once_may_be_asked_for(client: httpx.Client) -> None:
    assert client.post("/$process-message?async=false", json=an_order_message()).status_code == 200


@pytest.mark.parametrize("query", ["async=true", "response-url=https://ward.example.org"])
def test_what_asks_for_an_answer_elsewhere_is_refused(client: httpx.Client, query: str) -> None:
    refused(client.post(f"/$process-message?{query}", json=an_order_message()), 400)


def test_what_hl7_v2_maps_to_is_understood_as_a_message(client: httpx.Client) -> None:
    raw = an_order(uuid4().hex[:12], uuid4().hex[:12])
    converted = client.post("/$convert", content=raw, headers=ER7).json()["parameter"][0]["resource"]
    entries = [{name: entry[name] for name in ("fullUrl", "resource")} for entry in converted["entry"]]
    entries.sort(key=lambda entry: entry["resource"]["resourceType"] != "MessageHeader")
    entries[0]["resource"]["id"] = uuid4().hex
    message = {"resourceType": "Bundle", "type": "message", "entry": entries}
    answer = process(client, message)
    assert answer.status_code == 200, answer.text
    assert any("/MedicationRequest/" in one["reference"] for one in answer.json()["entry"][0]["resource"]["focus"])


@pytest.fixture
async def guarded(cluster: Cluster) -> Any:
    cluster.execute("CREATE DATABASE process_message TEMPLATE galenic")
    async with closed(cluster.database("process_message").app_url) as server:
        yield server
    cluster.execute("DROP DATABASE process_message WITH (FORCE)")


async def test_a_message_does_what_the_token_may_and_no_more(guarded: Closed) -> None:
    whole = "system/MessageHeader.cruds system/Patient.cruds system/MedicationRequest.cruds"
    lacking = [
        "system/Patient.cruds system/MedicationRequest.cruds",
        "system/MessageHeader.c system/Patient.cruds",
        "system/MessageHeader.c system/Patient.rs system/MedicationRequest.cruds",
        "system/MessageHeader.c system/Patient.cruds system/MedicationRequest.crs",
    ]
    for scopes in lacking:
        async with guarded.system(scopes) as client:
            answer = await client.post("/$process-message", json=an_order_message())
        assert answer.status_code == 403, scopes
    async with guarded.system(whole) as client:
        assert (await client.get("/MedicationRequest?_total=accurate&_count=0")).json()["total"] == 0
        assert (await client.post("/$process-message", json=an_order_message())).status_code == 200


async def test_a_patients_message_reaches_no_other_patient(guarded: Closed) -> None:
    message = an_order_message()
    async with guarded.system() as client:
        mine = (await client.post("/Patient", json=a_patient())).json()["id"]
        assert (await client.post("/$process-message", json=message)).status_code == 200
    changed = deepcopy(message)
    changed["entry"][0]["resource"]["id"] = uuid4().hex
    changed["entry"][2]["resource"]["status"] = "stopped"
    async with guarded.patient(mine) as client:
        assert (await client.post("/$process-message", json=changed)).status_code in (403, 404)
    async with guarded.system() as client:
        orders = (await client.get("/MedicationRequest")).json()["entry"]
    assert [one["resource"]["status"] for one in orders] == [message["entry"][2]["resource"]["status"]]
