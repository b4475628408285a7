"""The topic stock-low: whoever keeps stock asks for more of an item. docs/subscriptions/topics.md."""

from uuid import uuid4

import httpx

from subscriptions.topics import BASE
from tests.acceptance.subscriptions.subscriber import Resource, becomes, bundles, events, numbers, parameter, subscribe
from tests.builders.subscriptions import a_subscription
from tests.running.sink import listening
from tests.running.waiting import eventually

CATEGORIES = "https://galenic.dev/fhir/CodeSystem/supply-request-category"
STOCK_LOW = f"{BASE}stock-low"


def a_request(identifier: str, status: str, code: str = "reorder") -> Resource:
    return {
        "resourceType": "SupplyRequest",
        "identifier": [{"system": "urn:orders", "value": identifier}],
        "status": status,
        "category": {"coding": [{"system": CATEGORIES, "code": code}]},
        "itemCodeableConcept": {"text": "Amoxicillin 250 mg capsules"},
        "quantity": {"value": 500},
    }


def write(client: httpx.Client, resource: Resource) -> Resource:
    answer = client.post("/SupplyRequest", json=resource)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_whoever_subscribes_to_low_stock_is_told_once_of_each_reorder(client, galenic):
    mine = uuid4().hex
    async with listening() as sink:
        narrowed = f"SupplyRequest?identifier=urn:orders|{mine}"
        id_ = subscribe(client, a_subscription(f"http://127.0.0.1:{sink.port}/", STOCK_LOW, narrowed))
        await becomes(client, id_, "active")
        write(client, a_request(mine, "active", "central"))
        written = write(client, a_request(mine, "draft"))
        for change in ({"status": "active"}, {"quantity": {"value": 600}}, {"status": "completed"}):
            written |= change
            assert client.put(f"/SupplyRequest/{written['id']}", json=written).status_code == 200
        other = write(client, a_request(mine, "active"))
        await eventually(lambda: len(numbers(sink.heard)) >= 2)
    told = bundles(sink.heard, "event-notification")
    assert numbers(sink.heard) == [1, 2]
    assert {parameter(bundle, "topic") for bundle in told} == {STOCK_LOW}
    urls = [f"{galenic.base_url}/SupplyRequest/{one['id']}" for one in (written, other)]
    assert [one["focus"]["reference"] for bundle in told for one in events(bundle)] == urls
