"""What is over is removed with what is made; what may still be shown again stays."""

from uuid import uuid4

import pytest

from fhir_server.identity import families, sweeping
from fhir_server.identity.families import NewFamily
from fhir_server.identity.opaque import fresh
from fhir_server.identity.transactions import Transactions


@pytest.fixture
def transaction(database):
    transactions = Transactions(database.app_url, 1)
    transactions.open()
    with transactions.begin() as one:
        yield one
    transactions.close()


def a_family(transaction):
    return families.add(transaction, NewFamily("app", "Practitioner/1", "prescriber", ("user/*.rs",)))


def count(transaction, table):
    return transaction.execute(f"SELECT count(*) AS n FROM {table}").fetchone()["n"]  # noqa: S608 - tables of ours


def age(transaction, table, days):
    transaction.execute(f"UPDATE {table} SET expires = clock_timestamp() - make_interval(days => {days})")  # noqa: S608


def test_a_family_goes_when_its_last_token_is_long_over(transaction):
    family = a_family(transaction)
    families.add_access(transaction, fresh(), family, "user/*.rs", 60)
    families.add_refresh(transaction, fresh(), family, 0, 60)
    age(transaction, "access_token", 2)
    sweeping.tokens(transaction)
    assert (count(transaction, "access_token"), count(transaction, "token_family")) == (0, 1)
    age(transaction, "refresh_token", 2)
    sweeping.tokens(transaction)
    assert (count(transaction, "refresh_token"), count(transaction, "token_family")) == (0, 0)


def test_what_is_alive_or_just_over_stays(transaction):
    family = a_family(transaction)
    families.add_access(transaction, fresh(), family, "user/*.rs", 60)
    families.add_refresh(transaction, fresh(), family, 0, 0)
    sweeping.tokens(transaction)
    assert [count(transaction, name) for name in ("access_token", "refresh_token", "token_family")] == [1, 1, 1]


def test_a_code_stays_for_a_week_to_be_known_for_stolen(transaction):
    family = a_family(transaction)
    transaction.execute(
        "INSERT INTO authorization_code (hash, family, client_id, redirect_uri, code_challenge, expires)"
        " VALUES ('a', %s, 'app', 'x', 'y', clock_timestamp())",
        (family,),
    )
    age(transaction, "authorization_code", 6)
    sweeping.tokens(transaction)
    assert count(transaction, "authorization_code") == 1
    age(transaction, "authorization_code", 8)
    sweeping.tokens(transaction)
    assert (count(transaction, "authorization_code"), count(transaction, "token_family")) == (0, 0)


def test_requests_launches_and_jtis_go_a_few_at_a_time(transaction):
    for number in range(sweeping.ROWS + 5):
        name = str(number).encode()
        transaction.execute("INSERT INTO used_jti VALUES ('app', %s, clock_timestamp() - interval '1 minute')", (name,))
        transaction.execute(
            "INSERT INTO launch (hash, client_id, actor, context, expires) VALUES (%s, 'app', 'x', '{}', now())",
            (name,),
        )
    age(transaction, "launch", 2)
    sweeping.jtis(transaction)
    sweeping.launches(transaction)
    sweeping.requests(transaction)
    assert (count(transaction, "used_jti"), count(transaction, "launch")) == (5, 5)


def test_all_of_a_persons_tokens_can_be_revoked(transaction):
    person = uuid4()
    for _ in range(2):
        new = NewFamily("app", "Practitioner/1", "prescriber", ("user/*.rs",), person_id=str(person))
        families.add(transaction, new)
    assert families.revoke_persons(transaction, str(person), "disabled") == 2
    assert families.revoke_persons(transaction, str(person), "disabled") == 0
