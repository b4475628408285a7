"""Logging in at an outside OpenID provider, which may be anything but honest."""

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from tests.builders.people import records
from tests.running.oauth import NO_TLS


@pytest.fixture
def visitor(pages):
    with a_browser(pages) as one:
        yield one


def a_browser(pages):
    return httpx.Client(base_url=pages.galenic.root_url, timeout=30, verify=NO_TLS)


def depart(visitor, request=""):
    """The URL on which the visitor comes back; what is in between is the provider's."""
    visitor.get("/auth/login")
    there = visitor.get("/auth/elsewhere" + (f"?request={request}" if request else ""))
    assert there.status_code == 303, there.text
    return httpx.get(there.headers["location"], verify=NO_TLS).headers["location"]


def is_logged_in(visitor):
    return visitor.get("/auth/account").status_code == 200


def test_who_is_linked_is_logged_in_and_the_app_that_waits_goes_on(pages, visitor, idp):
    request = pages.app.ask("launch/patient patient/Patient.rs")
    shown = visitor.get(f"/auth/login?request={request}").text
    assert "Log in with 127.0.0.1" in shown
    answer = visitor.get(depart(visitor, request))
    assert answer.headers["location"] == f"/auth/patient?request={request}"
    assert is_logged_in(visitor)
    found = records(pages.database.app_url, "actor", "outcome", "detail", interaction="login")[-1]
    assert found[:2] == ("Patient/demo-patient-1", 200)
    assert found[2].startswith(f"login at {idp.issuer}; session ")


def test_the_provider_is_asked_with_code_nonce_and_proof_key_and_shown_our_secret(pages, visitor, idp):
    visitor.get(depart(visitor))
    form = idp.tokens[-1]
    assert form["authorization"].startswith("Basic ")
    assert "client_secret" not in form
    with a_browser(pages) as other:
        query = httpx.URL(other.get("/auth/elsewhere").headers["location"]).params
    assert (query["response_type"], query["scope"], query["code_challenge_method"]) == ("code", "openid", "S256")
    assert query["redirect_uri"] == pages.page("elsewhere/back")
    assert min(len(query[name]) for name in ("nonce", "state", "code_challenge")) >= 43


def test_a_second_factor_is_asked_for_here_whatever_happened_there(visitor, idp):
    idp.subject = "subject-2"
    assert visitor.get(depart(visitor)).headers["location"] == "/auth/enrolment"


@pytest.mark.parametrize("subject", ["subject-9", "subject-3", "SUBJECT-1", " subject-1"])
def test_nobody_is_made_and_who_is_disabled_stays_out(pages, visitor, idp, subject):
    idp.subject = subject
    answer = visitor.get(depart(visitor))
    assert answer.status_code == 422
    assert "nobody here is linked to that account" in answer.text
    assert not is_logged_in(visitor)
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
def test_claims_that_are_not_for_this_login_let_nobody_in(visitor, idp, forged):
    idp.forge = lambda claims: claims | forged
    answer = visitor.get(depart(visitor))
    assert (answer.status_code, is_logged_in(visitor)) == (422, False)
    assert "did not succeed" in answer.text


def by_another_key(idp, claims):
    key = RSAKey.generate_key(2048)
    return jwt.encode({"alg": "RS256", "kid": idp.key.kid}, claims, key)


def by_our_secret(idp, claims):
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("a secret of ours there"))


def by_the_public_key_as_secret(idp, claims):
    public = idp.key.as_pem(private=False)
    return jwt.encode({"alg": "HS256", "kid": idp.key.kid}, claims, OctKey.import_key(public))


def by_nobody(idp, claims):
    signed = idp.signed(claims).split(".")
    return f"eyJhbGciOiJub25lIn0.{signed[1]}."


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seal", [by_another_key, by_our_secret, by_the_public_key_as_secret, by_nobody,
                                  lambda *_: "x" * 20_000, lambda *_: ""])  # fmt: skip
def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(visitor, idp, seal):
    idp.seal = lambda claims: seal(idp, claims)
    assert visitor.get(depart(visitor)).status_code == 422
    assert not is_logged_in(visitor)


def test_a_key_that_the_provider_changed_is_fetched(visitor, idp):
    visitor.get(depart(visitor))
    idp.key = RSAKey.generate_key(2048, auto_kid=True)
    visitor.post("/auth/logout")
    with httpx.Client(base_url=visitor.base_url, timeout=30, verify=NO_TLS) as other:
        other.get(depart(other))
        assert is_logged_in(other)


def test_an_answer_is_taken_once_and_by_the_browser_that_asked(pages, visitor):
    back = depart(visitor)
    with a_browser(pages) as other:
        other.get("/auth/login")
        assert other.get(back).status_code == 422
        assert not is_logged_in(other)
    assert visitor.get(back).status_code == 422  # used up by the try
    back = depart(visitor)
    assert visitor.get(back).status_code == 303
    assert visitor.get(back).status_code == 422


@pytest.mark.parametrize(
    "answer", [{"error": "access_denied"}, {"code": ""}, {"state": "made-up"}, {"state": ""}, {"iss": "http://evil"}]
)
def test_an_answer_without_what_was_agreed_lets_nobody_in(visitor, idp, answer):
    idp.answer = answer
    assert visitor.get(depart(visitor)).status_code == 422
    assert not is_logged_in(visitor)


def test_an_answer_that_nobody_waits_for_is_no_login(visitor):
    assert visitor.get("/auth/elsewhere/back?code=x&state=y").status_code == 422
    assert visitor.get("/auth/elsewhere/back").status_code == 422
