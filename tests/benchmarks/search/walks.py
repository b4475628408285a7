"""Requests that only the store itself can name: pages far behind the first, and what changed since a moment."""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from fhir_server.clock import instant
from fhir_server.model.resource_types import type_number
from tests.benchmarks.search.asking import Asking
from tests.benchmarks.search.store import Store

DEEP_PAGES = 200
"""How far a deep page is behind the first (pages)."""

LAST_PAGES = 50
"""Of the pages of a walk the last are asked for (pages)."""

SINCE = """
SELECT DISTINCT last_updated FROM (
    SELECT last_updated FROM resource WHERE type = %s ORDER BY last_updated DESC OFFSET 200 LIMIT 20000
) AS latest ORDER BY last_updated LIMIT 500
"""


def deep_pages(first: str) -> Callable[[Store], Awaitable[list[str]]]:
    """Along the `next` links; where the first page is refused or has none, the first page itself."""

    async def paths(store: Store) -> list[str]:
        found = [first]
        async with Asking(store.target) as asking:
            while len(found) <= DEEP_PAGES:
                answer = await asking.ask(found[-1])
                if answer.status != 200 or not (following := answer.bundle.next_path):
                    break
                found.append(following)
        return found[-LAST_PAGES:]

    return paths


def changes(type_name: str) -> Callable[[Store], Awaitable[list[str]]]:
    """From moments at which the last of the type were written."""

    async def paths(store: Store) -> list[str]:
        with store.connect() as connection:
            moments = connection.execute(SINCE, [type_number(type_name)]).fetchall()
        asked = (quote(instant(moment)) for (moment,) in moments)  # type: ignore[arg-type]
        return [f"{type_name}?_lastUpdated=ge{moment}&_sort=_lastUpdated&_count=50" for moment in asked]

    return paths
