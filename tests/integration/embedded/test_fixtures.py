"""The fixtures of the whole project keep their word."""

import psycopg
import pytest


def test_the_clone_is_migrated_and_the_app_role_logs_in(database):
    with psycopg.connect(database.app_url) as connection:
        assert connection.execute("SELECT current_user, count(*) FROM resource").fetchone() == (
            "galenic_app",
            0,
        )


@pytest.mark.parametrize("attempt", [1, 2])
def test_each_test_gets_a_database_of_its_own(database, attempt):
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("CREATE TABLE only_here (n int)")
