"""Upgrading: once, by one, and to a schema that equals the code's."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Column, Integer, MetaData, Table

from fhir_server.storage.migrations import MigrationError, drift, pending, script_folder, upgrade

SLOW = """
from alembic import op
revision = "{number}"
down_revision = {before!r}
def upgrade():
    op.execute("CREATE TABLE made_{number} (n int)")
    op.execute("SELECT pg_sleep(0.5)")
"""
CONCURRENT = """
from alembic import op
revision = "3"
down_revision = "2"
def upgrade():
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY made_index ON made_1 (n)")
"""
UPGRADER = """
import sys
from pathlib import Path
from fhir_server.storage.migrations import upgrade
print(upgrade(sys.argv[1], Path(sys.argv[2])))
"""


@pytest.fixture
def folder(tmp_path):
    """Our env.py with migrations made for the test."""
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text((script_folder() / "env.py").read_text())
    (tmp_path / "versions/1.py").write_text(SLOW.format(number="1", before=None))
    (tmp_path / "versions/2.py").write_text(SLOW.format(number="2", before="1"))
    return tmp_path


@pytest.fixture
def empty(cluster):
    """The URL of a database without any schema."""
    cluster.execute("CREATE DATABASE empty TEMPLATE template0")
    yield cluster.database("empty").superuser_url
    cluster.execute("DROP DATABASE empty WITH (FORCE)")


def tables(url):
    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def test_an_empty_database_upgraded_to_head_equals_the_tables_of_the_code(database):
    assert pending(database.superuser_url) == []
    assert drift(database.superuser_url) == []


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE resource ADD COLUMN surprise int",
        "ALTER TABLE resource ALTER COLUMN codec TYPE bigint",
        "DROP INDEX resource_last_updated_idx",
        "CREATE TABLE surprise (n int)",
    ],
)
def test_a_change_made_by_hand_is_drift(database, change):
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(change)
    assert len(drift(database.superuser_url)) == 1


def test_a_table_the_code_expects_and_the_database_lacks_is_drift(empty):
    metadata = MetaData()
    Table("expected", metadata, Column("n", Integer))
    assert "expected" in drift(empty, metadata)[0]


def test_what_is_pending_is_applied_in_order_and_once(empty, folder):
    assert pending(empty, folder) == ["1", "2"]
    assert upgrade(empty, folder) == ["1", "2"]
    assert pending(empty, folder) == []
    assert upgrade(empty, folder) == []


def test_two_upgraders_at_once_take_turns(empty, folder):
    command = [sys.executable, "-c", UPGRADER, empty, folder]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted(process.communicate(timeout=60)[0].strip() for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert said == ["['1', '2']", "[]"]


def test_a_migration_that_fails_undoes_itself_and_keeps_those_before(empty, folder):
    (folder / "versions/2.py").write_text(SLOW.format(number="2", before="1") + '    op.execute("SELECT 1/0")\n')
    with pytest.raises(Exception, match="division by zero"):
        upgrade(empty, folder)
    assert pending(empty, folder) == ["2"]
    assert tables(empty) == {"made_1", "alembic_version"}


def test_an_index_can_be_made_concurrently_while_the_turn_is_held(empty, folder):
    (folder / "versions/3.py").write_text(CONCURRENT)
    assert upgrade(empty, folder) == ["1", "2", "3"]


def test_a_migration_does_not_wait_long_for_a_lock(empty, folder):
    upgrade(empty, folder)
    (folder / "versions/3.py").write_text(
        CONCURRENT.replace("CREATE INDEX CONCURRENTLY made_index ON made_1 (n)", "DROP TABLE made_1")
    )
    with psycopg.connect(empty) as holder:
        holder.execute("LOCK TABLE made_1")
        with pytest.raises(Exception, match="lock timeout"):
            upgrade(empty, folder)


def test_a_database_of_a_newer_release_is_refused(empty, folder):
    upgrade(empty, folder)
    Path(folder / "versions/2.py").unlink()
    with pytest.raises(MigrationError, match="newer Galenic"):
        pending(empty, folder)
