"""Introspection and revocation (A11)."""

import time

import pytest

from fhir_server.identity.tokens import CACHE_SECONDS
from tests.running.oauth import App, a_backend, a_person, endpoint, register, send, transaction


@pytest.fixture(scope="module")
def app(galenic):
    return App(galenic, register(galenic).id)


@pytest.fixture(scope="module")
def prescriber(galenic):
    return a_person(galenic, "prescriber")


@pytest.fixture(scope="module")
def reader(galenic):
    """A client that may introspect."""
    return register(galenic, kind="confidential-symmetric", may_introspect=True, scopes="system/*.rs", redirect_uris=())


def introspect(galenic, reader, token, **more):
    return send("POST", endpoint(galenic, "introspect"), data={"token": token, **more}, auth=(reader.id, reader.secret))


def revoke(galenic, **form):
    return send("POST", endpoint(galenic, "revoke"), data=form)


def test_a_token_that_is_alive_says_what_it_stands_for(galenic, app, prescriber, reader):
    token = app.tokens("openid fhirUser launch/patient patient/*.rs", prescriber, "1")
    said = introspect(galenic, reader, token["access_token"]).json()
    assert said["active"] is True
    assert (said["scope"], said["client_id"], said["patient"]) == (token["scope"], app.client_id, "1")
    assert isinstance(said["exp"], int)
    assert abs(said["exp"] - said["iat"] - token["expires_in"]) <= 1
    assert (said["iss"], said["sub"]) == (galenic.base_url, prescriber.id)
    assert said["fhirUser"] == f"{galenic.base_url}/{prescriber.fhir_user}"
    assert (said["aud"], said["token_type"]) == (galenic.base_url, "Bearer")


def test_without_an_id_token_there_is_no_subject(galenic, app, prescriber, reader):
    said = introspect(galenic, reader, app.tokens("user/*.rs", prescriber)["access_token"]).json()
    assert "sub" not in said
    assert "iss" not in said


def test_a_refresh_token_can_be_introspected(galenic, app, prescriber, reader):
    token = app.tokens("user/*.rs offline_access", prescriber)
    assert introspect(galenic, reader, token["refresh_token"]).json()["active"] is True
    app.refresh(token["refresh_token"])
    assert introspect(galenic, reader, token["refresh_token"]).json() == {"active": False}


@pytest.mark.parametrize("token", ["unknown", "\u017c", "x" * 5000])
def test_what_is_no_token_is_not_active(galenic, reader, token):
    assert introspect(galenic, reader, token).json() == {"active": False}


def test_a_token_that_has_expired_is_not_active(galenic, app, prescriber, reader):
    token = app.tokens("user/*.rs", prescriber)["access_token"]
    with transaction(galenic) as one:
        one.execute("UPDATE access_token SET expires = now() WHERE hash = sha256(%s::bytea)", (token.encode(),))
    assert introspect(galenic, reader, token).json() == {"active": False}


def test_without_credentials_nothing_is_said(galenic, app, prescriber, reader):
    token = app.tokens("user/*.rs", prescriber)["access_token"]
    assert send("POST", endpoint(galenic, "introspect"), data={"token": token}).status_code == 401
    assert (
        send("POST", endpoint(galenic, "introspect"), data={"token": token}, auth=(reader.id, "x")).status_code == 401
    )
    public = {"token": token, "client_id": app.client_id}
    assert send("POST", endpoint(galenic, "introspect"), data=public).status_code == 401
    bearer = {"Authorization": "Bearer unknown"}
    assert send("POST", endpoint(galenic, "introspect"), data={"token": token}, headers=bearer).status_code == 401


def test_a_client_without_the_right_may_not_introspect(galenic, app, prescriber):
    other = register(galenic, kind="confidential-symmetric")
    token = app.tokens("user/*.rs", prescriber)["access_token"]
    assert introspect(galenic, other, token).status_code == 403


