"""Every refusal below the base is an OperationOutcome that gives nothing away. https://hl7.org/fhir/R4/http.html#status-codes."""

import httpx
import pytest

from tests.acceptance.outcomes import diagnostics, refused
from tests.acceptance.wire import ask
from tests.builders.bundles import a_post, a_transaction
from tests.builders.resources import a_medication_request, a_patient
from tests.conftest import Cluster
from tests.running.galenic import running
from tests.running.waiting import wait_until

UNKNOWN = [
    "/Nothing",
    "/patient",
    "/PATIENT/1",
    "/Patients",
    "/Parameters",
    "/DomainResource",
    "/Resource",
    "/Patient/$everything",
    "/Patient/1/$validate",
    "/$export",
    "/Patient/1/Nothing",
    "/Patient/1/Observation/1",
    "/Patient/1/_history/1/2",
    "/Patient/1/2/3",
    "/Patient//1",
    "/metadata/1",
    "/_history/1",
    "/.well-known/nothing",
    "/favicon.ico",
    "/Pati%65nt%2F1",
]


@pytest.mark.parametrize("path", UNKNOWN)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a_route_that_is_none_is_404(client, method, path):
    body = a_patient() if method in ("POST", "PUT") else None
    refused(client.request(method, path, json=body), 404)


NOT_ALLOWED = [
    ("POST", "/metadata", {"GET", "HEAD"}),
    ("DELETE", "/metadata", {"GET", "HEAD"}),
    ("PUT", "", {"GET", "HEAD", "POST"}),
    ("DELETE", "", {"GET", "HEAD", "POST"}),
    ("POST", "/_history", {"GET", "HEAD"}),
    ("POST", "/Patient/p1", {"GET", "HEAD", "PUT", "PATCH", "DELETE"}),
    ("OPTIONS", "/Patient", {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}),
    ("GET", "/Patient/_search", {"POST"}),
    ("PUT", "/Patient/p1/_history", {"GET", "HEAD"}),
    ("DELETE", "/Patient/p1/_history/1", {"GET", "HEAD"}),
    ("TRACE", "/Patient/p1", {"GET", "HEAD", "PUT", "PATCH", "DELETE"}),
]


@pytest.mark.parametrize(("method", "path", "allowed"), NOT_ALLOWED)
def test_another_method_is_405_and_names_those_that_are(client, method, path, allowed):
    response = client.request(method, path)
    refused(response, 405)
    assert set(response.headers["Allow"].split(", ")) == allowed


REFUSED = {
    "a body that is no JSON": ("POST", "/Patient", {"content": b"<Patient/>"}, 400),
    "another Content-Type": ("POST", "/Patient", {"content": b"x", "headers": {"Content-Type": "text/csv"}}, 415),
    "another Accept": ("GET", "/metadata", {"headers": {"Accept": "text/csv"}}, 406),
    "an unknown parameter": ("GET", "/Patient?shoe-size=44", {}, 400),
    "a chain of what is no reference": ("GET", "/Observation?code.name=x", {}, 400),
    "a modifier of another type": ("GET", "/Patient?identifier:exact=x", {}, 400),
    "a modifier that waits for terminology": ("GET", "/Patient?identifier:in=x", {}, 400),
    "a parameter without a name": ("GET", "/Patient?=x", {}, 400),
    "garbage": ("GET", "/Patient?%7C%7C=%22%27;--", {}, 400),
    "bytes that are no text": ("GET", "/Patient?identifier=%ff%fe", {}, 400),
    "a path that is no text": ("GET", "/Patient/%ff", {}, 400),
    "a NUL in a value": ("GET", "/Patient?_id=a%00b", {}, 400),
    "a NUL in a name": ("GET", "/Patient?a%00b=1", {}, 400),
    "a NUL in the path": ("GET", "/Patient/a%00b", {}, 400),
    "a NUL in a type": ("GET", "/Pat%00ient", {}, 404),
    "an empty value": ("GET", "/Patient?identifier=", {}, 400),
    "too many values": ("GET", "/Patient?_id=" + ",".join("abc" for _ in range(2_000)), {}, 403),
    "too many parameters": ("GET", "/Patient?" + "&".join("_id=1" for _ in range(1_500)), {}, 403),
    "a count that is none": ("GET", "/Patient?_count=-1", {}, 400),
    "a cursor that is none": ("GET", "/Patient?_cursor=x", {}, 400),
    "a stale If-Match": ("DELETE", "/Patient/p", {"headers": {"If-Match": 'W/"1"'}}, 412),
    "an empty body": ("POST", "/Patient", {"content": b""}, 400),
}


