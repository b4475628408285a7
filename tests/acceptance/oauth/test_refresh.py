"""Refresh tokens: rotated, bound, narrowed, and dead with their family (A5)."""

import threading

import pytest
from psycopg import sql

from tests.running.oauth import App, a_person, endpoint, register, send, transaction
from tests.running.store import await_lock_waiters

SCOPES = "patient/*.rs offline_access"


@pytest.fixture(scope="module")
def app(galenic):
    return App(galenic, register(galenic).id)


@pytest.fixture(scope="module")
def prescriber(galenic):
    return a_person(galenic, "prescriber")


def is_alive(galenic, token):
    """Whether an access token is, by the table that the API asks."""
    with transaction(galenic) as one:
        found = one.execute(
            "SELECT FROM access_token a JOIN token_family f ON f.id = a.family"
            " WHERE a.hash = sha256(%s::bytea) AND f.revoked IS NULL AND a.revoked IS NULL",
            (token.encode(),),
        ).fetchone()
    return found is not None


def test_a_refresh_gives_the_same_scopes_context_and_another_refresh_token(app, prescriber):
    token = app.tokens(SCOPES, prescriber, "1")
    again = app.refresh(token["refresh_token"]).json()
    assert again["refresh_token"] != token["refresh_token"]
    assert again["access_token"] != token["access_token"]
    assert (again["scope"], again["patient"], again["token_type"]) == (SCOPES, "1", "Bearer")
    assert token["scope"] == SCOPES
    assert again["expires_in"] == 3600


def test_no_refresh_token_unless_it_was_asked_for(app, prescriber):
    assert "refresh_token" not in app.tokens("patient/*.rs", prescriber, "1")


def test_an_old_refresh_token_kills_the_whole_family(galenic, app, prescriber):
    first = app.tokens(SCOPES, prescriber, "1")
    second = app.refresh(first["refresh_token"]).json()
    third = app.refresh(second["refresh_token"]).json()
    again = app.refresh(first["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert app.refresh(third["refresh_token"]).status_code == 400
    assert [is_alive(galenic, token["access_token"]) for token in (first, second, third)] == [False] * 3


def test_two_refreshes_at_once_have_exactly_one_successor(galenic, app, prescriber):
    """Both wait for the row, which the test holds; then one is first."""
    token = app.tokens(SCOPES, prescriber, "1")["refresh_token"]
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(app.refresh(token))) for _ in range(2)]
    with transaction(galenic) as holder:
        holder.execute("SELECT FROM refresh_token WHERE hash = sha256(%s::bytea) FOR UPDATE", (token.encode(),))
        for thread in threads:
            thread.start()
        await_lock_waiters(galenic.environment["GALENIC_DATABASE_URL"], 2)
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    successor = next(answer.json()["refresh_token"] for answer in answers if answer.status_code == 200)
    assert app.refresh(successor).status_code == 200


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("patient/Observation.rs", "patient/Observation.rs"),
        ("patient/Observation.read", "patient/Observation.read"),
        ("patient/*.r offline_access", "patient/*.r offline_access"),
        ("patient/Observation.rs?category=laboratory", "patient/Observation.rs?category=laboratory"),
    ],
)
def test_a_refresh_may_narrow_the_scopes_of_an_access_token(app, prescriber, asked, granted):
    token = app.tokens(SCOPES, prescriber, "1")
    narrowed = app.refresh(token["refresh_token"], scope=asked).json()
    assert narrowed["scope"] == granted
    assert app.refresh(narrowed["refresh_token"]).json()["scope"] == SCOPES


@pytest.mark.parametrize("asked", ["patient/*.cruds", "user/*.rs", "patient/*.rs openid", "system/*.rs", "nonsense"])
def test_a_refresh_cannot_widen_the_scopes(app, prescriber, asked):
    token = app.tokens(SCOPES, prescriber, "1")
    answer = app.refresh(token["refresh_token"], scope=asked)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    assert app.refresh(token["refresh_token"]).status_code == 200


def test_a_refresh_token_is_its_clients(galenic, app, prescriber):
    token, other = app.tokens(SCOPES, prescriber, "1"), App(galenic, register(galenic).id)
    answer = other.refresh(token["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert app.refresh(token["refresh_token"]).status_code == 200


def test_a_public_client_is_known_by_its_refresh_token(galenic, app, prescriber):
    """As fhirclient.js does it: neither client_id nor credentials."""
    token = app.tokens(SCOPES, prescriber, "1")
    form = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"]}
    assert send("POST", endpoint(galenic, "token"), data=form).status_code == 200


def test_a_confidential_client_is_not_known_by_its_refresh_token(galenic, prescriber):
    made = register(galenic, kind="confidential-symmetric")
    app = App(galenic, made.id, secret=made.secret)
    token = app.tokens(SCOPES, prescriber, "1")
    form = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"]}
    for named in ({}, {"client_id": made.id}):
        answer = send("POST", endpoint(galenic, "token"), data=form | named)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert app.refresh(token["refresh_token"]).status_code == 200


@pytest.mark.parametrize("token", [None, "", "unknown", "\u017c\x00"])
def test_what_is_no_refresh_token_is_worth_nothing(app, token):
    assert app.refresh(token).status_code == 400


def test_online_access_ends_with_the_session(galenic, app, prescriber):
    token = app.tokens("patient/*.rs online_access", prescriber, "1")
    token = app.refresh(token["refresh_token"]).json()
    with transaction(galenic) as one:
        one.execute("UPDATE login_session SET ended = now() WHERE person = %s", (prescriber.id,))
    answer = app.refresh(token["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_offline_access_outlives_the_session_by_90_days(galenic, app, prescriber):
    token = app.tokens(SCOPES, prescriber, "1")
    with transaction(galenic) as one:
        one.execute("UPDATE login_session SET ended = now() WHERE person = %s", (prescriber.id,))
        row = one.execute(
            "SELECT expires - created AS life FROM refresh_token WHERE hash = sha256(%s::bytea)",
            (token["refresh_token"].encode(),),
        ).fetchone()
    assert row["life"].days in (89, 90)
    assert app.refresh(token["refresh_token"]).status_code == 200


@pytest.mark.parametrize(("disabled", "role"), [(True, "pharmacist"), (False, "technician")])
def test_whoever_is_disabled_or_in_another_role_is_not_refreshed(galenic, app, disabled, role):
    person = a_person(galenic, "pharmacist")
    token = app.tokens(SCOPES, person, "1")
    with transaction(galenic) as one:
        one.execute("UPDATE person SET disabled = %s, role = %s WHERE id = %s", (disabled, role, person.id))
    assert app.refresh(token["refresh_token"]).json()["error"] == "invalid_grant"


def test_tokens_are_stored_as_hashes_only(galenic, app, prescriber):
    token = app.tokens(SCOPES, prescriber, "1")
    with transaction(galenic) as one:
        for table in ("access_token", "refresh_token", "authorization_code", "token_family", "audit"):
            texts = [
                str(row)
                for row in one.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))).fetchall()
            ]
            assert texts
            assert not any(token["access_token"] in row or token["refresh_token"] in row for row in texts)
