"""`galenic load`: what happens to resources, Bundles, bad input, and who else writes."""

import gzip
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from fhir_server.cli.loading import work
from fhir_server.cli.main import main
from fhir_server.embedded.postgres import EmbeddedPostgres
from fhir_server.wiring import build_indexer
from tests.running.galenic import running
from tests.running.reindexing import a_search_parameter, ids, reindexed


@pytest.fixture(autouse=True)
def workers_are_threads(monkeypatch):
    """Processes take seconds to start; test_rows.py has them."""

    @contextmanager
    def workers(settings, generations):
        monkeypatch.setattr(work, "_of_this_process", [work.Preparer(settings, generations)])
        with ThreadPoolExecutor(1) as pool:
            yield pool

    monkeypatch.setattr("fhir_server.cli.load._workers", workers)


@pytest.fixture(params=["knowing", "not knowing"])
def preparers(request, monkeypatch):
    """What the workers know of the custom search parameters: those of now, or none, as where they began before."""
    if request.param == "not knowing":
        monkeypatch.setattr(work, "build_indexer", lambda settings, _: build_indexer(settings))


def test_what_is_loaded_is_found_by_custom_search_parameters(load, patient, monkeypatch, preparers):
    with running(load.database.app_url) as galenic, galenic.client() as client:
        monkeypatch.setenv("GALENIC_PORT", str(galenic.listener.getsockname()[1]))
        body = a_search_parameter("contact-family", "string", "Patient.contact.name.family")
        assert client.post("/SearchParameter", json=body).status_code == 201
        reindexed(client)
        assert load(load.ndjson(patient("a", contact=[{"name": {"family": "Zeller"}}]), patient("b"))) == 0
        assert ids(client.get("/Patient", params={"contact-family": "zeller"})) == ["a"]


def bundle(kind, *entries):
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def post(resource, full_url):
    return {"fullUrl": full_url, "resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}


def test_what_is_loaded_again_is_unchanged(load, patient):
    file = load.ndjson(patient("a"), patient("b"))
    assert load(file) == 0
    assert "Loaded 2, unchanged 0, refused 0" in load.said
    assert load(file) == 0
    assert "Loaded 0, unchanged 2, refused 0" in load.said
    assert load.resource("Patient/a")["meta"]["versionId"] == "1"


def test_of_two_lines_with_one_id_the_later_is_the_newer_version(load, patient):
    assert load(load.ndjson(patient("a", gender="male"), patient("b"), patient("a", gender="female"))) == 0
    stored = load.resource("Patient/a")
    assert (stored["gender"], stored["meta"]["versionId"]) == ("female", "2")


def test_files_are_loaded_in_the_order_of_the_arguments(load, patient):
    one, two = (load.ndjson(patient("a", gender=g), name=f"{g}.ndjson") for g in ("male", "female"))
    assert load(two, one) == 0
    assert load.resource("Patient/a")["gender"] == "male"


def test_a_resource_without_an_id_gets_one(load):
    assert load(load.file("one.json", b'{"resourceType": "Patient", "active": true}')) == 0
    (key,) = load.stored()
    assert load.resource(key)["active"] is True


def test_references_to_nothing_are_loaded_from_ndjson(load):
    link = {"resourceType": "Basic", "id": "b", "code": {"text": "c"}, "subject": {"reference": "Patient/nobody"}}
    assert load(load.ndjson(link)) == 0


def test_a_bad_line_is_refused_with_its_place_and_reason_and_the_rest_is_loaded(load, patient):
    file = load.ndjson(patient("a"), '{"resourceType": ', patient("b", gender="x"), "", patient("c"), '{"a": 1}', "[]")
    assert load(file) == 1
    assert load.stored() == ["Patient/a", "Patient/c"]
    said = load.said.splitlines()
    assert "Loaded 2, unchanged 0, refused 4" in load.said
    assert [line for line in said if f"{file}:3: Patient.gender" in line]
    assert [line for line in said if f"{file}:2: " in line and "JSON" in line]
    assert [line for line in said if f"{file}:6: " in line]
    assert [line for line in said if f"{file}:7: " in line]


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ({"resourceType": "Parameters", "id": "p"}, "not a type that is stored"),
        ({"resourceType": "Patient", "id": "not an id"}, "Patient.id"),
        ({"resourceType": "Bundle", "type": "history"}, "history"),
        ({"resourceType": "Bundle", "type": "collection", "entry": {}}, "Bundle.entry"),
    ],
)
def test_what_has_no_place_in_the_store_is_refused(load, resource, reason):
    assert load(load.ndjson(resource)) == 1
    assert reason in load.said
    assert load.stored() == []


def test_more_refusals_than_the_report_lists_are_counted(load):
    assert load(load.ndjson(*["{}"] * 60)) == 1
    assert "refused 60" in load.said
    assert "... and 10 more" in load.said


