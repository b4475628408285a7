"""What the authorization server leaves in the audit trail, and what it never does (D1)."""

import pytest
from structlog.testing import capture_logs

from tests.running.oauth import App, a_backend, a_person, endpoint, register, send, transaction


@pytest.fixture(scope="module")
def prescriber(galenic):
    return a_person(galenic, "prescriber")


def records(galenic, client):
    with transaction(galenic) as one:
        return one.execute("SELECT * FROM audit WHERE client = %s ORDER BY number", (client,)).fetchall()


def test_a_launch_is_on_record_from_its_request_to_its_end(galenic, prescriber):
    app = App(galenic, register(galenic).id)
    token = app.tokens("patient/*.rs offline_access", prescriber, "1")
    app.refresh(token["refresh_token"])
    send("POST", endpoint(galenic, "revoke"), data={"token": token["refresh_token"], "client_id": app.client_id})
    found = records(galenic, app.client_id)
    assert [(row["interaction"], row["outcome"]) for row in found] == [
        ("authorize", 303),
        ("consent", 200),
        ("token", 200),
        ("token", 200),
        ("revoke", 200),
    ]
    assert {row["actor"] for row in found[1:4]} == {prescriber.fhir_user}
    assert [row["patients"] for row in found] == [[], ["1"], ["1"], ["1"], []]
    assert {row["detail"] for row in found[1:4]} == {"patient/*.rs offline_access"}
    assert found[2]["address"] == "127.0.0.1"


def test_breaking_the_glass_is_an_alert_in_the_log_without_whose_data_it_is(galenic, prescriber):
    app = App(galenic, register(galenic).id)
    with capture_logs() as lines:
        app.approve(app.ask("user/*.rs"), prescriber, purpose="BTG", reason="unconscious in the emergency room")
        app.approve(app.ask("user/*.rs"), prescriber)
    (record,) = [row for row in records(galenic, app.client_id) if row["interaction"] == "break-glass"]
    assert lines == [
        {
            "event": "the glass is broken",
            "log_level": "warning",
            "interaction": "break-glass",
            "request_id": record["request_id"],
            "client": app.client_id,
        }
    ]


def test_what_is_refused_is_on_record(galenic, prescriber):
    app = App(galenic, register(galenic).id, source="127.0.9.1")  # few refusals of a source are recorded singly
    app.authorize("user/*.rs", aud="elsewhere")
    app.authorize("user/*.rs", redirect_uri="https://evil.example")
    app.approve(app.ask("patient/*.rs"), prescriber)
    app.exchange("unknown")
    app.exchange("unknown", client_secret="x")
    found = [(row["interaction"], row["outcome"]) for row in records(galenic, app.client_id)]
    assert found == [
        ("authorize", 302),
        ("authorize", 400),
        ("authorize", 303),
        ("consent", 403),
        ("token", 400),
        ("refused", 401),
    ]


def test_a_system_is_on_record_with_its_role(galenic):
    backend = a_backend(galenic)
    backend.ask("system/Patient.rs")
    good = records(galenic, backend.client_id)[0]
    assert (good["interaction"], good["actor"], good["role"]) == ("token", f"Client/{backend.client_id}", "integration")


def test_many_refusals_of_one_source_do_not_fill_the_trail(galenic):
    app = App(galenic, register(galenic).id, source="127.0.0.3")
    for _ in range(30):
        app.exchange("unknown", client_secret="x")
    assert 10 <= len(records(galenic, app.client_id)) <= 20  # a minute may end in between


def test_a_theft_is_on_record_however_many_were_refused_before(galenic, prescriber):
    app = App(galenic, register(galenic).id, source="127.0.0.3")
    code = app.code("user/*.rs", prescriber)
    app.exchange(code)
    for _ in range(11):
        app.exchange("unknown")
    app.exchange(code)
    last = records(galenic, app.client_id)[-1]
    assert (last["interaction"], last["outcome"], last["detail"]) == ("token", 400, "Invalid 'code' in request.")


def test_no_code_token_or_assertion_is_on_record(galenic, prescriber):
    app, backend = App(galenic, register(galenic).id), a_backend(galenic)
    code = app.code("patient/*.rs offline_access openid", prescriber, "1")
    token, assertion = app.exchange(code).json(), backend.assertion()
    backend.ask("system/*.rs", assertion)
    app.exchange(code)
    with transaction(galenic) as one:
        written = str(one.execute("SELECT a::text FROM audit a").fetchall())
    for secret in (code, token["access_token"], token["refresh_token"], token["id_token"], assertion, app.verifier):
        assert secret not in written
