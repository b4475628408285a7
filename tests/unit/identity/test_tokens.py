"""What an access token stands for is remembered for a moment, and for no longer than the token lives."""

import logging
from contextlib import asynccontextmanager

import pytest

from fhir_server.auth.scopes import Scope
from fhir_server.identity import tokens
from fhir_server.identity.oauth import server
from fhir_server.identity.tokens import CACHE_SECONDS, TokenChecker

ROW = {
    "id": "00000000-0000-0000-0000-000000000001",
    "scopes": "patient/*.rs openid",
    "client_id": "app",
    "actor": "Practitioner/1",
    "role": "prescriber",
    "patients": [],
    "patient": "7",
    "purpose": "TREAT",
    "reason": "",
    "seconds": 3600.0,
}


class Table:
    """A database that has one row, or none; counts how often it was asked."""

    def __init__(self):
        self.row, self.asked, self.now = ROW, 0, 100.0

    @asynccontextmanager
    async def connection(self):
        yield self

    @asynccontextmanager
    async def _cursor(self):
        yield self

    def cursor(self, row_factory):
        return self._cursor()

    async def execute(self, statement, values):
        self.asked += 1

    async def fetchone(self):
        return self.row


@pytest.fixture
def table():
    return Table()


@pytest.fixture
def checker(table):
    return TokenChecker(table, lambda: table.now)


async def test_a_token_stands_for_who_acts_through_what_with_which_scopes(checker):
    access = await checker.check("token")
    assert (access.actor, access.client, access.role, access.patient) == ("Practitioner/1", "app", "prescriber", "7")
    assert access.scopes == (Scope("patient", "*", "rs"),)
    assert access.token_id == ROW["id"]


async def test_a_token_is_asked_for_again_after_two_seconds(table, checker):
    for _ in range(3):
        await checker.check("token")
    assert table.asked == 1
    table.now, table.row = table.now + CACHE_SECONDS, None
    assert await checker.check("token") is None
    table.row = ROW
    assert await checker.check("token") is not None


async def test_a_token_is_not_believed_past_its_own_end(table, checker):
    table.row = ROW | {"seconds": 0.5}
    await checker.check("token")
    table.now, table.row = table.now + 0.5, None
    assert await checker.check("token") is None


async def test_an_unknown_token_is_not_remembered(table, checker):
    table.row = None
    for _ in range(3):
        assert await checker.check("unknown") is None
    assert table.asked == 3


async def test_what_no_token_of_ours_is_as_long_as_is_not_looked_up(table, checker):
    assert await checker.check("x" * 201) is None
    assert table.asked == 0


async def test_so_many_tokens_are_remembered_and_no_more(table, checker, monkeypatch):
    monkeypatch.setattr(tokens, "CACHED_MAX", 3)
    for name in ("a", "b", "c", "d"):
        await checker.check(name)
    await checker.check("d")
    assert table.asked == 4
    await checker.check("a")
    assert table.asked == 5


def test_authlibs_debug_lines_which_hold_tokens_are_off():
    assert server.AuthorizationServer
    assert logging.getLogger("authlib.oauth2.rfc6749.grants.authorization_code").getEffectiveLevel() >= logging.WARNING