def test_a_transaction_is_carried_out_as_one(load, patient):
    link = {"resourceType": "Basic", "code": {"text": "c"}, "subject": {"reference": "urn:uuid:one"}}
    new = {k: v for k, v in patient("x").items() if k != "id"}
    assert load(load.ndjson(bundle("transaction", post(link, "urn:uuid:two"), post(new, "urn:uuid:one")))) == 0
    assert "Loaded 2" in load.said
    keys = dict(key.split("/") for key in load.stored())
    assert load.resource(f"Basic/{keys['Basic']}")["subject"]["reference"] == f"Patient/{keys['Patient']}"


def test_a_transaction_with_a_fault_is_refused_as_a_whole(load, patient):
    bad = bundle("transaction", post(patient("x"), "urn:uuid:one"), post(patient("y", gender="z"), "urn:uuid:two"))
    file = load.file("bad.json", json.dumps(bad).encode())
    assert load(file, load.ndjson(patient("after"))) == 1
    assert load.stored() == ["Patient/after"]
    assert "Loaded 1, unchanged 0, refused 2" in load.said
    assert f"{file} (2 resources): Bundle.entry[1].resource.gender" in load.said


def test_of_a_batch_the_entries_without_fault_are_loaded(load, patient):
    bad = bundle("batch", post(patient("x"), "urn:uuid:one"), post(patient("y", gender="z"), "urn:uuid:two"))
    assert load(load.file("batch.json", json.dumps(bad).encode())) == 1
    assert "Loaded 1, unchanged 0, refused 1" in load.said
    assert "batch.json entry[1]: " in load.said


@pytest.mark.parametrize("kind", ["collection", "searchset", "document", "message"])
def test_of_another_bundle_the_resources_are_loaded_one_by_one(load, patient, kind):
    entries = [{"resource": patient("a")}, {"fullUrl": "urn:x:y"}, {"resource": patient("b", gender="z")}]
    assert load(load.ndjson(bundle(kind, *entries, {"resource": patient("c")}))) == 1
    assert load.stored() == ["Patient/a", "Patient/c"]
    assert ":1 entry[2]: Patient.gender" in load.said


def test_a_resource_waits_for_the_transaction_before_it(load, patient):
    first = bundle("transaction", {"resource": patient("a"), "request": {"method": "PUT", "url": "Patient/a"}})
    assert load(load.ndjson(patient("a", gender="male"), first, patient("a", gender="female"))) == 0
    assert load.resource("Patient/a")["meta"]["versionId"] == "3"


def test_a_missing_file_is_told_before_anything_is_loaded(load, patient):
    assert load(load.ndjson(patient("a")), load.folder / "absent.ndjson") == 2
    assert "absent.ndjson: No such file" in load.said
    assert load.stored() == []


def test_a_damaged_file_is_loaded_up_to_the_damage_and_the_next_one_too(load, patient):
    content = "".join(json.dumps(patient(f"p{n}")) + "\n" for n in range(1_000)).encode()
    damaged = load.file("damaged.ndjson.gz", gzip.compress(content)[:-200])
    assert load(damaged, load.ndjson(patient("after"))) == 2
    assert "Not read to its end: " in load.said
    assert "Patient/p0" in load.stored()
    assert "Patient/after" in load.stored()


def test_another_index_key_is_refused(load, patient, monkeypatch):
    assert load(load.ndjson(patient("a"))) == 0
    monkeypatch.setenv("GALENIC_INDEX_KEY", "f" * 64)
    assert load(load.ndjson(patient("b"))) == 1
    assert load.stored() == ["Patient/a"]


def test_the_database_of_a_data_folder_is_started_for_the_load(data_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GALENIC_DATA_DIR", str(data_dir))
    file = tmp_path / "one.json"
    file.write_text('{"resourceType": "Patient", "id": "a"}')
    assert main(["load", str(file)]) == 0
    assert main(["load", str(file)]) == 0
    assert "unchanged 1" in capsys.readouterr().out
    assert not EmbeddedPostgres(data_dir).is_held()


def test_a_load_and_a_running_server_that_write_the_same_resources_lose_no_version(load, patient, monkeypatch):
    """The load runs forwards, the clients backwards from its first commit on: they meet."""
    count, writers = 2_000, 4
    file = load.ndjson(*(patient(f"p{n}", gender="male") for n in range(count)))
    with running(load.database.app_url) as galenic:
        monkeypatch.setenv("GALENIC_PORT", str(galenic.listener.getsockname()[1]))
        answers = []

        def update(first):
            while not load.rows("SELECT FROM resource LIMIT 1"):
                time.sleep(0.01)
            with galenic.client() as client:
                for n in reversed(range(first, count, writers)):
                    changed = patient(f"p{n}", gender="female")
                    answers.append(client.put(f"/Patient/p{n}", content=json.dumps(changed)).status_code)

        threads = [threading.Thread(target=update, args=(first,)) for first in range(writers)]
        for thread in threads:
            thread.start()
        assert load(file) == 0
        for thread in threads:
            thread.join()
    assert f"Loaded {count}, unchanged 0, refused 0" in load.said
    assert set(answers) == {200, 201}
    assert len(answers) == count
    versions = load.rows("SELECT id, version FROM resource UNION ALL SELECT id, version FROM history")
    assert sorted(versions) == sorted((f"p{n}", v) for n in range(count) for v in (1, 2))
    assert 0 < answers.count(201) < count, "the two did not meet"
