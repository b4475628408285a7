"""What was acknowledged is there, once, whatever dies right after (H2); without a database nothing is (H4)."""

import signal
from collections.abc import Iterator
from itertools import count

import psycopg
import pytest

from tests.conftest import PROVE, Cluster
from tests.running.galenic import Galenic, running
from tests.running.mllp import a_partner, an_order, verdict, wire

KILLS = 50 if PROVE else 4
_numbers = count(1)


@pytest.fixture
def galenic(cluster: Cluster) -> Iterator[Galenic]:
    name = f"durability_{next(_numbers)}"
    cluster.execute(f"CREATE DATABASE {name} TEMPLATE galenic")
    with running(cluster.database(name).app_url, worker=False) as server:
        a_partner(server)
        yield server
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


def ask_and_kill(galenic: Galenic, raw: bytes) -> bytes:
    listener = galenic.start_listener()
    with wire(galenic) as hospital:
        answer = hospital.ask(raw)
        listener.send_signal(signal.SIGKILL)
    listener.wait()
    galenic.workers.remove(listener)
    return answer


def test_what_was_acknowledged_survives_the_death_of_the_listener_and_is_done_once(galenic: Galenic) -> None:
    for number in range(KILLS):
        raw = an_order(f"kill-{number}", f"kill-{number}")
        answer = ask_and_kill(galenic, raw)
        assert verdict(answer) == ("AA", "")
        assert ask_and_kill(galenic, raw) == answer
    with galenic.client() as client:
        found = client.get("/MedicationRequest?_total=accurate&_count=0").json()
    assert found["total"] == KILLS


def test_without_a_database_a_message_is_not_acknowledged(galenic: Galenic, cluster: Cluster) -> None:
    galenic.start_listener()
    raw = an_order("away", "away")
    with wire(galenic) as hospital:
        assert verdict(hospital.ask(an_order("before", "before"))) == ("AA", "")
        name = galenic.environment["GALENIC_DATABASE_URL"].rpartition("/")[2].partition("?")[0]
        cluster.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            with psycopg.connect(cluster.postgres.url_of("postgres"), autocommit=True) as connection:
                connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            assert hospital.ask(raw) == b""
        finally:
            cluster.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    with wire(galenic) as hospital:
        assert verdict(hospital.ask(raw)) == ("AA", "")
