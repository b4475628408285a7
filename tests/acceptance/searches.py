"""Searches as a client reads them: matches, included resources, links, and what the server says besides."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PAGES_MAX = 5_000

Pairs = Sequence[tuple[str, str]]
Json = dict[str, Any]


def link(bundle: Json, relation: str) -> str | None:
    return next((one["url"] for one in bundle["link"] if one["relation"] == relation), None)


def applied(bundle: Json) -> list[tuple[str, str]]:
    """The parameters of `self`, in their order."""
    return parse_qsl(urlsplit(link(bundle, "self")).query, keep_blank_values=True)


def resources(bundle: Json, mode: str = "match") -> list[Json]:
    return [entry["resource"] for entry in bundle.get("entry", []) if entry["search"]["mode"] == mode]


def keys(bundle: Json, mode: str = "match") -> list[tuple[str, str]]:
    """Types and ids."""
    return [(one["resourceType"], one["id"]) for one in resources(bundle, mode)]


def told(bundle: Json) -> list[Json]:
    """The issues of the Bundle's OperationOutcomes."""
    return [issue for outcome in resources(bundle, "outcome") for issue in outcome["issue"]]


def written(url: str, pairs: Pairs) -> str:
    """httpx would put parameters of one name beside each other."""
    return f"{url}?{urlencode(list(pairs))}" if pairs else url


def searched(client: httpx.Client, url: str, pairs: Pairs = (), **headers: str) -> Json:
    """The first page."""
    response = client.get(written(url, pairs), headers=headers)
    assert response.status_code == 200, response.text[:1000]
    return response.json()


def pages(client: httpx.Client, bundle: Json) -> Iterator[Json]:
    """The page and those its links lead on to."""
    for _ in range(PAGES_MAX):
        yield bundle
        following = link(bundle, "next")
        if following is None:
            return
        bundle = searched(client, following)
    raise AssertionError("the pages do not end")


def found(client: httpx.Client, url: str, *pairs: tuple[str, str]) -> list[str]:
    """The ids of all matches, in their order."""
    return [one["id"] for page in pages(client, searched(client, url, pairs)) for one in resources(page)]
