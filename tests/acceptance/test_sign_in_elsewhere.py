"""Logging in at an outside OpenID provider, which may be anything but honest."""

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from tests.builders.people import an_administration, records
from tests.running.oauth import NO_TLS
from tests.running.openid_provider import CLIENT_ID, openid_provider
from tests.running.pages import site

SECRET = "the secret of this server there"


@pytest.fixture(scope="module")
def provider():
    with openid_provider() as made:
        yield made


@pytest.fixture(scope="module")
def shared(cluster, provider):
    settings = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": SECRET}
    with site(cluster, "elsewhere", address_failures_max="1000", **settings) as made:
        with made.entrance() as entrance:
            office = an_administration(entrance)
            office.link("amara", provider.issuer, "subject-1")
            office.link("mara", provider.issuer, "subject-2")
            office.link("jo", provider.issuer, "subject-3")
            office.disable("jo")
        yield made


@pytest.fixture
def pages(shared, provider):
    shared.forget()
    provider.be_honest()
    return shared


@pytest.fixture
def browser(pages):
    with a_browser(pages) as one:
        yield one


def a_browser(pages):
    return httpx.Client(base_url=pages.galenic.root_url, timeout=30, verify=NO_TLS)


def depart(browser, request=""):
    """The URL on which the browser comes back; what is in between is the provider's."""
    browser.get("/auth/login")
    there = browser.get("/auth/elsewhere" + (f"?request={request}" if request else ""))
    assert there.status_code == 303, there.text
    return httpx.get(there.headers["location"], verify=NO_TLS).headers["location"]


def is_logged_in(browser):
    return browser.get("/auth/account").status_code == 200


def test_who_is_linked_is_logged_in_and_the_app_that_waits_goes_on(pages, browser, provider):
    request = pages.app.ask("launch/patient patient/Patient.rs")
    shown = browser.get(f"/auth/login?request={request}").text
    assert "Log in with 127.0.0.1" in shown
    answer = browser.get(depart(browser, request))
    assert answer.headers["location"] == f"/auth/patient?request={request}"
    assert is_logged_in(browser)
    found = records(pages.database.app_url, "actor", "outcome", "detail", interaction="login")[-1]
    assert found[:2] == ("Patient/demo-patient-1", 200)
    assert found[2].startswith(f"login at {provider.issuer}; session ")


def test_the_provider_is_asked_with_code_nonce_and_proof_key_and_shown_our_secret(pages, browser, provider):
    browser.get(depart(browser))
    form = provider.tokens[-1]
    assert form["authorization"].startswith("Basic ")
    assert "client_secret" not in form
    with a_browser(pages) as other:
        query = httpx.URL(other.get("/auth/elsewhere").headers["location"]).params
    assert (query["response_type"], query["scope"], query["code_challenge_method"]) == ("code", "openid", "S256")
    assert query["redirect_uri"] == pages.page("elsewhere/back")
    assert min(len(query[name]) for name in ("nonce", "state", "code_challenge")) >= 43


def test_a_second_factor_is_asked_for_here_whatever_happened_there(browser, provider):
    provider.subject = "subject-2"
    assert browser.get(depart(browser)).headers["location"] == "/auth/enrolment"


@pytest.mark.parametrize("subject", ["subject-9", "subject-3", "SUBJECT-1", " subject-1"])
def test_nobody_is_made_and_who_is_disabled_stays_out(pages, browser, provider, subject):
    provider.subject = subject
    answer = browser.get(depart(browser))
    assert answer.status_code == 422
    assert "nobody here is linked to that account" in answer.text
    assert not is_logged_in(browser)
    actor, status, detail = records(pages.database.app_url, "actor", "outcome", "detail", interaction="login")[-1]
    assert (actor, status) == ("anonymous", 401)
    assert repr(subject) in detail


@pytest.mark.parametrize(
    "forged",
    [
        {"iss": "http://elsewhere.example"},
        {"aud": "another client"},
        {"aud": None},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"iat": 4_000_000_000},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 300},
        {"azp": "another client"},
    ],
)
def test_claims_that_are_not_for_this_login_let_nobody_in(browser, provider, forged):
    provider.forge = lambda claims: claims | forged
    answer = browser.get(depart(browser))
    assert (answer.status_code, is_logged_in(browser)) == (422, False)
    assert "did not succeed" in answer.text


def by_another_key(provider, claims):
    key = RSAKey.generate_key(2048)
    return jwt.encode({"alg": "RS256", "kid": provider.key.kid}, claims, key)


def by_our_secret(provider, claims):
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET))


def by_the_public_key_as_secret(provider, claims):
    public = provider.key.as_pem(private=False)
    return jwt.encode({"alg": "HS256", "kid": provider.key.kid}, claims, OctKey.import_key(public))


def by_nobody(provider, claims):
    signed = provider.signed(claims).split(".")
    return f"eyJhbGciOiJub25lIn0.{signed[1]}."


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seal", [by_another_key, by_our_secret, by_the_public_key_as_secret, by_nobody,
                                  lambda *_: "x" * 20_000, lambda *_: ""])  # fmt: skip
def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(browser, provider, seal):
    provider.seal = lambda claims: seal(provider, claims)
    assert browser.get(depart(browser)).status_code == 422
    assert not is_logged_in(browser)


def test_a_key_that_the_provider_changed_is_fetched(browser, provider):
    browser.get(depart(browser))
    provider.key = RSAKey.generate_key(2048, auto_kid=True)
    browser.post("/auth/logout")
    with httpx.Client(base_url=browser.base_url, timeout=30, verify=NO_TLS) as other:
        other.get(depart(other))
        assert is_logged_in(other)


def test_an_answer_is_taken_once_and_by_the_browser_that_asked(pages, browser):
    back = depart(browser)
    with a_browser(pages) as other:
        other.get("/auth/login")
        assert other.get(back).status_code == 422
        assert not is_logged_in(other)
    assert browser.get(back).status_code == 422  # used up by the try
    back = depart(browser)
    assert browser.get(back).status_code == 303
    assert browser.get(back).status_code == 422


@pytest.mark.parametrize(
    "answer", [{"error": "access_denied"}, {"code": ""}, {"state": "made-up"}, {"state": ""}, {"iss": "http://evil"}]
)
def test_an_answer_without_what_was_agreed_lets_nobody_in(browser, provider, answer):
    provider.answer = answer
    assert browser.get(depart(browser)).status_code == 422
    assert not is_logged_in(browser)


def test_an_answer_that_nobody_waits_for_is_no_login(browser):
    assert browser.get("/auth/elsewhere/back?code=x&state=y").status_code == 422
    assert browser.get("/auth/elsewhere/back").status_code == 422
