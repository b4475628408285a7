"""Dynamic registration, where it is on (RFC 7591); and keys that are fetched from a URL (A7)."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from joserfc.jwk import ECKey

from tests.running.oauth import CALLBACK, App, a_backend, a_person, endpoint, jwks, send, transaction

KEY = ECKey.generate_key("P-384", auto_kid=True)
NEXT = ECKey.generate_key("P-384", auto_kid=True)


@pytest.fixture
def web():
    """A place where a system publishes its keys."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked += 1
            body = json.dumps(server.keys).encode()
            self.send_response(server.status)
            self.send_header("Cache-Control", server.control)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.status, server.control, server.keys = 0, 200, "max-age=3600", jwks(KEY)
    server.url = f"http://127.0.0.1:{server.server_port}/jwks.json"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def ask(galenic, **metadata):
    given = {"redirect_uris": [CALLBACK], "client_name": "Self-made", "scope": "patient/*.rs", **metadata}
    return send("POST", endpoint(galenic, "register"), json={k: v for k, v in given.items() if v is not None})


def test_an_app_registers_itself_and_is_let_in(open_galenic):
    answer = ask(open_galenic, token_endpoint_auth_method="none", scope="patient/*.rs openid nonsense system/*.rs")
    assert answer.status_code == 201
    made = answer.json()
    assert (made["scope"], made["redirect_uris"]) == ("patient/*.rs openid", [CALLBACK])
    assert "client_secret" not in made
    app = App(open_galenic, made["client_id"])
    assert app.tokens("patient/*.rs", a_person(open_galenic, "prescriber"), "1")["access_token"]


def test_a_confidential_app_is_told_its_secret_once(open_galenic):
    made = ask(open_galenic).json()
    app = App(open_galenic, made["client_id"], secret=made["client_secret"])
    assert app.tokens("patient/*.rs", a_person(open_galenic, "prescriber"), "1")["access_token"]
    with transaction(open_galenic) as one:
        assert made["client_secret"] not in str(one.execute("SELECT * FROM client").fetchall())


def test_whoever_registers_itself_is_no_system_and_has_no_rights(open_galenic):
    more = {"role": "integration", "may_introspect": True, "grant_types": ["client_credentials"]}
    assert ask(open_galenic, **more).status_code == 400
    made = ask(open_galenic, role="integration", may_introspect=True, may_launch=True).json()
    with transaction(open_galenic) as one:
        row = one.execute("SELECT * FROM client WHERE id = %s", (made["client_id"],)).fetchone()
    assert (row["role"], row["may_introspect"], row["may_launch"], row["self_registered"]) == (None, False, False, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"redirect_uris": None},
        {"redirect_uris": []},
        {"redirect_uris": "https://a.example"},
        {"redirect_uris": ["http://a.example/cb"]},
        {"redirect_uris": ["javascript:alert(1)"]},
        {"redirect_uris": ["https://a.example/cb#x"]},
        {"redirect_uris": ["https://\u017c.example/cb"]},
        {"redirect_uris": [7]},
        {"client_name": ""},
        {"client_name": "a\u202eb"},
        {"client_name": 7},
        {"logo_uri": "javascript:alert(1)"},
        {"scope": "system/*.rs"},
        {"scope": None},
        {"token_endpoint_auth_method": "client_secret_jwt"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [{"kty": "oct", "k": "AA", "kid": "a"}]}},
        {
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [{**KEY.as_dict(private=True), "kid": "a"}]},
        },
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": "x"},
        {"response_types": ["token"]},
        {"grant_types": ["password"]},
    ],
)
def test_what_an_operator_could_not_register_an_app_cannot(open_galenic, wrong):
    answer = ask(open_galenic, **wrong)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] in ("invalid_client_metadata", "invalid_request", "invalid_redirect_uri")


@pytest.mark.parametrize("body", [b"", b"[]", b"x", b"[" * 100_000, b'{"a": 1e400}', b"\xff"])
def test_what_is_no_json_object_is_refused(open_galenic, body):
    headers = {"Content-Type": "application/json"}
    assert send("POST", endpoint(open_galenic, "register"), content=body, headers=headers).status_code == 400


def test_nobody_registers_where_it_is_off(galenic):
    assert ask(galenic).status_code in (404, 405)
    found = send("GET", f"{galenic.base_url}/.well-known/smart-configuration").json()
    assert "registration_endpoint" not in found


def test_keys_are_fetched_from_the_url_that_is_registered(open_galenic, web):
    backend = a_backend(open_galenic, KEY, jwks=None, jwks_uri=web.url)
    for _ in range(3):
        assert backend.ask("system/*.rs").status_code == 200
    assert web.asked == 1
    with_jku = backend.assertion({"jku": web.url})
    assert backend.ask("system/*.rs", with_jku).status_code == 200


def test_a_rotation_is_picked_up(open_galenic, web):
    web.control = "no-cache"
    backend = a_backend(open_galenic, KEY, jwks=None, jwks_uri=web.url)
    assert backend.ask("system/*.rs").status_code == 200
    web.keys, before = jwks(NEXT), backend.key
    backend.key = NEXT
    assert backend.ask("system/*.rs").status_code == 200
    backend.key = before
    assert backend.ask("system/*.rs").json()["error"] == "invalid_client"


@pytest.mark.parametrize("keys", [{}, [], {"keys": {}}, {"keys": [1]}, {"keys": []}, "x"])
def test_a_url_without_keys_lets_nobody_in(open_galenic, web, keys):
    web.keys = keys
    backend = a_backend(open_galenic, KEY, jwks=None, jwks_uri=web.url)
    assert backend.ask("system/*.rs").json()["error"] == "invalid_client"


def test_a_private_address_is_not_asked_unless_it_is_allowed(galenic, web):
    backend = a_backend(galenic, KEY, jwks=None, jwks_uri=web.url)
    answer = backend.ask("system/*.rs")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert web.asked == 0


def test_a_jwks_that_names_one_kid_twice_names_none(open_galenic, web):
    web.keys = {"keys": [*jwks(KEY)["keys"], {**jwks(NEXT)["keys"][0], "kid": KEY.kid}]}
    backend = a_backend(open_galenic, KEY, jwks=None, jwks_uri=web.url)
    assert backend.ask("system/*.rs").json()["error"] == "invalid_client"
