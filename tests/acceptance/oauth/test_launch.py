"""SMART App Launch, standalone: from a request to a code, and from the code to tokens (A3, A4)."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.running.oauth import CALLBACK, App, a_person, endpoint, register, send, transaction


@pytest.fixture(scope="module")
def app(galenic):
    return App(galenic, register(galenic).id)


@pytest.fixture(scope="module")
def prescriber(galenic):
    return a_person(galenic, "prescriber")


def error_of(answer):
    """The error an app is told by a redirect."""
    assert answer.status_code == 302, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def test_an_app_gets_a_token_for_the_patient_whom_a_person_chose(app, prescriber):
    token = app.tokens("launch/patient patient/*.rs openid fhirUser", prescriber, "1")
    assert token["scope"] == "launch/patient patient/*.rs openid fhirUser"
    assert (token["token_type"], token["patient"], token["expires_in"]) == ("Bearer", "1", 3600)
    assert token["need_patient_banner"] is True
    assert token["smart_style_url"].endswith("/auth/smart-style.json")


def test_a_token_response_is_not_to_be_stored(app, prescriber):
    answer = app.exchange(app.code("user/*.rs", prescriber))
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    assert answer.headers["content-type"] == "application/json"


def test_an_authorization_request_may_be_posted(galenic, app):
    answer = send("POST", endpoint(galenic, "authorize"), data=app.request("user/*.rs"))
    assert answer.status_code == 303
    assert urlsplit(answer.headers["location"]).path == "/auth/login"


@pytest.mark.parametrize("state", ["x" * 2048, "żółć 漢字 \U0001f48a", "a&b=c%20+ /?#\"'<>", "0"])
def test_the_state_comes_back_as_it_was_sent_with_the_issuer_beside_it(galenic, app, prescriber, state):
    back = app.approve(app.ask("user/*.rs", state=state), prescriber)
    assert (back["state"], back["iss"]) == (state, galenic.base_url)


def test_a_state_that_was_not_sent_does_not_come_back(app, prescriber):
    assert "state" not in app.approve(app.ask("user/*.rs", state=None), prescriber)


@pytest.mark.parametrize("aud", [None, "", "https://elsewhere.example/fhir", "BASE/Patient", "BASE//", "BASE?x=1"])
def test_another_audience_is_refused(galenic, app, aud):
    said = error_of(app.authorize("user/*.rs", aud=aud and aud.replace("BASE", galenic.base_url)))
    assert (said["error"], said["state"], said["iss"]) == ("invalid_request", "a state", galenic.base_url)


def test_the_audience_may_end_with_a_slash(galenic, app):
    assert app.authorize("user/*.rs", aud=f"{galenic.base_url}/").status_code == 303


@pytest.mark.parametrize(
    "uri",
    [
        CALLBACK + "/",
        CALLBACK.upper(),
        CALLBACK + "?x=1",
        CALLBACK + "#x",
        CALLBACK + "/below",
        CALLBACK + "%20",
        CALLBACK.replace("app.example.org", "app.example.org:443"),
        CALLBACK.replace("app.example.org", "app.example.org.evil.example"),
        CALLBACK.replace("https://", "https://app.example.org@evil.example/"),
        CALLBACK.replace("https", "http"),
        "https://evil.example/<script>alert('ż')</script>",
        "javascript:alert(1)",
        "//evil.example",
        None,
    ],
)
def test_a_redirect_uri_that_is_not_registered_is_shown_and_not_followed(app, uri):
    answer = app.authorize("user/*.rs", redirect_uri=uri)
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert "<script>" not in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "wrong", [{"client_id": None}, {"client_id": "nobody"}, {"client_id": "<b>\u017c"}, {"redirect_uri": "x\0y"}]
)
def test_a_request_of_nobody_known_is_shown_and_not_followed(app, wrong):
    answer = app.authorize("user/*.rs", **wrong)
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert "<b>" not in answer.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_challenge": None},
        {"code_challenge": ""},
        {"code_challenge": "short"},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"code_challenge_method": "s256"},
        {"code_challenge": None, "code_challenge_method": None},
    ],
)
def test_a_request_without_a_proof_key_is_400(app, wrong):
    assert app.authorize("user/*.rs", **wrong).status_code == 400


@pytest.mark.parametrize("verifier", [None, "", "x" * 43, "short", "x" * 129, "CHALLENGE", "\u017c" * 43])
def test_a_code_without_its_verifier_is_worth_nothing(app, prescriber, verifier):
    code, challenge = app.code("user/*.rs", prescriber), app.request("x")["code_challenge"]
    answer = app.exchange(code, code_verifier=challenge if verifier == "CHALLENGE" else verifier)
    assert answer.status_code == 400
    assert answer.json()["error"] in ("invalid_request", "invalid_grant")


@pytest.mark.parametrize("kind", ["token", "id_token", "code token", '\u017c"', None])
def test_only_codes_are_given_out(app, kind):
    assert error_of(app.authorize("user/*.rs", response_type=kind))["error"] == "unsupported_response_type"


@pytest.mark.parametrize(
    "grant", ["password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", None, "\u017c"]
)
def test_no_other_grant_is_there(app, grant):
    answer = app.token(grant_type=grant, client_id=app.client_id, username="a", password="b")
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


def test_a_parameter_that_is_there_twice_is_refused(galenic, app):
    twice = [*app.request("user/*.rs").items(), ("aud", galenic.base_url)]
    assert error_of(send("GET", endpoint(galenic, "authorize"), params=twice))["error"] == "invalid_request"
    twice = [("grant_type", "authorization_code"), ("code", "a"), ("code", "b")]
    assert send("POST", endpoint(galenic, "token"), data={"code": ["a", "b"]}).status_code == 400


def test_a_code_used_twice_takes_what_it_gave_with_it(galenic, app, prescriber):
    code = app.code("user/*.rs offline_access", prescriber)
    token = app.exchange(code).json()
    again = app.exchange(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert app.refresh(token["refresh_token"]).status_code == 400
    with transaction(galenic) as one:
        row = one.execute("SELECT count(*) AS alive FROM token_family WHERE revoked_because IS NULL").fetchone()
        revoked = one.execute("SELECT revoked_because FROM token_family WHERE revoked IS NOT NULL").fetchall()
    assert row
    assert {"revoked_because": "its code was used twice"} in revoked


def test_a_code_is_worth_nothing_after_a_minute(galenic, app, prescriber):
    code = app.code("user/*.rs", prescriber)
    with transaction(galenic) as one:
        row = one.execute("SELECT max(expires - created) AS life FROM authorization_code").fetchone()
        one.execute("UPDATE authorization_code SET expires = expires - interval '61 seconds'")
    assert row["life"].total_seconds() <= 60.01
    assert app.exchange(code).status_code == 400


def test_a_code_is_its_clients_and_its_redirect_uris(galenic, prescriber):
    first = App(galenic, register(galenic, redirect_uris=(CALLBACK, CALLBACK + "2")).id)
    other = App(galenic, register(galenic).id, verifier=first.verifier)
    code = first.code("user/*.rs", prescriber)
    assert other.exchange(code).json()["error"] == "invalid_grant"
    assert first.exchange(code, redirect_uri=CALLBACK + "2").json()["error"] == "invalid_grant"
    assert first.exchange(code, redirect_uri=None).json()["error"] == "invalid_grant"
    assert first.exchange(code).status_code == 200


@pytest.mark.parametrize("wrong", [{"client_id": None}, {"client_id": "nobody"}, {"client_secret": "x"}])
def test_whoever_does_not_say_which_client_it_is_gets_nothing(app, prescriber, wrong):
    answer = app.exchange(app.code("user/*.rs", prescriber), **wrong)
    assert answer.json()["error"] == "invalid_client"
    assert answer.status_code in (400, 401)


@pytest.mark.parametrize("code", [None, "", "unknown", "\u017c", "x" * 5000])
def test_no_code_no_token(app, code):
    assert app.exchange(code).status_code == 400


def test_what_is_decided_twice_is_over(galenic, app, prescriber):
    request = app.ask("user/*.rs")
    app.approve(request, prescriber)
    with pytest.raises(AssertionError):
        app.approve(request, prescriber)


def test_a_confidential_app_proves_who_it_is(galenic, prescriber):
    made = register(galenic, kind="confidential-symmetric")
    app = App(galenic, made.id, secret=made.secret)
    assert app.tokens("user/*.rs", prescriber, client_id=made.id)["access_token"]
    for secret in ("", "wrong", made.secret + "x"):
        intruder = App(galenic, made.id, secret=secret, verifier=app.verifier)
        answer = intruder.exchange(app.code("user/*.rs", prescriber))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    posted = App(galenic, made.id, verifier=app.verifier).exchange(
        app.code("user/*.rs", prescriber), client_secret=made.secret
    )
    assert posted.status_code == 200


def test_a_client_proves_who_it_is_in_one_way(galenic, prescriber):
    made = register(galenic, kind="confidential-symmetric")
    app = App(galenic, made.id, secret=made.secret)
    answer = app.exchange(app.code("user/*.rs", prescriber), client_secret=made.secret)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_header_that_is_no_text_authenticates_nobody(galenic):
    form = {"grant_type": "authorization_code", "code": "x"}
    for header in ("Basic //////79", "Basic", "Basic !", "Bearer x", "Basic OnM="):
        answer = send("POST", endpoint(galenic, "token"), data=form, headers={"Authorization": header})
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_app_without_a_patient_where_it_needs_one_fails(app, prescriber):
    for scopes in ("launch/patient user/*.rs", "patient/*.rs"):
        assert app.approve(app.ask(scopes), prescriber)["error"] == "access_denied"


def test_a_person_may_choose_the_encounter_too(app, prescriber):
    back = app.approve(app.ask("launch/patient launch/encounter user/*.rs"), prescriber, patient="1", encounter="2")
    token = app.exchange(back["code"]).json()
    assert (token["patient"], token["encounter"]) == ("1", "2")


def test_a_patient_cannot_let_an_app_in_for_somebody_else(galenic, app):
    patient = a_person(galenic, "patient", "mine")
    assert app.approve(app.ask("patient/*.rs"), patient, patient="another")["error"] == "access_denied"
    assert "code" in app.approve(app.ask("patient/*.rs"), patient, patient="mine")


def test_prompt_none_asks_to_log_in(app):
    assert error_of(app.authorize("openid user/*.rs", prompt="none"))["error"] == "login_required"


def test_a_disabled_client_is_nobody(galenic, prescriber):
    app = App(galenic, register(galenic).id)
    token = app.tokens("user/*.rs offline_access", prescriber)
    with transaction(galenic) as one:
        one.execute("UPDATE client SET disabled = now() WHERE id = %s", (app.client_id,))
    assert app.authorize("user/*.rs").status_code == 400
    assert app.refresh(token["refresh_token"]).json()["error"] == "invalid_client"
