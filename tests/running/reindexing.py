"""Custom search parameters from outside: posted, re-indexed, waited for."""

import time
from typing import Any
from uuid import uuid4

import httpx

from tests.running.waiting import allowed

DONE_SECONDS_MAX = 60.0
NOTICED_SECONDS_MAX = 10.0
EYE_COLOUR = "http://example.org/StructureDefinition/eye-colour"


def a_search_parameter(code: str, kind: str, expression: str, **elements: Any) -> dict[str, Any]:
    """Of Patient, active and with a URL that no other has, unless given."""
    return {
        "resourceType": "SearchParameter",
        "url": f"http://example.org/SearchParameter/{uuid4().hex}",
        "name": code,
        "status": "active",
        "description": "For a test",
        "code": code,
        "base": ["Patient"],
        "type": kind,
        "expression": expression,
        **elements,
    }


def begin(client: httpx.Client) -> str:
    """Asks for a re-indexing; the path of its status."""
    response = client.post("/$reindex")
    assert response.status_code == 202, response.text
    return response.headers["Content-Location"].rpartition("/")[2]


def await_done(client: httpx.Client, status: str) -> dict[str, Any]:
    """The Parameters of a job that has ended, by name."""
    deadline = time.monotonic() + DONE_SECONDS_MAX
    while (response := client.get(f"/{status}")).status_code == 202:
        assert time.monotonic() < deadline, response.text
        time.sleep(0.05)
    assert response.status_code == 200, response.text
    parameters = response.json()["parameter"]
    return {one["name"]: next(value for name, value in one.items() if name != "name") for one in parameters}


def reindexed(client: httpx.Client) -> dict[str, Any]:
    """Re-indexes to the end, and until the process that answers has noticed."""
    ended = await_done(client, begin(client))
    assert ended["state"] == "done", ended
    time.sleep(1.1)
    return ended


def await_answer(client: httpx.Client, url: str, status: int) -> httpx.Response:
    """The first answer of a status: another process may notice a little later."""
    deadline = time.monotonic() + allowed(NOTICED_SECONDS_MAX)
    while (response := client.get(url)).status_code != status:
        assert time.monotonic() < deadline, response.text
        time.sleep(0.05)
    return response


def ids(response: httpx.Response) -> list[str]:
    """Of what a search matched, in the order of the page."""
    assert response.status_code == 200, response.text
    entries = response.json().get("entry", [])
    return [entry["resource"]["id"] for entry in entries if entry["search"]["mode"] == "match"]
