"""The authorization server over HTTP: what is read, and what is said when it cannot be answered."""

import httpx
import pytest
from starlette.applications import Starlette

from fhir_server.clock import DatabaseClock
from fhir_server.errors import Unavailable
from fhir_server.identity.oauth.exchange import Answer
from fhir_server.web.oauth import BODY_BYTES_MAX, PARAMETERS_MAX, oauth_routes


class Endpoints:
    """Answers with what it read, or is away."""

    def __init__(self):
        self.is_away, self.seen = False, []

    async def _answer(self, exchange):
        if self.is_away:
            raise Unavailable("away")
        self.seen.append(exchange)
        return Answer(400, {"error": "x"}, {})

    token = introspect = revoke = launch = register = _answer

    async def authorize(self, exchange):
        await self._answer(exchange)
        return Answer(400, "<b>no</b>", {})


@pytest.fixture
def endpoints():
    return Endpoints()


@pytest.fixture
async def client(endpoints):
    routes = oauth_routes(endpoints, DatabaseClock(), dynamic_registration=True)
    transport = httpx.ASGITransport(Starlette(routes=routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://galenic") as one:
        yield one


async def test_a_database_that_is_away_is_503_and_to_be_tried_again(client, endpoints):
    endpoints.is_away = True
    for answer in (await client.post("/auth/token", data={"a": "b"}), await client.get("/auth/authorize")):
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
        assert answer.headers["retry-after"] == "1"


async def test_blank_parameters_are_left_out(client, endpoints):
    await client.post("/auth/token", data={"code_verifier": "", "code": "x"})
    assert endpoints.seen[0].parameters == (("code", "x"),)


@pytest.mark.parametrize(
    "content", [b"a=%00", b"&".join(b"a%d=1" % n for n in range(PARAMETERS_MAX + 1)), b"x" * (BODY_BYTES_MAX + 1)]
)
async def test_what_cannot_be_parameters_is_refused(client, endpoints, content):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await client.post("/auth/token", content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert endpoints.seen == []


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
async def test_a_form_is_a_form(client, endpoints, kind):
    answer = await client.post("/auth/token", content=b"grant_type=x", headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert endpoints.seen == []


async def test_a_sentence_for_a_person_is_escaped(client):
    answer = await client.get("/auth/authorize")
    assert "&lt;b&gt;no&lt;/b&gt;" in answer.text
    assert "script" not in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"
