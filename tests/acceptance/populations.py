"""The invented pharmacy, stored by a server."""

import random
from collections.abc import Iterator

import httpx

from tests.acceptance.searches import Json
from tests.oracle.json_text import dump_exact, load_exact
from tests.oracle.population import population

SEED = 7
BATCH_ENTRIES = 200


def stored_population(client: httpx.Client, base_url: str, size: int) -> list[Json]:
    """About `size` resources as the server has stored them."""
    sent = list(population(random.Random(SEED), size, base_url))
    parts = (sent[start : start + BATCH_ENTRIES] for start in range(0, len(sent), BATCH_ENTRIES))
    return [one for part in parts for one in put_all(client, part)]


def put_all(client: httpx.Client, resources: list[Json]) -> Iterator[Json]:
    """By a batch: in it, references may lead nowhere."""
    requests = [{"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"} for one in resources]
    entries = [{"resource": one, "request": request} for one, request in zip(resources, requests, strict=True)]
    body = dump_exact({"resourceType": "Bundle", "type": "batch", "entry": entries})
    response = client.post("", content=body, headers={"Prefer": "return=representation"})
    assert response.status_code == 200, response.text[:2000]
    for entry in load_exact(response.content)["entry"]:
        assert entry["response"]["status"].startswith("201"), entry
        yield entry["resource"]
