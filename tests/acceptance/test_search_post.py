"""S6: POST finds what GET finds, and totals are what is found. https://hl7.org/fhir/R4/http.html#search."""

import random
from itertools import islice
from pathlib import Path
from urllib.parse import urlencode

import httpx
import psycopg
import pytest

from tests.acceptance.outcomes import VALIDATOR, refused
from tests.acceptance.populations import put_all, stored_population
from tests.acceptance.searches import FORM, Json, Pairs, applied, keys, pages, searched, written
from tests.builders.resources import a_patient
from tests.conftest import Cluster
from tests.oracle.definitions import PACKAGE, load
from tests.oracle.evaluate import Oracle
from tests.oracle.questions import Query, Questions
from tests.running.galenic import Galenic

MANY = 2_000
"""More resources than are counted where an estimate is asked for."""


@pytest.fixture(scope="module")
def queries(client: httpx.Client, galenic: Galenic, corpus: Path, at_full_counts: bool) -> list[Query]:
    stored = stored_population(client, galenic.base_url, 2_000 if at_full_counts else 300)
    oracle = Oracle(stored, load(corpus / PACKAGE), galenic.base_url)
    return list(islice(Questions(random.Random(6), oracle.store), 1_000 if at_full_counts else 200))


def posted(client: httpx.Client, query: Query, url_pairs: Pairs, form_pairs: Pairs) -> Json:
    url = written(f"/{query.type_name}/_search", url_pairs)
    response = client.post(url, content=urlencode(list(form_pairs)), headers=FORM)
    assert response.status_code == 200, (query, response.text[:1000])
    return response.json()


@pytest.mark.corpus
def test_post_finds_what_get_finds_in_the_same_order(client: httpx.Client, queries: list[Query]) -> None:
    draw = random.Random(1)
    for query in queries:
        asked = [*query.pairs, ("_total", "accurate"), ("_count", "1000")]
        cut = draw.randint(0, len(asked))
        got = searched(client, f"/{query.type_name}", asked)
        for bundle in (posted(client, query, (), asked), posted(client, query, asked[:cut], asked[cut:])):
            assert keys(bundle) == keys(got), query
            assert sorted(keys(bundle, "include")) == sorted(keys(got, "include")), query
            assert bundle["total"] == got["total"] == len(keys(got)), query
            assert applied(bundle) == applied(got) == asked


@pytest.mark.corpus
def test_every_way_to_count_gives_the_number_of_matches(client: httpx.Client, queries: list[Query]) -> None:
    for query in queries:
        url = f"/{query.type_name}"
        number = sum(len(keys(page)) for page in pages(client, searched(client, url, [*query.pairs, ("_count", "40")])))
        for extra in (("_summary", "count"), ("_count", "0")):
            for bundle in (
                searched(client, url, [*query.pairs, extra]),
                posted(client, query, (), [*query.pairs, extra]),
            ):
                assert bundle["total"] == number, (query, extra)
                assert "entry" not in bundle, (query, extra)
                assert VALIDATOR.validate(bundle) == []


@pytest.mark.corpus
def test_the_total_stays_the_same_on_every_page(client: httpx.Client, queries: list[Query]) -> None:
    totals = [
        page["total"] for page in pages(client, searched(client, "/Patient", [("_total", "accurate"), ("_count", "3")]))
    ]
    assert len(totals) > 3
    assert set(totals) == {len(totals) * 3 - (-totals[0] % 3)}


@pytest.mark.corpus
def test_without_total_none_is_told(client: httpx.Client, queries: list[Query]) -> None:
    assert "total" not in searched(client, "/Patient")
    assert "total" not in searched(client, "/Patient", [("_total", "none")])


@pytest.fixture(scope="module")
def many(client: httpx.Client, galenic: Galenic, cluster: Cluster) -> None:
    """The database has looked at its rows, as it does by itself within minutes."""
    for start in range(0, MANY, 500):
        numbers = range(start, start + 500)
        made = [a_patient(f"Estimated {n % 10}", id=f"many-{n}", active=n % 4 > 0) for n in numbers]
        assert len(list(put_all(client, made))) == 500
    name = galenic.environment["GALENIC_DATABASE_URL"].partition("?")[0].rpartition("/")[2]
    with psycopg.connect(cluster.database(name).superuser_url, autocommit=True) as connection:
        connection.execute("ANALYZE search")


ESTIMATED = [
    [],
    [("active", "true")],
    [("family", "Estimated")],
    [("family", "Estimated 3")],
    [("family", "Nobody")],
    [("active", "true"), ("family", "Estimated")],
    [("_id", "many-1,many-2")],
    [("family:contains", "mate")],
    [("gender:missing", "true")],
]


@pytest.mark.parametrize("pairs", ESTIMATED, ids=str)
def test_an_estimate_is_within_an_order_of_magnitude(client: httpx.Client, many: None, pairs: Pairs) -> None:
    accurate = searched(client, "/Patient", [*pairs, ("_total", "accurate")])["total"]
    estimate = searched(client, "/Patient", [*pairs, ("_total", "estimate")])["total"]
    assert accurate / 10 <= estimate <= accurate * 10


FORMS = {
    "JSON": (b"{}", "application/json", 415),
    "no text": (b"family=%ff", "application/x-www-form-urlencoded", 400),
    "bytes": (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
    "another charset": (b"family=x", "application/x-www-form-urlencoded; charset=latin-1", 415),
    "an unknown parameter": (b"shoe-size=44", "application/x-www-form-urlencoded", 400),
    "too many parameters": (b"&".join([b"_id=1"] * 1_000_000), "application/x-www-form-urlencoded", 403),
}


@pytest.mark.parametrize(("content", "media_type", "status"), FORMS.values(), ids=FORMS)
def test_a_form_that_is_none_is_refused(client: httpx.Client, content: bytes, media_type: str, status: int) -> None:
    refused(client.post("/Patient/_search", content=content, headers={"Content-Type": media_type}), status)


def test_a_post_without_a_form_is_the_search_of_its_url(client: httpx.Client, many: None) -> None:
    response = client.post("/Patient/_search", params={"_id": "many-1"}, headers=FORM)
    assert keys(response.json()) == [("Patient", "many-1")]
