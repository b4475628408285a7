"""The embedded PostgreSQL: private, durable, and back after every kind of kill."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from fhir_server.embedded.place import EmbeddedError
from fhir_server.embedded.postgres import EmbeddedPostgres
from tests.running.waiting import allowed, wait_until

HOLDER = """
import sys, time
from pathlib import Path
from fhir_server.embedded.postgres import EmbeddedPostgres
postgres = EmbeddedPostgres(Path(sys.argv[1]))
postgres.start()
print(postgres.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def postgres(data_dir):
    postgres = EmbeddedPostgres(data_dir)
    postgres.start()
    yield postgres
    postgres.stop()


def value(url, statement):
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchone()[0]


def is_alive(pid):
    """Not so for a zombie that init has not collected yet: it has no command line any more."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes", "synchronous_commit", "data_checksums"])
def test_durability_is_on(postgres, setting):
    assert value(postgres.superuser_url, f"SHOW {setting}") == "on"


def test_durability_stays_on_when_a_file_says_off(postgres):
    with psycopg.connect(postgres.superuser_url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    postgres.stop()
    postgres.start()
    assert value(postgres.superuser_url, "SHOW fsync") == "on"


def test_there_is_no_tcp_and_no_login_without_the_password(postgres):
    assert value(postgres.superuser_url, "SHOW listen_addresses") == ""
    password = postgres.superuser_url.split(":")[2].split("@")[0]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(postgres.superuser_url.replace(password, "wrong"))
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(postgres.superuser_url.replace(f":{password}", ""), passfile=os.devnull)


def test_nobody_else_can_enter_the_sockets_the_data_or_the_secrets(postgres, data_dir):
    for path, mode in {"run": 0o700, "postgres": 0o700, "secrets.json": 0o600, "postgres.log": 0o600}.items():
        assert stat.S_IMODE((data_dir / path).stat().st_mode) == mode, path
    socket_mode = stat.S_IMODE((data_dir / "run/.s.PGSQL.5432").stat().st_mode)
    assert socket_mode & 0o077 == 0


def test_the_postmaster_does_not_run_as_root(postgres):
    assert Path(f"/proc/{postgres.pid}").stat().st_uid != 0


def test_data_outlive_a_restart_and_a_long_name_is_unicode(postgres):
    with psycopg.connect(postgres.superuser_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'Ångström' AS name")
    postgres.stop()
    assert not postgres.is_running()
    postgres.start()
    assert value(postgres.superuser_url, "SELECT lower(name) FROM kept") == "ångström"


def test_a_second_server_on_the_same_data_folder_is_told_so(postgres, data_dir):
    second = EmbeddedPostgres(data_dir)
    assert second.is_held()
    with pytest.raises(EmbeddedError, match="in use by a running Galenic"):
        second.start()
    assert value(second.superuser_url, "SELECT 1") == 1


def test_two_servers_with_two_data_folders_run_side_by_side(postgres, data_dir):
    other = EmbeddedPostgres(data_dir.with_name("other"))
    other.start()
    try:
        pid = "SELECT pg_backend_pid()"
        assert value(other.superuser_url, pid) != value(postgres.superuser_url, pid)
        assert postgres.superuser_url.split("@")[0] != other.superuser_url.split("@")[0]
    finally:
        other.stop()


def test_a_path_too_long_for_a_socket_works_and_is_remembered(data_dir):
    long = data_dir / ("x" * 100)
    data_dir.mkdir(mode=0o711)
    postgres = EmbeddedPostgres(long)
    try:
        postgres.start()
        assert value(postgres.superuser_url, "SELECT 1") == 1
        assert EmbeddedPostgres(long).superuser_url == postgres.superuser_url
    finally:
        postgres.stop()
        Path((long / "run/elsewhere").readlink()).rmdir()


def test_a_killed_postmaster_with_a_busy_backend_starts_again_with_its_data(postgres):
    with psycopg.connect(postgres.superuser_url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    busy = psycopg.connect(postgres.superuser_url)
    busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 10000000000)")
    busy.pgconn.flush()
    time.sleep(0.2)
    os.kill(postgres.pid, signal.SIGKILL)
    wait_until(lambda: not postgres.is_running(), 5)
    began = time.monotonic()
    postgres.start()
    assert time.monotonic() - began < allowed(10)
    busy.close()
    assert value(postgres.superuser_url, "SELECT n FROM kept") == 7


def test_the_postmaster_ends_with_a_killed_parent_and_the_next_start_copes(data_dir):
    with subprocess.Popen([sys.executable, "-c", HOLDER, data_dir], stdout=subprocess.PIPE, text=True) as holder:
        postmaster = int(holder.stdout.readline())
        holder.kill()
    successor = EmbeddedPostgres(data_dir)
    try:
        successor.start()  # at once, while the old one may still be shutting down
        assert value(successor.superuser_url, "SELECT 1") == 1
        assert successor.pid != postmaster
        assert not is_alive(postmaster)
    finally:
        successor.stop()


def test_a_pid_file_that_names_a_stranger_harms_nobody(postgres, data_dir):
    postgres.stop()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (data_dir / "postgres/data/postmaster.pid").write_text(f"{stranger.pid}\n{data_dir}\n0\n5432\n\n\n\nready\n")
        postgres.start()
        assert stranger.poll() is None
        stranger.kill()


def test_an_interrupted_first_start_is_begun_again(data_dir):
    postgres = EmbeddedPostgres(data_dir)
    (data_dir / "postgres/data.new").mkdir()
    (data_dir / "postgres/data.new/PG_VERSION").write_text("18\n")
    try:
        postgres.start()
        assert value(postgres.superuser_url, "SELECT 1") == 1
    finally:
        postgres.stop()


def test_a_log_line_never_holds_the_values_of_a_failed_statement(postgres, data_dir):
    with psycopg.connect(postgres.superuser_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE person (ssn text PRIMARY KEY)")
        connection.execute("INSERT INTO person VALUES ('123-45-6789')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO person VALUES (%s)", ["123-45-6789"])
    log = (data_dir / "postgres.log").read_text()
    assert "person_pkey" in log
    assert "123-45-6789" not in log


def test_what_cannot_start_says_why(data_dir, postgres):
    postgres.stop()
    with (data_dir / "postgres/data/postgresql.conf").open("a") as file:
        file.write("shared_buffers = nonsense\n")
    with pytest.raises(EmbeddedError, match=r"ended while starting.*postgres\.log"):
        postgres.start()
