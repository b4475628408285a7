"""private_key_jwt: what is accepted, and the matrix of what is not (A6)."""

import base64
import hashlib
import hmac
import json
import threading
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA384
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.running.oauth import ASSERTION_TYPE, Backend, a_backend, endpoint, jwks, register, send

EC = ECKey.generate_key("P-384", auto_kid=True)
OTHER = ECKey.generate_key("P-384", auto_kid=True)
RSA = RSAKey.generate_key(2048, auto_kid=True)


@pytest.fixture(scope="module")
def backend(galenic):
    return a_backend(galenic, EC)


def refused(answer):
    return answer.status_code in (400, 401) and answer.json()["error"] == "invalid_client"


def part(value):
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def signed(header, claims, key=EC):
    """By ES384 and by hand: joserfc refuses to write what the server has to refuse to read."""
    text = f"{part(header)}.{part(claims)}"
    r, s = utils.decode_dss_signature(key.get_op_key("sign").sign(text.encode(), ec.ECDSA(SHA384())))
    return f"{text}.{part(r.to_bytes(48) + s.to_bytes(48))}"


def unsigned(header, claims, signature=b""):
    return f"{part(header)}.{part(claims)}.{part(signature)}"


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (RSA, "RS384"),
        (EC, "ES384"),
        (ECKey.generate_key("P-256", auto_kid=True), "ES256"),
        (ECKey.generate_key("P-521", auto_kid=True), "ES512"),
    ],
    ids=["RS384", "ES384", "ES256", "ES512"],
)
def test_a_system_gets_a_short_token_without_a_refresh_token(galenic, key, algorithm):
    backend = a_backend(galenic, key)
    token = backend.ask("system/*.rs", backend.assertion({"alg": algorithm})).json()
    assert (token["token_type"], token["scope"], token["expires_in"]) == ("Bearer", "system/*.rs", 300)
    assert "refresh_token" not in token


def test_broad_scopes_are_granted_as_far_as_they_are_allowed(galenic):
    backend = a_backend(galenic, scopes="system/Patient.rs system/Observation.rs?category=laboratory")
    asked = "system/*.read system/Patient.cruds user/*.rs patient/*.rs openid nonsense system/AuditEvent.rs"
    assert backend.ask(asked).json()["scope"].split() == [
        "system/Patient.read",
        "system/Observation.rs?category=laboratory",
        "system/Patient.rs",
    ]
    for nothing in ("system/Encounter.rs", "openid", ""):
        answer = backend.ask(nothing)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_a_client_id_beside_the_assertion_is_that_of_the_assertion(backend):
    assert backend.ask("system/*.rs", client_id=backend.client_id).status_code == 200
    assert refused(backend.ask("system/*.rs", client_id="another"))


WRONG_CLAIMS = {
    "iss is another": {"iss": "another"},
    "sub is another": {"sub": "another"},
    "no iss": {"iss": None},
    "no sub": {"sub": None},
    "sub is a number": {"sub": 7, "iss": 7},
    "sub is a surrogate": {"sub": "\ud800", "iss": "\ud800"},
    "aud is the FHIR base": {"aud": "https://galenic.example/fhir"},
    "aud is nobody": {"aud": None},
    "aud is a list of others": {"aud": ["a", "b"]},
    "exp is past": {"exp": int(time.time()) - 1},
    "exp is far": {"exp": int(time.time()) + 900},
    "exp is a text": {"exp": str(int(time.time()) + 200)},
    "exp is NaN": {"exp": float("nan")},
    "exp is infinite": {"exp": float("inf")},
    "exp is true": {"exp": True},
    "exp is huge": {"exp": 10**400},
    "no exp": {"exp": None},
    "nbf is to come": {"nbf": int(time.time()) + 7200},
    "iat is to come": {"iat": int(time.time()) + 7200},
    "nbf is a text": {"nbf": "now"},
    "no jti": {"jti": None},
    "jti is blank": {"jti": ""},
    "jti is a number": {"jti": 12},
    "jti is a list": {"jti": ["a"]},
}


