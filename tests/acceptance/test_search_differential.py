"""S1: generated queries find what the specification's text says, by a brute-force evaluator of its own.

https://hl7.org/fhir/R4/search.html. Half of the queries are the same in each run; the seed of the others is shown where
one fails, and GALENIC_SEARCH_SEED asks them again.
"""

import os
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import httpx
import pytest

from tests.acceptance.populations import BATCH_ENTRIES, put_all
from tests.conftest import Cluster
from tests.oracle.definitions import PACKAGE, load
from tests.oracle.differences import Answer, difference
from tests.oracle.evaluate import Oracle
from tests.oracle.population import population
from tests.oracle.questions import Query, Questions
from tests.running.galenic import Galenic, running

pytestmark = pytest.mark.corpus

POPULATION_SEED, SAME_SEED = 4, 1
OTHER_SEED = int(os.environ.get("GALENIC_SEARCH_SEED") or random.SystemRandom().randrange(10**6))
SHOWN_MAX = 40


@pytest.fixture(scope="module")
def galenic(cluster: Cluster) -> Iterator[Galenic]:
    """Which searches are too costly depends on how busy the machine is: here each has all the time it takes."""
    cluster.execute("CREATE DATABASE differential TEMPLATE galenic")
    with running(cluster.database("differential").app_url, statement_timeout_ms="300000") as server:
        yield server
    cluster.execute("DROP DATABASE differential WITH (FORCE)")


@pytest.fixture(scope="module")
def oracle(client: httpx.Client, galenic: Galenic, corpus: Path, at_full_counts: bool) -> Oracle:
    """Of what the server has stored: it gave the resources their `lastUpdated`."""
    size = 5000 if at_full_counts else 800
    sent = list(population(random.Random(POPULATION_SEED), size, galenic.base_url))
    parts = (sent[start : start + BATCH_ENTRIES] for start in range(0, len(sent), BATCH_ENTRIES))
    stored = [one for part in parts for one in put_all(client, part)]
    return Oracle(stored, load(corpus / PACKAGE), galenic.base_url)


def asked(client: httpx.Client, query: Query) -> Answer:
    """All pages together; what includes others is asked for in pages small enough for all they include.

    What one page includes and another has as a match counts as a match.
    """
    includes = any(name.startswith(("_include", "_revinclude")) for name, _ in query.pairs)
    response = client.get(f"/{query.type_name}", params=[*query.pairs, ("_count", "100" if includes else "1000")])
    ids, included = [], set()
    while response.status_code == 200:
        bundle = response.json()
        for entry in bundle.get("entry", []):
            resource, mode = entry["resource"], entry["search"]["mode"]
            if mode == "match":
                ids.append(resource["id"])
            elif mode == "include":
                included.add((resource["resourceType"], resource["id"]))
        following = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
        if following is None:
            return Answer(ids, frozenset(included - {(query.type_name, one) for one in ids}))
        response = client.get(following)
    return Answer([], frozenset(), f"{response.status_code} {response.text[:300]}")


@pytest.mark.parametrize("seed", [SAME_SEED, OTHER_SEED], ids=["the same in each run", "new in each run"])
def test_what_is_found_is_what_the_specification_says(
    client: httpx.Client, oracle: Oracle, at_full_counts: bool, seed: int
) -> None:
    questions = Questions(random.Random(seed), oracle.store)
    queries = list(islice(questions, 1000 if at_full_counts else 150))
    compared = [difference(oracle, query.type_name, query.pairs, asked(client, query)) for query in queries]
    differences = [one for one in compared if one]
    shown = "\n".join(differences[:SHOWN_MAX])
    assert not differences, f"GALENIC_SEARCH_SEED={seed}: {len(differences)} of {len(queries)} differ\n{shown}"
