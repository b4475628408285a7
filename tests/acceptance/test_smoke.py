"""The first thing anybody does."""

import httpx


def test_what_is_created_can_be_read(client: httpx.Client) -> None:
    created = client.post("/Patient", json={"resourceType": "Patient", "active": True})
    assert created.status_code == 201
    read = client.get(created.headers["Location"].partition("/_history")[0])
    assert read.content == created.content
