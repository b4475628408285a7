"""Discovery documents, and which pages may call us (A4)."""

from urllib.parse import urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from fhir_server.identity.issuer import Issuer
from fhir_server.web.discovery import oauth_uris
from tests.running.oauth import App, a_person, access_token, register, send

DOCUMENTS = ("smart-configuration", "openid-configuration")


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("accept", [None, "application/fhir+xml", "text/html", "nonsense"])
def test_discovery_is_json_whatever_is_accepted(galenic, document, accept):
    headers = {"Accept": accept} if accept else {}
    answer = send("GET", f"{galenic.base_url}/.well-known/{document}", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_endpoints_are_absolute_and_the_issuer_is_the_base(galenic, document):
    found = send("GET", f"{galenic.base_url}/.well-known/{document}").json()
    urls = {name: url for name, url in found.items() if name.endswith(("_endpoint", "_uri"))}
    assert set(urls) >= {"authorization_endpoint", "token_endpoint", "introspection_endpoint", "revocation_endpoint"}
    assert all(url.startswith(galenic.root_url + "/auth/") for url in urls.values())
    assert found["issuer"] == galenic.base_url
    assert "registration_endpoint" not in found


def test_what_smart_requires_is_declared(galenic):
    found = send("GET", f"{galenic.base_url}/.well-known/smart-configuration").json()
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert set(found["token_endpoint_auth_signing_alg_values_supported"]) >= {"RS384", "ES384"}
    assert set(found["grant_types_supported"]) == {"authorization_code", "client_credentials"}
    assert set(found["capabilities"]) >= {"client-public", "client-confidential-symmetric", "permission-v1"}
    assert "client-confidential-asymmetric" in found["capabilities"]
    assert "private_key_jwt" in found["token_endpoint_auth_methods_supported"]
    assert found["scopes_supported"]
    assert found["token_endpoint"]


@pytest.mark.parametrize(
    "needed",
    [
        {"launch-standalone", "context-standalone-patient", "permission-patient"},
        {"launch-ehr", "context-ehr-patient", "permission-patient"},
        {"launch-standalone", "permission-user", "permission-patient"},
        {"launch-ehr", "context-ehr-patient", "context-ehr-encounter", "permission-user", "permission-patient"},
    ],
)
def test_the_capability_sets_of_patients_and_clinicians_are_there(galenic, needed):
    found = set(send("GET", f"{galenic.base_url}/.well-known/smart-configuration").json()["capabilities"])
    assert found >= needed
    assert found & {"client-public", "client-confidential-symmetric"}


def test_every_endpoint_that_is_declared_is_there(galenic):
    found = send("GET", f"{galenic.base_url}/.well-known/smart-configuration").json()
    assert {"authorization_endpoint", "token_endpoint", "jwks_uri"} <= set(found)
    for name, url in found.items():
        if name.endswith("_endpoint") and name != "authorization_endpoint":
            assert send("POST", url, data={"token": "x"}).status_code in (400, 401), name
    assert send("GET", found["authorization_endpoint"]).status_code == 400
    assert send("GET", found["jwks_uri"]).status_code == 200


def test_the_style_that_is_pointed_to_is_there(galenic):
    assert "color_text" in send("GET", f"{galenic.root_url}/auth/smart-style.json").json()


def test_clients_that_look_nowhere_else_find_the_endpoints_in_the_capability_statement(galenic):
    security = oauth_uris(Issuer(galenic.base_url), dynamic_registration=False)
    found = {part["url"]: part["valueUri"] for part in security["extension"][0]["extension"]}
    assert found["authorize"] == f"{galenic.root_url}/auth/authorize"
    assert found["token"] == f"{galenic.root_url}/auth/token"


ORIGIN = "https://app.example.org"
PREFLIGHT = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}


@pytest.fixture(scope="module")
def registered(galenic):
    """Of a client with a callback below ORIGIN, before the server has looked for origins."""
    return register(galenic)