@pytest.mark.parametrize("claims", WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
def test_an_assertion_with_a_wrong_claim_is_nobodys(backend, claims):
    assert refused(backend.ask("system/*.rs", signed({"alg": "ES384", "kid": EC.kid}, backend.claims(**claims))))


WRONG_HEADERS = {
    "no kid": {"kid": ""},
    "unknown kid": {"kid": "unknown"},
    "kid is another's": {"kid": OTHER.kid},
    "crit": {"crit": ["exp"], "exp": 1},
    "unknown crit": {"crit": ["b64"], "b64": False},
    "embedded key": {"jwk": OTHER.as_dict(private=False)},
    "foreign jku": {"jku": "http://127.0.0.1:9/jwks.json"},
    "foreign x5u": {"x5u": "http://127.0.0.1:9/certificate.pem"},
    "x5c": {"x5c": ["MIIB"]},
    "long header": {"kid": "k" * 300_000},
}


@pytest.mark.parametrize("header", WRONG_HEADERS.values(), ids=WRONG_HEADERS)
def test_an_assertion_with_a_wrong_header_is_nobodys(backend, header):
    whole = {"alg": "ES384", "kid": EC.kid, **header}
    assert refused(backend.ask("system/*.rs", signed(whole, backend.claims(), OTHER if "jwk" in header else EC)))


def test_the_same_header_signed_by_the_right_key_is_accepted(backend):
    """That the matrix above fails for what it names, and not for how it is signed."""
    assertion = signed({"alg": "ES384", "kid": EC.kid}, backend.claims())
    assert backend.ask("system/*.rs", assertion).status_code == 200


def with_hmac(algorithm, claims, secret):
    text = f"{part({'alg': algorithm, 'kid': EC.kid})}.{part(claims)}"
    made = hmac.new(secret, text.encode(), hashlib.sha256 if algorithm == "HS256" else hashlib.sha384)
    return f"{text}.{part(made.digest())}"


def with_other_claims(assertion, claims):
    head, _, tail = assertion.split(".")
    return f"{head}.{part(claims)}.{tail}"


def published(galenic):
    key = send("GET", endpoint(galenic, "jwks")).json()["keys"][0]
    return RSAKey.import_key(key).as_pem(private=False)


NONE, GOOD = {"alg": "none", "kid": EC.kid}, {"alg": "ES384", "kid": EC.kid}
FORGERIES = {
    "alg none": lambda b, _: unsigned(NONE, b.claims()),
    "alg NONE with a signature": lambda b, _: unsigned(NONE | {"alg": "NONE"}, b.claims(), b"x" * 96),
    "HS256 by our public key": lambda b, galenic: with_hmac("HS256", b.claims(), published(galenic)),
    "HS384 by our public key": lambda b, galenic: with_hmac("HS384", b.claims(), published(galenic)),
    "HS256 by the client's public key": lambda b, _: with_hmac("HS256", b.claims(), EC.as_pem(private=False)),
    "RS256": lambda b, _: jwt.encode({"alg": "RS256", "kid": EC.kid}, b.claims(), RSA, algorithms=["RS256"]),
    "another's key": lambda b, _: signed(GOOD, b.claims(), OTHER),
    "no signature": lambda b, _: b.assertion().rpartition(".")[0] + ".",
    "two parts": lambda b, _: b.assertion().rpartition(".")[0],
    "claims changed": lambda b, _: with_other_claims(b.assertion(), b.claims()),
    "claims are a list": lambda *_: unsigned(GOOD, [1], b"x" * 96),
    "deep JSON": lambda *_: unsigned(GOOD, b"[" * 5000, b"x" * 96),
    "nonsense": lambda *_: "nonsense",
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_assertion_is_nobodys(galenic, backend, forge):
    assert refused(backend.ask("system/*.rs", forge(backend, galenic)))


def test_a_wrong_type_of_assertion_is_none(galenic, backend):
    form = {
        "grant_type": "client_credentials",
        "scope": "system/*.rs",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
        "client_assertion": backend.assertion(),
    }
    assert refused(send("POST", endpoint(galenic, "token"), data=form))
    assert refused(
        send("POST", endpoint(galenic, "token"), data=form | {"client_assertion_type": ASSERTION_TYPE + "x"})
    )


def test_a_key_set_with_two_keys_of_one_kid_names_none(galenic, backend):
    twice = jwks(EC, OTHER)
    twice["keys"][1]["kid"] = EC.kid
    with pytest.raises(Exception, match="kid of its own"):
        register(galenic, kind="confidential-asymmetric", jwks=twice, role="integration", scopes="system/*.rs")


def test_a_private_key_is_not_registered(galenic):
    private = {"keys": [{**EC.as_dict(private=True), "kid": EC.kid}]}
    with pytest.raises(Exception, match="private key"):
        register(galenic, kind="confidential-asymmetric", jwks=private, role="integration", scopes="system/*.rs")


def test_systems_have_keys_and_no_secrets(galenic):
    app = register(galenic, kind="confidential-symmetric", scopes="system/*.rs user/*.rs")
    form = {"grant_type": "client_credentials", "scope": "system/*.rs"}
    answer = send("POST", endpoint(galenic, "token"), data=form, auth=(app.id, app.secret))
    assert refused(answer)


def test_an_app_with_a_key_is_no_system(galenic):
    made = register(galenic, kind="confidential-asymmetric", jwks=jwks(EC), scopes="system/*.rs user/*.rs")
    answer = Backend(galenic, made.id, EC).ask("system/*.rs")
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


def test_a_client_that_does_not_exist_and_a_key_that_it_does_not_have_look_the_same(galenic, backend):
    unknown = Backend(galenic, "nobody", EC).ask("system/*.rs")
    other_key = Backend(galenic, backend.client_id, OTHER).ask("system/*.rs")
    assert (unknown.status_code, unknown.json()) == (other_key.status_code, other_key.json())
    assert refused(unknown)


def test_what_is_refused_takes_little_time_and_leaves_no_memory(galenic, backend):
    """Of several each, the quickest: the machine may be busy."""
    fill = {"kid": "k" * 300_000}
    wrong = [signed({"alg": "ES384", "kid": EC.kid} | header, backend.claims(iss="other")) for header in ({}, fill)]
    for assertion in wrong * 2:
        backend.ask("system/*.rs", assertion)
    before = memory_mb(galenic)
    for assertion in wrong:
        assert min(seconds_to_refuse(backend, assertion) for _ in range(25)) <= REFUSED_SECONDS_MAX
    assert memory_mb(galenic) - before < MEMORY_MB_MAX


REFUSED_SECONDS_MAX = 0.05
MEMORY_MB_MAX = 10


def seconds_to_refuse(backend, assertion):
    began = time.perf_counter()
    assert refused(backend.ask("system/*.rs", assertion))
    return time.perf_counter() - began


def memory_mb(galenic):
    """Of the API process."""
    pages = Path(f"/proc/{galenic.apis[0].pid}/statm").read_text().split()[1]
    return int(pages) * 4096 / 2**20


def test_a_jti_is_used_once(backend):
    assertion = backend.assertion()
    assert backend.ask("system/*.rs", assertion).status_code == 200
    assert refused(backend.ask("system/*.rs", assertion))
    assert refused(backend.ask("system/*.rs", backend.assertion(jti=jti_of(assertion))))


def jti_of(assertion):
    claims = assertion.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["jti"]


def test_a_jti_is_used_once_by_twenty_at_once_on_two_processes_and_after_a_restart(two_processes):
    backend = a_backend(two_processes, EC)
    assertion, answers = backend.assertion(), []
    asks = [threading.Thread(target=lambda: answers.append(backend.ask("system/*.rs", assertion))) for _ in range(20)]
    for thread in asks:
        thread.start()
    for thread in asks:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19
    restart(two_processes)
    assert refused(backend.ask("system/*.rs", assertion))
    assert backend.ask("system/*.rs").status_code == 200


def restart(galenic):
    for process in galenic.apis:
        process.terminate()
    for process in galenic.apis:
        process.wait(30)
    galenic.apis.clear()
    for _ in range(2):
        galenic.start_api()
    galenic.wait_ready()
