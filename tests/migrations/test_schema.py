"""The migrations make what tables/ says, owned and granted as the store needs it."""

import psycopg
import pytest

from fhir_server import tables
from fhir_server.model.definitions import load_definitions
from fhir_server.model.resource_types import RESOURCE_TYPES
from fhir_server.storage.migrations import drift, pending, upgrade
from tests.conftest import Cluster, Database


def test_an_upgraded_empty_database_equals_the_metadata(database: Database) -> None:
    assert pending(database.superuser_url) == []
    assert drift(database.superuser_url) == []


def test_a_missing_column_is_seen_as_drift(database: Database) -> None:
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE search DROP COLUMN status")
    assert any("status" in difference for difference in drift(database.superuser_url))


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    assert list(upgrade(database.superuser_url)) == []


@pytest.mark.parametrize("statement", ["UPDATE {0} SET {1} = NULL", "DELETE FROM {0}", "TRUNCATE {0}"])
def test_the_application_cannot_change_what_is_append_only(database: Database, statement: str) -> None:
    with psycopg.connect(database.app_url, autocommit=True) as connection:
        for table in tables.APPEND_ONLY:
            column = next(c.name for c in table.columns if c.identity is None)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.format(table.name, column))


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE mine (x int)", "DROP TABLE resource", "ALTER TABLE audit ADD x int"]
)
def test_the_application_cannot_run_ddl(database: Database, statement: str) -> None:
    with psycopg.connect(database.app_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


def test_every_table_belongs_to_the_owner(database: Database) -> None:
    query = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r','p') "
    with psycopg.connect(database.superuser_url) as connection:
        strangers = connection.execute(query + "AND pg_get_userbyid(relowner) <> 'galenic_owner'").fetchall()
    assert strangers == []


def test_the_numbers_of_types_in_the_database_are_those_of_the_code(database: Database) -> None:
    with psycopg.connect(database.app_url) as connection:
        rows = connection.execute("SELECT name FROM resource_type ORDER BY number").fetchall()
    assert tuple(name for (name,) in rows) == RESOURCE_TYPES


def test_the_stored_types_are_all_concrete_types_of_r4_but_parameters() -> None:
    assert set(RESOURCE_TYPES) == load_definitions().resource_types - {"Parameters"}
    assert len(RESOURCE_TYPES) == 145


def test_partitions_for_the_days_to_come_are_there_and_can_be_asked_for(database: Database) -> None:
    with psycopg.connect(database.app_url) as connection:
        assert connection.execute("SELECT galenic_make_partitions('event', 7)").fetchone() == (0,)
        assert connection.execute("SELECT galenic_make_partitions('event', 10)").fetchone() == (3,)


def test_no_partitions_are_made_for_other_tables(database: Database) -> None:
    with psycopg.connect(database.app_url) as connection, pytest.raises(psycopg.errors.RaiseException):
        connection.execute("SELECT galenic_make_partitions('resource', 7)")


def test_only_events_past_their_retention_are_dropped(database: Database) -> None:
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        for day in ("2020-01-01", "2020-01-02"):
            name = "event_" + day.replace("-", "")
            connection.execute(
                f"CREATE TABLE {name} PARTITION OF event FOR VALUES FROM ('{day}') TO ('{day}'::date + 1)"
            )
            connection.execute(f"ALTER TABLE {name} OWNER TO galenic_owner")
    with psycopg.connect(database.app_url) as connection:
        assert connection.execute("SELECT galenic_drop_expired_events(30)").fetchone() == (2,)
        assert connection.execute("SELECT galenic_drop_expired_events(0)").fetchone() == (0,)


def test_durability_is_on(cluster: Cluster) -> None:
    with psycopg.connect(cluster.app_url) as connection:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            assert connection.execute(f"SHOW {name}").fetchone() == ("on",)
