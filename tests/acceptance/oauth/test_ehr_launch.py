"""EHR launch: an id for one app, one user, once (A12)."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.running.oauth import App, a_backend, a_person, endpoint, issuer, register, send, transaction

CONTEXT = {
    "patient": "1",
    "encounter": "2",
    "fhirContext": [{"reference": "MedicationRequest/3"}, {"reference": "Patient/9", "role": "https://example.org/x"}],
    "need_patient_banner": False,
    "intent": "reconcile-medications",
    "tenant": "corner-pharmacy",
}


@pytest.fixture(scope="module")
def ehr(galenic):
    return register(galenic, kind="confidential-symmetric", may_launch=True, scopes="user/*.rs", redirect_uris=())


@pytest.fixture(scope="module")
def app(galenic):
    return App(galenic, register(galenic, launch_uri="https://app.example.org/launch?x=1").id)


@pytest.fixture(scope="module")
def prescriber(galenic):
    return a_person(galenic, "prescriber")


def launch(galenic, ehr, app, user, context=None, wrong=None):
    named = {"client": app.client_id, "user": user.fhir_user, "context": json.dumps(context or CONTEXT)}
    return send("POST", endpoint(galenic, "launch"), data=named | (wrong or {}), auth=(ehr.id, ehr.secret))


def test_what_the_ehr_launched_with_comes_with_the_token(galenic, ehr, app, prescriber):
    made = launch(galenic, ehr, app, prescriber).json()
    asked = dict(parse_qsl(urlsplit(made["url"]).query))
    assert (asked["iss"], asked["launch"], asked["x"]) == (galenic.base_url, made["launch"], "1")
    token = app.tokens("launch patient/*.rs", prescriber, launch=made["launch"])
    assert {name: token[name] for name in CONTEXT} == CONTEXT
    assert token["smart_style_url"].endswith(".json")


def test_a_refresh_and_an_introspection_have_the_same_context(galenic, ehr, app, prescriber):
    made = launch(galenic, ehr, app, prescriber).json()
    token = app.tokens("launch patient/*.rs offline_access", prescriber, launch=made["launch"])
    again = app.refresh(token["refresh_token"]).json()
    reader = register(galenic, kind="confidential-symmetric", may_introspect=True)
    asked = {"token": again["access_token"]}
    said = send("POST", endpoint(galenic, "introspect"), data=asked, auth=(reader.id, reader.secret)).json()
    for name, value in CONTEXT.items():
        assert (again[name], said[name]) == (value, value)


def test_the_person_is_not_asked_for_a_patient_whom_the_ehr_named(galenic, ehr, app, prescriber):
    launch_id = launch(galenic, ehr, app, prescriber).json()["launch"]
    back = app.approve(app.ask("launch patient/*.rs", launch=launch_id), prescriber, patient="another")
    assert app.exchange(back["code"]).json()["patient"] == "1"


def error_of(answer):
    assert answer.status_code == 302, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))["error"]


def test_a_launch_id_is_used_once(galenic, ehr, app, prescriber):
    launch_id = launch(galenic, ehr, app, prescriber).json()["launch"]
    app.ask("launch patient/*.rs", launch=launch_id)
    assert error_of(app.authorize("launch patient/*.rs", launch=launch_id)) == "invalid_request"


def test_a_wrong_request_does_not_use_up_a_launch_id(galenic, ehr, app, prescriber):
    launch_id = launch(galenic, ehr, app, prescriber).json()["launch"]
    assert error_of(app.authorize("launch patient/*.rs", launch=launch_id, aud="elsewhere")) == "invalid_request"
    assert app.authorize("launch", launch=launch_id, code_challenge=None).status_code == 400
    assert app.ask("launch patient/*.rs", launch=launch_id)


def test_a_launch_id_is_its_apps(galenic, ehr, app, prescriber):
    launch_id = launch(galenic, ehr, app, prescriber).json()["launch"]
    other = App(galenic, register(galenic).id)
    assert error_of(other.authorize("launch patient/*.rs", launch=launch_id)) == "invalid_request"
    assert app.ask("launch patient/*.rs", launch=launch_id)


def test_a_launch_id_is_its_users(galenic, ehr, app, prescriber):
    launch_id = launch(galenic, ehr, app, prescriber).json()["launch"]
    request = app.ask("launch patient/*.rs", launch=launch_id)
    assert app.approve(request, a_person(galenic, "prescriber"))["error"] == "access_denied"


def test_a_launch_id_is_over_after_five_minutes(galenic, ehr, app, prescriber):
    made = launch(galenic, ehr, app, prescriber).json()
    assert made["expires_in"] == 300
    with transaction(galenic) as one:
        one.execute("UPDATE launch SET expires = expires - interval '301 seconds'")
    assert error_of(app.authorize("launch patient/*.rs", launch=made["launch"])) == "invalid_request"


@pytest.mark.parametrize("launch_id", ["unknown", "\u017c", "x" * 3000])
def test_an_unknown_launch_id_is_refused(app, launch_id):
    assert error_of(app.authorize("launch patient/*.rs", launch=launch_id)) == "invalid_request"


def test_a_launch_without_a_patient_asks_for_one_or_fails(galenic, ehr, app, prescriber):
    def ask():
        launch_id = launch(galenic, ehr, app, prescriber, {"intent": "x"}).json()["launch"]
        return app.ask("launch launch/patient user/*.rs", launch=launch_id)

    assert app.approve(ask(), prescriber)["error"] == "access_denied"
    assert "code" in app.approve(ask(), prescriber, patient="7")


@pytest.mark.parametrize(
    "context",
    [
        {"patient": "../1"},
        {"patient": 1},
        {"nonsense": "x"},
        {'"\u017c\\"': "x"},
        {"access_token": "x"},
        {"fhirContext": "x"},
        {"fhirContext": [{}]},
        {"fhirContext": [{"reference": "Patient/1"}]},
        {"fhirContext": [{"reference": "Encounter/1", "role": "launch"}]},
        {"fhirContext": [{"reference": "MedicationRequest/1", "role": "main"}]},
        {"need_patient_banner": "yes"},
        {"intent": 1},
    ],
)
def test_a_context_that_smart_does_not_have_is_refused(galenic, ehr, app, prescriber, context):
    answer = launch(galenic, ehr, app, prescriber, context)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("wrong", [{"context": "[" * 10_000}, {"context": "x"}, {"user": "me"}, {"client": "nobody"}])
def test_a_launch_of_nothing_known_is_refused(galenic, ehr, app, prescriber, wrong):
    assert launch(galenic, ehr, app, prescriber, wrong=wrong).status_code == 400


def test_only_an_ehr_launches(galenic, app, prescriber):
    other = register(galenic, kind="confidential-symmetric")
    assert launch(galenic, other, app, prescriber).status_code == 403
    form = {"client": app.client_id, "user": prescriber.fhir_user, "client_id": app.client_id}
    assert send("POST", endpoint(galenic, "launch"), data=form).status_code == 401


def test_an_ehr_may_have_a_key(galenic, app, prescriber):
    ehr = a_backend(galenic, may_launch=True)
    form = {
        "client": app.client_id,
        "user": prescriber.fhir_user,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": ehr.assertion(),
    }
    made = send("POST", endpoint(galenic, "launch"), data=form)
    assert (made.status_code, made.json()["iss"]) == (200, issuer(galenic).base_url)