@pytest.mark.parametrize("path", ["/fhir/.well-known/smart-configuration", "/fhir/metadata", "/auth/jwks"])
def test_pages_of_any_origin_may_read_what_is_public(galenic, path):
    answer = send("GET", galenic.root_url + path, headers={"Origin": "https://anybody.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    preflight = {"Origin": "https://anybody.example", "Access-Control-Request-Method": "GET"}
    assert send("OPTIONS", galenic.root_url + path, headers=preflight).status_code == 204


@pytest.mark.parametrize("path", ["/fhir/Patient/1", "/fhir", "/auth/token", "/auth/introspect", "/auth/revoke"])
@pytest.mark.usefixtures("registered")
def test_pages_of_a_registered_client_may_call_the_rest(galenic, path):
    answer = send("OPTIONS", galenic.root_url + path, headers={"Origin": ORIGIN} | PREFLIGHT)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    assert "origin" in answer.headers["vary"].lower()
    got = send("POST" if path.startswith("/auth") else "GET", galenic.root_url + path, headers={"Origin": ORIGIN})
    assert got.headers["access-control-allow-origin"] == ORIGIN
    assert "Location" in got.headers["access-control-expose-headers"]


@pytest.mark.usefixtures("registered")
def test_pages_for_people_are_for_no_other_page_to_read(galenic):
    answer = send("GET", f"{galenic.root_url}/auth/authorize", headers={"Origin": ORIGIN})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/fhir/Patient/1", "/auth/token", "/auth/introspect"])
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", ORIGIN + ".evil.example", ORIGIN.upper(), "https://"]
)
@pytest.mark.usefixtures("registered")
def test_pages_of_other_origins_may_not(galenic, path, origin):
    for method, more in (("OPTIONS", PREFLIGHT), ("POST", {})):
        answer = send(method, galenic.root_url + path, headers={"Origin": origin} | more)
        assert "access-control-allow-origin" not in answer.headers
        assert "origin" in answer.headers["vary"].lower()


def test_a_page_reads_a_patient_with_its_token(galenic, registered):
    token = App(galenic, registered.id).tokens("user/*.rs", a_person(galenic, "prescriber"))["access_token"]
    headers = {"Origin": ORIGIN, "Authorization": f"Bearer {token}"}
    answer = send("GET", f"{galenic.base_url}/Patient", headers=headers)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, ORIGIN)


def test_an_id_token_says_who_the_person_is_in_fhir(galenic):
    person = a_person(galenic, "prescriber")
    app = App(galenic, register(galenic).id)
    token = app.tokens("openid fhirUser", person, nonce="a nonce")
    keys = KeySet.import_key_set(send("GET", f"{galenic.root_url}/auth/jwks").json())
    decoded = jwt.decode(token["id_token"], keys, algorithms=["RS256"])
    claims = decoded.claims
    assert claims["fhirUser"] == f"{galenic.base_url}/{person.fhir_user}"
    assert (claims["iss"], claims["aud"], claims["sub"]) == (galenic.base_url, app.client_id, person.id)
    assert claims["nonce"] == "a nonce"
    assert claims["exp"] > claims["iat"]
    assert urlsplit(claims["iss"]).path == "/fhir"
    without = jwt.decode(app.tokens("openid user/*.rs", person)["id_token"], keys, algorithms=["RS256"]).claims
    assert "fhirUser" not in without
    assert "nonce" not in without
    assert "id_token" not in app.tokens("user/*.rs", person)


def test_the_keys_that_are_published_are_public(galenic):
    access_token(galenic, scopes="openid user/*.rs")
    keys = send("GET", f"{galenic.root_url}/auth/jwks").json()["keys"]
    assert len(keys) == 2  # one that signs, one that will
    assert all(set(key) == {"kty", "n", "e", "kid", "use", "alg"} for key in keys)


def test_the_brands_of_the_operator_are_published_for_every_page(open_galenic):
    found = send("GET", f"{open_galenic.base_url}/.well-known/smart-configuration").json()
    headers = {"Origin": "https://anybody.example"}
    answer = send("GET", found["user_access_brand_bundle"], headers=headers)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["content-type"] == "application/fhir+json"
    bundle = answer.json()
    assert bundle["timestamp"]
    brands = [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Organization"]
    having = [brand for brand in brands if found["user_access_brand_identifier"] in brand["identifier"]]
    assert len(having) == 1
    assert having[0]["endpoint"]
    assert answer.headers["etag"].startswith('W/"')
    again = send("GET", found["user_access_brand_bundle"], headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_without_brands_none_are_declared(galenic):
    found = send("GET", f"{galenic.base_url}/.well-known/smart-configuration").json()
    assert not any(name.startswith("user_access_brand") for name in found)
    assert send("GET", f"{galenic.root_url}/auth/brands.json").status_code == 404


def test_a_server_that_lets_apps_register_says_where(open_galenic):
    found = send("GET", f"{open_galenic.base_url}/.well-known/smart-configuration").json()
    assert found["registration_endpoint"] == f"{open_galenic.root_url}/auth/register"