@pytest.mark.parametrize(("method", "path", "request_", "status"), REFUSED.values(), ids=REFUSED)
def test_every_refusal_is_an_outcome(client, method, path, request_, status):
    refused(client.request(method, path, **request_), status)


@pytest.mark.parametrize("value", ["%", "%zz", "%2", "100%"])
def test_a_percent_sign_that_escapes_nothing_is_itself(galenic, value):
    answer = ask(galenic, b"GET /fhir/Patient?identifier=" + value.encode() + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.status in (200, 400)


def test_a_rule_of_this_server_is_422(client):
    refused(client.post("", json=a_transaction(a_post(a_medication_request("Patient/nobody")))), 422)


def test_a_large_body_is_413(galenic):
    with running(galenic.environment["GALENIC_DATABASE_URL"], worker=False, body_bytes_max="1024") as small:
        refused(small.client().post("/Patient", json=a_patient("x" * 2_000)), 413)


def test_long_urls_are_414_and_large_headers_431(client):
    refused(client.get("/Patient", params={"identifier": "x" * 20_000}), 414)
    refused(client.get("/Patient", headers={"X-Large": "x" * 40_000}), 431)
    refused(client.get("/Patient", headers=[(f"X-{n}", "x") for n in range(200)]), 431)


def test_what_others_wrote_is_in_no_refusal(client):
    secret = "Geheimnis"
    client.put("/Patient/secret", json=a_patient(secret, id="secret"))
    for response in (
        client.put("/Patient/secret", json=a_patient(id="secret"), headers={"If-Match": 'W/"9"'}),
        client.patch("/Patient/secret", json=[{"op": "test", "path": "/name/0/family", "value": "x"}]),
        client.put("/Patient?identifier=x", json=a_patient(id="secret")),
    ):
        assert secret not in diagnostics(refused(response, 400, 409, 412, 415, 422))


@pytest.mark.parametrize("request_id", ["abc", "A-b_c.9", "f" * 64, "7b0d4bd9-9c9d-4ae6-9b0a-62a0ae7ea3a9"])
def test_a_sane_request_id_comes_back(client, request_id):
    for path in ("/metadata", "/Patient/nobody"):
        assert client.get(path, headers={"X-Request-Id": request_id}).headers["X-Request-Id"] == request_id


@pytest.mark.parametrize("request_id", ["", "a b", "f" * 65, "a;b", "<script>", "é", 'x"y', "a/../b"])
def test_another_request_id_is_replaced(client, request_id):
    answers = [client.get("/metadata", headers={"X-Request-Id": request_id.encode()}) for _ in range(2)]
    given = {answer.headers["X-Request-Id"] for answer in answers}
    assert len(given) == 2
    assert request_id not in given


def test_while_the_database_is_away_it_is_503_and_then_works_again(cluster: Cluster):
    cluster.execute("CREATE DATABASE module_errors_away TEMPLATE galenic")
    with running(cluster.database("module_errors_away").app_url, worker=False) as server, server.client() as client:
        url = f"/Patient/{client.post('/Patient', json=a_patient()).json()['id']}"
        cluster.execute("ALTER DATABASE module_errors_away ALLOW_CONNECTIONS false")
        cluster.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'module_errors_away'")
        for response in (client.get(url), client.post("/Patient", json=a_patient())):
            refused(response, 503)
            assert int(response.headers["Retry-After"]) >= 1
        assert httpx.get(f"{server.root_url}/health/ready").status_code == 503
        assert httpx.get(f"{server.root_url}/health/live").status_code == 200
        cluster.execute("ALTER DATABASE module_errors_away ALLOW_CONNECTIONS true")
        wait_until(lambda: client.get(url).status_code == 200, 15)
    cluster.execute("DROP DATABASE module_errors_away WITH (FORCE)")
