"""`galenic jobs` and `galenic worker`: what an operator sees of work in the background."""

import json
import os
import signal
import subprocess
import sys
from uuid import uuid4

import psycopg
import pytest

from fhir_server.cli import job_arguments
from fhir_server.settings import Settings
from fhir_server.wiring import build, build_outbound
from fhir_server.worker.main import works
from tests.running.galenic import CURSOR_KEY, INDEX_KEY, ROOT
from tests.running.valkey import redis_url
from tests.running.waiting import wait_until

ADD = "INSERT INTO job (kind, key, payload, state, due, problem) VALUES (%s, %s, '{}', %s, now() - %s::interval, %s)"


@pytest.fixture
def rows(database):
    connection = psycopg.connect(database.superuser_url, autocommit=True)
    yield lambda statement, *values: connection.execute(statement, values)
    connection.close()


def an_id(rows, key):
    return str(rows("SELECT id FROM job WHERE key = %s", key).fetchone()[0])


def test_queues_are_listed_with_their_age_and_their_failures(galenic, rows):
    rows(ADD, "notify", "notify/1", "waiting", "90 seconds", None)
    rows(ADD, "notify", "notify/2", "waiting", "-1 hour", None)
    rows(ADD, "notify", "notify/3", "done", "1 hour", None)
    rows(ADD, "reindex", "reindex/1/1", "failed", "1 hour", "ValueError")
    code, said, _ = galenic("jobs", "list")
    assert code == 0
    head = said.splitlines()[:2]
    assert head[0] in [f"notify: open 2  due 1, for {age} s  failed 0" for age in range(90, 100)]
    assert head[1] == "reindex: open 0  due 0, for 0 s  failed 1"
    assert len(said.splitlines()) == 5
    assert galenic("jobs", "list", "--kind", "reindex", "--state", "failed")[1].endswith("done -  ValueError")


def test_a_job_is_shown_and_one_that_is_not_there_is_not(galenic, rows):
    rows(ADD, "send", "send/robot", "waiting", "1 hour", None)
    said = galenic("jobs", "show", an_id(rows, "send/robot"))[1]
    assert "key send/robot  claimed 0 times, 0 without progress" in said
    missing = str(uuid4())
    assert galenic("jobs", "show", missing)[::2] == (1, f"galenic: There is no job {missing}")


@pytest.mark.parametrize(("kind", "state"), [("notify", "waiting"), ("send", "failed")])
def test_what_waits_or_has_failed_is_tried_again_at_once_and_on_record(galenic, rows, kind, state):
    rows(ADD, kind, f"{kind}/1", state, "-1 hour", "ValueError")
    assert galenic("jobs", "retry", an_id(rows, f"{kind}/1"))[0] == 0
    row = rows("SELECT state, due <= now(), attempts, problem, fence FROM job").fetchone()
    assert row == ("waiting", True, 0, None, 1)
    ((detail,),) = rows("SELECT detail FROM audit").fetchall()
    assert detail.endswith("is tried again")


@pytest.mark.parametrize(("kind", "state"), [("reindex", "failed"), ("notify", "running"), ("notify", "done")])
def test_what_is_under_way_or_over_is_not_tried_again(galenic, rows, kind, state):
    rows(ADD, kind, f"{kind}/1", state, "1 hour", None)
    assert galenic("jobs", "retry", an_id(rows, f"{kind}/1"))[0] == 1
    assert rows("SELECT state, fence FROM job").fetchone() == (state, 0)


def test_every_kind_of_job_can_be_asked_for(database):
    settings = Settings(
        database_url=database.app_url, redis_url="redis://x", index_key=INDEX_KEY, cursor_key=CURSOR_KEY
    )
    kinds = {work.kind for work in works(settings, build(settings).server, build_outbound(settings))}
    assert kinds == set(job_arguments.KINDS)


def test_one_more_worker_does_jobs_until_it_is_stopped(database, rows):
    rows(ADD, "notify", "notify/1", "waiting", "1 hour", None)
    rows("UPDATE job SET payload = %s", json.dumps({"subscription": 1}))
    known = {"DATABASE_URL": database.app_url, "REDIS_URL": redis_url(), "INDEX_KEY": INDEX_KEY}
    environment = os.environ | {f"GALENIC_{name}": value for name, value in known.items()}
    command = [sys.executable, "-m", "fhir_server.cli.main", "worker"]
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE)
    wait_until(lambda: rows("SELECT state FROM job").fetchone() == ("done",))
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, b"A worker is at work; Ctrl-C ends it\n")
