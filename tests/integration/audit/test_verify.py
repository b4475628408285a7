"""Whoever changes what is sealed, with whatever rights, is found out, and where."""

from dataclasses import replace

import psycopg
import pytest
from psycopg import AsyncConnection

from fhir_server.audit.canonical import SEAL_NAMES
from fhir_server.audit.chain import records, seals
from fhir_server.audit.recorder import insert_records
from fhir_server.audit.seal import INSERT_SEAL, seal
from fhir_server.audit.verify import Verified, verify
from tests.builders.audit import a_record
from tests.conftest import Database


@pytest.fixture
async def chain(database: Database):
    """Three batches: records 1 to 4, 5 to 7, 8 to 12, after a number that was rolled back in each."""
    async with await AsyncConnection.connect(database.app_url, autocommit=True) as connection:
        for size in (3, 3, 4):
            with pytest.raises(ZeroDivisionError):
                await rolled_back(connection)
            await insert_records(connection, [a_record(id=str(n), patients=("p",)) for n in range(size)])
            assert (await seal(connection)).records == size
        yield connection


async def rolled_back(connection: AsyncConnection) -> None:
    async with connection.transaction():
        await insert_records(connection, [a_record()])
        raise ZeroDivisionError


@pytest.fixture
def tamper(database: Database):
    """Runs statements as the superuser, past every trigger."""

    def run(*statements: str) -> None:
        with psycopg.connect(database.superuser_url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            for statement in statements:
                assert connection.execute(statement).rowcount != 0, statement

    return run


def places(found: Verified) -> list[tuple[str, int | None, int | None]]:
    return [(problem.kind, problem.batch, problem.number) for problem in found.problems]


async def test_a_chain_nobody_touched_is_whole(chain):
    found = await verify(chain)
    assert places(found) == []
    assert (found.batches, found.records, found.head) == (3, 10, 3)


async def test_new_records_that_are_not_sealed_yet_are_no_problem(chain):
    await insert_records(chain, [a_record()])
    assert places(await verify(chain)) == []


async def test_an_edited_record_is_found_whatever_was_changed_of_it(chain, tamper):
    changes = {
        3: "outcome = 404",
        4: "patients = '{q}'",
        6: "actor = 'x'",
        7: "recorded = recorded + '1 ms'",
        8: "xid = '3'",
        10: "count = 2",
    }
    for number, change in changes.items():
        tamper(f"UPDATE audit SET {change} WHERE number = {number}")  # noqa: S608
    assert [(kind, number) for kind, _, number in places(await verify(chain))] == [("edited", n) for n in changes]


async def test_a_deleted_record_is_found(chain, tamper):
    tamper("DELETE FROM audit WHERE number = 12")
    found = await verify(chain)
    assert places(found) == [("deleted", 3, 12)]
    assert found.problems[0].at is not None


async def test_a_record_put_in_between_is_found(chain, tamper):
    """A free number, and the transaction of a record that was sealed: the sealer passes over it."""
    tamper(
        "INSERT INTO audit (number, recorded, request_id, interaction, actor, client, purpose, outcome, xid)"
        " OVERRIDING SYSTEM VALUE SELECT 5, recorded, 'x', 'read', 'x', 'x', 'x', 200, xid FROM audit WHERE number = 4"
    )
    assert (await seal(chain)).records == 0
    assert places(await verify(chain)) == [("inserted", None, 5)]


async def test_a_record_beside_one_of_the_same_number_is_found(chain, tamper):
    tamper(
        "INSERT INTO audit (number, recorded, request_id, interaction, actor, client, purpose, outcome, xid)"
        " OVERRIDING SYSTEM VALUE"
        " SELECT 7, recorded + '1 s', 'x', 'read', 'x', 'x', 'x', 200, xid FROM audit WHERE number = 7"
    )
    assert places(await verify(chain)) == [("inserted", 2, 7)]


async def test_records_that_change_places_are_found(chain, tamper):
    """One has the id, the other the time of the other."""
    tamper(
        "UPDATE audit a SET (id, recorded) = (SELECT id, recorded FROM audit b WHERE b.number = 15 - a.number)"
        " WHERE number IN (7, 8)"
    )
    assert places(await verify(chain)) == [("edited", 2, 7), ("edited", 2, 8)]


async def test_an_edited_seal_is_found_whatever_was_changed_of_it(chain, tamper):
    changes = (
        *("sealed = sealed + '1 s'", "numbers = '{[1,2000000000000)}'", "numbers = '{[1,)}'", "count = 4"),
        *("snapshot = '1:1:'", "digests = digests || digests", "hash = sha256('x')", "previous = sha256('x')"),
    )
    for _ in changes:
        await insert_records(chain, [a_record()])
        await seal(chain)
    for batch, change in enumerate(changes, start=4):
        tamper(f"UPDATE audit_seal SET {change} WHERE batch = {batch}")  # noqa: S608
    edited = {batch for kind, batch, _ in places(await verify(chain)) if kind == "seal-edited"}
    assert edited == set(range(4, 4 + len(changes)))


async def test_a_seal_that_is_gone_is_found(chain, tamper):
    tamper("DELETE FROM audit_seal WHERE batch = 2")
    found = places(await verify(chain))
    assert found[0] == ("seal-missing", 2, None)
    assert {number for kind, _, number in found if kind == "inserted"} == {6, 7, 8}


async def test_a_seal_that_is_made_anew_breaks_the_chain_behind_it(chain, tamper):
    """The record is changed and its seal made to fit: the next one still holds the hash of what was there."""
    tamper("UPDATE audit SET outcome = 404 WHERE number = 7")
    ((link,),) = [links async for links in seals(chain, 1, 2)]
    async with chain.transaction():
        held = await records(chain, link.numbers)
    anew = replace(link.seal, digests=b"".join(held[number][0].digest for number in link.numbers))
    tamper(f"UPDATE audit_seal SET digests = '\\x{anew.digests.hex()}', hash = '\\x{anew.hash.hex()}' WHERE batch = 2")  # noqa: S608
    assert places(await verify(chain)) == [("chain-broken", 3, None)]


async def test_records_that_are_sealed_a_second_time_are_found(chain, database):
    """The application may add to the chain: a seal of its own hand fits, and says what another has said."""
    ((link,),) = [links async for links in seals(chain, 2, 3)]
    again = replace(link.seal, batch=4, previous=link.hash)
    values = {name: getattr(again, name) for name in SEAL_NAMES} | {"hash": again.hash}
    await chain.execute(INSERT_SEAL, values)
    assert places(await verify(chain)) == [("seal-doubled", 4, 10)]


async def test_expiry_of_what_was_never_sealed_is_found(chain, tamper):
    tamper("INSERT INTO audit_expiry (name, before, numbers) VALUES ('audit_x', now(), '{[2,4),[90,95)}')")
    assert places(await verify(chain)) == [("expiry", None, 90)]


async def test_a_batch_whose_records_and_seal_were_emptied_is_found(chain, tamper):
    tamper("DELETE FROM audit WHERE number < 5", "DELETE FROM audit_seal WHERE batch = 1")
    assert ("seal-missing", 1, None) in places(await verify(chain))


async def test_a_part_of_the_chain_can_be_walked(chain, tamper):
    tamper("UPDATE audit SET outcome = 404 WHERE number IN (2, 12)")
    assert places(await verify(chain, first=2, last=2)) == []
    assert places(await verify(chain, first=2)) == [("edited", 3, 12)]


def refused(database: Database, statement: str) -> None:
    with psycopg.connect(database.app_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


def test_the_application_cannot_say_when_a_record_was_made(database):
    for column, value in {"number": "1", "recorded": "now()", "xid": "'3'"}.items():
        refused(
            database,
            f"INSERT INTO audit ({column}, request_id, interaction, actor, client, purpose, outcome)"  # noqa: S608
            f" OVERRIDING SYSTEM VALUE VALUES ({value}, 'x', 'read', 'x', 'x', 'x', 200)",
        )


def test_the_application_cannot_say_that_records_have_expired(database):
    for statement in ("INSERT INTO audit_expiry VALUES ('x')", "SELECT galenic_drop_expired_audit(6)"):
        refused(database, statement)


async def test_not_even_the_owner_changes_a_record_by_mistake(chain, database):
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute("SET ROLE galenic_owner")
        for statement in ("UPDATE audit SET id = 'x'", "DELETE FROM audit", "DELETE FROM audit_seal"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                connection.execute(statement)