def test_a_system_may_introspect_tokens_of_all_clients_by_its_own(galenic, app, prescriber):
    backend = a_backend(galenic, may_introspect=True)
    bearer = {"Authorization": f"Bearer {backend.ask('system/*.rs').json()['access_token']}"}
    token = app.tokens("user/*.rs", prescriber)["access_token"]
    answer = send("POST", endpoint(galenic, "introspect"), data={"token": token}, headers=bearer)
    assert (answer.status_code, answer.json()["active"]) == (200, True)


def test_a_token_is_needed(galenic, reader):
    answer = send("POST", endpoint(galenic, "introspect"), data={"x": "y"}, auth=(reader.id, reader.secret))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_an_access_token_is_revoked_alone(galenic, app, prescriber, reader):
    token = app.tokens("user/*.rs offline_access", prescriber)
    again = app.refresh(token["refresh_token"]).json()
    assert revoke(galenic, token=token["access_token"], client_id=app.client_id).status_code == 200
    assert introspect(galenic, reader, token["access_token"]).json() == {"active": False}
    assert introspect(galenic, reader, again["access_token"]).json()["active"] is True


def test_a_refresh_token_is_revoked_with_its_family(galenic, app, prescriber, reader):
    token = app.tokens("user/*.rs offline_access", prescriber)
    assert revoke(galenic, token=token["refresh_token"], client_id=app.client_id).status_code == 200
    assert introspect(galenic, reader, token["access_token"]).json() == {"active": False}
    assert app.refresh(token["refresh_token"]).status_code == 400


def test_revoking_what_is_no_token_is_well(galenic, app):
    assert revoke(galenic, token="unknown", client_id=app.client_id).status_code == 200


def test_nobody_revokes_the_tokens_of_another_client(galenic, app, prescriber, reader):
    token = app.tokens("user/*.rs", prescriber)["access_token"]
    assert revoke(galenic, token=token, client_id=register(galenic).id).status_code == 400
    assert revoke(galenic, token=token).status_code == 401
    assert introspect(galenic, reader, token).json()["active"] is True


ENDS = ("revoked", "expired", "client disabled", "person disabled", "another role", "family revoked")


def test_a_token_that_is_over_is_refused_by_every_process_within_two_seconds(two_processes):
    galenic, held = two_processes, []
    for how in ENDS:
        person, app = a_person(galenic, "prescriber"), App(galenic, register(galenic).id)
        held.append((how, app.tokens("user/*.rs", person)["access_token"], app, person))
    assert [statuses(galenic, token) for _, token, _, _ in held] == [{200}] * len(ENDS)
    for how, token, app, person in held:
        end(galenic, how, token, app, person)
    time.sleep(CACHE_SECONDS + 0.05)
    assert [statuses(galenic, token) for _, token, _, _ in held] == [{401}] * len(ENDS)


def statuses(galenic, token):
    """Of enough requests that both processes have answered."""
    headers = {"Authorization": f"Bearer {token}"}
    return {send("GET", f"{galenic.base_url}/Patient", headers=headers).status_code for _ in range(8)}


def end(galenic, how, token, app, person):
    statements = {
        "expired": ("UPDATE access_token SET expires = now() WHERE hash = sha256(%s::bytea)", token.encode()),
        "client disabled": ("UPDATE client SET disabled = now() WHERE id = %s", app.client_id),
        "person disabled": ("UPDATE person SET disabled = true WHERE id = %s", person.id),
        "another role": ("UPDATE person SET role = 'technician' WHERE id = %s", person.id),
        "family revoked": ("UPDATE token_family SET revoked = now() WHERE client_id = %s", app.client_id),
    }
    if how == "revoked":
        assert revoke(galenic, token=token, client_id=app.client_id).status_code == 200
        return
    statement, value = statements[how]
    with transaction(galenic) as one:
        one.execute(statement, (value,))
