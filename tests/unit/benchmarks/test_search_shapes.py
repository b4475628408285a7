"""What the benchmarks of search ask, and how they understand the answers."""

import json
from itertools import islice

import msgspec
import pytest

from fhir_server.model.definitions import load_definitions
from fhir_server.search.registry import Registry
from tests.benchmarks.search.asking import Answer
from tests.benchmarks.search.chance import identity
from tests.benchmarks.search.life import Life
from tests.benchmarks.search.measure import Measured
from tests.benchmarks.search.report import Run, Stage, lines, shapes_table
from tests.benchmarks.search.shapes import SHAPES
from tests.benchmarks.search.side_tables import dates_of, links_of, tokens_of
from tests.benchmarks.search.store import SAMPLE, Samples

COUNT = 3_000
WALKED = {"changes since", "deep page"}
RESULT_PARAMETERS = {"_sort", "_count", "_include", "_revinclude", "_total", "_summary", "_has"}


class SampledStore:
    """As much of a store as needs no server."""

    def __init__(self):
        self.samples = Samples()
        for resource in islice(Life(COUNT).resources(), COUNT):
            self.samples.look_at(resource)


@pytest.fixture(scope="module")
def store():
    return SampledStore()


@pytest.mark.parametrize("shape", [s for s in SHAPES if s.name not in WALKED], ids=lambda shape: shape.name)
async def test_every_shape_asks_parameters_of_its_type(store, shape):
    registry = Registry(load_definitions())
    paths = await shape.paths(store)
    assert 0 < len(paths) <= SAMPLE
    assert paths == list(dict.fromkeys(paths))
    for path in paths:
        type_name, _, query = path.partition("?")
        names = {pair.partition("=")[0].partition(".")[0].partition(":")[0] for pair in query.split("&")}
        assert names - RESULT_PARAMETERS <= set(registry.parameters(type_name))
        assert path.isascii()


def test_there_are_twenty_pages_an_estimate_and_a_count():
    assert len({shape.name for shape in SHAPES}) == len(SHAPES) == 22
    assert [shape.name for shape in SHAPES if shape.may_grow] == ["count"]


def test_a_sample_is_drawn_from_the_whole_store_the_same_each_time():
    first, second = Samples(), Samples()
    for number in range(5 * SAMPLE):
        for samples in (first, second):
            samples.look_at({"resourceType": "Patient", "number": number})
    numbers = [resource["number"] for resource in first.of("Patient")]
    assert first.of("Patient") == second.of("Patient")
    assert len(set(numbers)) == SAMPLE
    assert 2 * SAMPLE < sum(numbers) / SAMPLE < 3 * SAMPLE


def searchset(url, *entries, **more):
    links = [{"relation": "self", "url": url}, {"relation": "next", "url": "http://host/fhir/Patient?_cursor=x"}]
    return json.dumps({"resourceType": "Bundle", "link": links, "entry": [{"resource": e} for e in entries]} | more)


def test_an_answer_tells_its_resources_but_not_its_outcome():
    entries = {"resourceType": "Patient", "id": "a"}, {"resourceType": "OperationOutcome", "issue": []}
    answer = Answer("Patient?name=x", 200, searchset("http://host/fhir/Patient?name=x", *entries).encode())
    assert answer.bundle.keys == [("Patient", "a")]
    assert answer.bundle.next_path == "Patient?_cursor=x"
    assert answer.refusal == ""


def test_what_the_self_link_lacks_was_not_asked():
    body = searchset("http://host/fhir/Patient?name=x", total=3)
    answer = Answer("Patient?name=x&_sort=family&_total=accurate", 200, body.encode())
    assert answer.refusal == "not applied: _sort, _total"
    assert answer.bundle.total == 3


def test_a_refusal_is_told_in_the_servers_words():
    outcome = {"resourceType": "OperationOutcome", "issue": [{"diagnostics": "no such thing"}]}
    assert Answer("Patient?x=y", 400, json.dumps(outcome).encode()).refusal == "400: no such thing"
    assert Answer("Patient?x=y", 503, b"<html>").refusal == "503: b'<html>'"


def test_side_tables_have_a_row_for_each_value():
    patient = next(r for r in Life(COUNT).resources() if r["resourceType"] == "Patient")
    decoded = msgspec.json.decode(msgspec.json.encode(patient))
    assert len(list(tokens_of(decoded))) == len(set(tokens_of(decoded))) >= 5
    assert len(list(links_of(decoded))) == 2
    assert [low for _, low, _ in dates_of(decoded)] == [patient["birthDate"]]


def a_shape(**figures):
    return Measured("page", **{"entries": 50, "p50_ms": 2.0, "database_ms": 1.0, "key_database_ms": 0.5} | figures)


def test_growth_is_from_the_first_size_to_the_last():
    run = Run([Stage(10, [a_shape()]), Stage(100, [a_shape(p50_ms=4.0)])])
    assert run.growth(run.stages[-1].shapes[0], "p50_ms") == 2.0
    assert run.growth(run.stages[-1].shapes[0], "database_ms") == 1.0


def test_what_was_refused_at_first_has_no_growth():
    run = Run([Stage(10, [Measured("page", "refused")]), Stage(100, [a_shape()])])
    assert run.growth(run.stages[-1].shapes[0], "p50_ms") is None


def cell(run, header, nth=0):
    columns = [column for column in shapes_table(run).columns if column.header == header]
    return next(iter(columns[nth].cells))


def test_what_misses_its_aim_is_marked_and_nothing_else():
    run = Run([Stage(10, [a_shape()]), Stage(100, [a_shape(p50_ms=4.0, per_second=10, page_per_second=30)])])
    assert cell(run, "growth") == "[bold red]2.00[/]"
    assert cell(run, "growth", 1) == "1.00"
    assert cell(run, "share") == "[bold red]0.33[/]"
    assert cell(run, "times", 1) == "2.0"


def test_a_count_may_grow_and_says_how_fast_it_counts():
    count = Measured("count", total=1_000, p50_ms=10.0)
    run = Run([Stage(10, [Measured("count", total=10, p50_ms=1.0)]), Stage(100, [count])], frozenset({"count"}))
    assert cell(run, "growth") == "10.00"
    assert list(lines(run)) == ["count: 1000 rows, 100000 rows/s"]


def test_a_huge_patient_is_one_of_the_first(store):
    first = f"Patient/{identity('Patient', 0)}"
    assert any(r["subject"]["reference"] == first for r in store.samples.of("MedicationRequest"))
