"""The embedded Valkey: private, append-only, and back after every kind of kill."""

import os
import signal
import stat
from pathlib import Path

import pytest
import redis

from fhir_server.embedded.place import EmbeddedError
from fhir_server.embedded.valkey import EmbeddedValkey
from tests.running.waiting import wait_until


@pytest.fixture
def valkey(data_dir):
    valkey = EmbeddedValkey(data_dir)
    valkey.start()
    yield valkey
    valkey.stop()


@pytest.fixture
def client(valkey):
    with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        yield client


@pytest.mark.parametrize(
    ("setting", "expected"),
    [("port", "0"), ("appendonly", "yes"), ("maxmemory-policy", "noeviction"), ("protected-mode", "yes")],
)
def test_it_is_configured_as_it_should_be(client, setting, expected):
    assert client.config_get(setting)[setting] == expected


def test_the_password_is_asked_for_and_is_not_on_the_command_line(valkey, data_dir):
    password = valkey.url.split(":")[2].split("@")[0]
    with pytest.raises(redis.AuthenticationError), redis.Redis.from_url(valkey.url.replace(password, "no")) as client:
        client.ping()
    assert password.encode() not in Path(f"/proc/{valkey.pid}/cmdline").read_bytes()
    assert stat.S_IMODE((data_dir / "valkey/valkey.conf").stat().st_mode) == 0o600
    assert stat.S_IMODE((data_dir / "run/valkey.sock").stat().st_mode) == 0o700


def test_what_was_written_outlives_a_stop(valkey, client):
    client.set("kept", "1")
    client.close()
    valkey.stop()
    assert not valkey.is_running()
    valkey.start()
    assert client.get("kept") == "1"


def test_a_killed_server_starts_again(valkey, client):
    client.ping()
    client.close()
    os.kill(valkey.pid, signal.SIGKILL)
    wait_until(lambda: not valkey.is_running(), 5)
    valkey.start()
    assert client.ping()


def test_a_second_server_on_the_same_data_folder_is_told_so(valkey, data_dir):
    with pytest.raises(EmbeddedError, match="in use by a running Galenic"):
        EmbeddedValkey(data_dir).start()
