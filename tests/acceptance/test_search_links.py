"""S4: links to further pages are absolute, opaque and signed, and end. https://hl7.org/fhir/R4/http.html#paging."""

import asyncio
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx
import pytest

from tests.acceptance.outcomes import diagnostics, refused
from tests.acceptance.searches import Json, link
from tests.builders.resources import a_patient
from tests.running.galenic import running
from tests.running.load import connections
from tests.running.pair import BASE_URL, Pair


def next_of(bundle: Json) -> str:
    """Below the base."""
    following = link(bundle, "next") or ""
    assert following.startswith(f"{BASE_URL}/")
    return following.removeprefix(BASE_URL)


@pytest.fixture(scope="module")
def client(pair: Pair) -> Iterator[httpx.Client]:
    with pair.servers[0].client() as opened:
        for number in range(20):
            opened.post("/Patient", json=a_patient(f"Family {number}", active=True))
        yield opened


@pytest.fixture
def following(client: httpx.Client) -> str:
    """A next link, below the base."""
    return next_of(client.get("/Patient?active=true&_sort=family&_count=3").json())


def test_a_link_leads_on_at_every_process_and_with_pages_of_another_size(
    client: httpx.Client, pair: Pair, following: str
) -> None:
    here = client.get(following).json()["entry"]
    with pair.servers[1].client() as other:
        assert other.get(following).json()["entry"] == here
    larger = client.get(following.replace("_count=3", "_count=6")).json()["entry"]
    assert larger[:3] == here
    assert len(larger) == 6


def test_a_link_with_any_character_changed_is_refused(client: httpx.Client, following: str) -> None:
    cursor = dict(parse_qsl(urlsplit(following).query))["_cursor"]
    for position in range(0, len(cursor), 5):
        changed = cursor[:position] + ("A" if cursor[position] != "A" else "B") + cursor[position + 1 :]
        refused(client.get(following.replace(cursor, changed)), 400)


def test_a_link_that_was_cut_or_extended_is_refused(client: httpx.Client, following: str) -> None:
    cursor = dict(parse_qsl(urlsplit(following).query))["_cursor"]
    for changed in ("", cursor[:-2], f"{cursor}A", f"{cursor}==", f"!{cursor}", f"{cursor[:9]}\n{cursor[9:]}", "ä"):
        refused(client.get(following.replace(cursor, quote(changed))), 400)


OTHER_SEARCHES = [
    "/Patient?active=true&_sort=-family&_count=3",
    "/Patient?active=true&_count=3",
    "/Patient?active=false&_sort=family&_count=3",
    "/Patient?active=true&gender=male&_sort=family&_count=3",
    "/Practitioner?active=true&_sort=family&_count=3",
    "/Patient/_history?_count=3",
]


@pytest.mark.parametrize("url", OTHER_SEARCHES)
def test_a_link_is_good_for_its_own_search_only(client: httpx.Client, following: str, url: str) -> None:
    cursor = dict(parse_qsl(urlsplit(following).query))["_cursor"]
    refused(client.get(f"{url}&{urlencode({'_cursor': cursor})}"), 400)


async def test_a_link_past_its_time_says_so(pair: Pair, client: httpx.Client) -> None:
    shared = {"index_key": pair.servers[0].environment["GALENIC_INDEX_KEY"], "base_url": BASE_URL}
    with running(pair.database.app_url, worker=False, page_seconds_max="1", **shared) as shortly:
        async with connections([shortly.base_url], 1) as (one,):
            following = next_of((await one.send("GET", "/Patient?_count=3")).json())
            assert (await one.send("GET", following)).status == 200
            await asyncio.sleep(2.1)
        with shortly.client() as late:
            outcome = refused(late.get(following), 410)
    assert "expired" in diagnostics(outcome)
    assert "1 second" in diagnostics(outcome)
