"""Keys at a URL: how long they are kept, and when they are asked for again (A7)."""

import json

import pytest

from fhir_server.identity.client_keys import AGAIN_SECONDS, SECONDS_MAX, UNSAID_SECONDS, ClientKeys, lifetime
from integrations.guarded.outbound import Fetched
from integrations.guarded.refusal import Unreachable

URL = "https://system.example.org/jwks.json"


class Web:
    """A URL whose answers a test decides; counts what is fetched."""

    def __init__(self):
        self.kids, self.control, self.fetched, self.now = ["a"], "max-age=60", 0, 1000.0

    async def get(self, _url):
        self.fetched += 1
        if self.kids is None:
            raise Unreachable("away")
        return Fetched(json.dumps({"keys": [{"kid": kid} for kid in self.kids]}).encode(), headers(self.control))


def headers(control, **more):
    return ({"cache-control": control} if control else {}) | more


@pytest.fixture
def web():
    return Web()


@pytest.fixture
def keys(web):
    return ClientKeys(web, lambda: web.now)


def kids(found):
    return found and [key["kid"] for key in found["keys"]]


async def test_keys_are_fetched_once_within_their_time_and_not_kept_past_it(web, keys):
    for _ in range(3):
        assert kids(await keys.at(URL, "a")) == ["a"]
    web.now += 59.9
    await keys.at(URL, "a")
    assert web.fetched == 1
    web.now, web.kids = web.now + 0.2, ["b"]
    assert kids(await keys.at(URL, "a")) == ["b"]


async def test_a_rotation_is_picked_up_by_its_unknown_kid(web, keys):
    await keys.at(URL, "a")
    web.kids, web.now = ["a", "b"], web.now + AGAIN_SECONDS
    assert kids(await keys.at(URL, "b")) == ["a", "b"]


async def test_an_unknown_kid_does_not_make_us_fetch_all_the_time(web, keys):
    for _ in range(20):
        await keys.at(URL, "unknown")
    assert web.fetched == 1
    web.now += AGAIN_SECONDS
    await keys.at(URL, "unknown")
    assert web.fetched == 2


async def test_a_url_that_does_not_answer_is_left_alone_for_a_while(web, keys):
    web.kids = None
    for _ in range(20):
        assert await keys.at(URL, "a") is None
    assert web.fetched == 1
    web.kids, web.now = ["a"], web.now + AGAIN_SECONDS
    assert kids(await keys.at(URL, "a")) == ["a"]


async def test_keys_that_were_kept_are_gone_when_their_url_is(web, keys):
    await keys.at(URL, "a")
    web.kids, web.now = None, web.now + 61
    assert await keys.at(URL, "a") is None


@pytest.mark.parametrize("control", ["no-store", "no-cache", "max-age=0", "private, no-store, max-age=600"])
async def test_what_may_not_be_kept_is_fetched_each_time(web, keys, control):
    web.control = control
    for _ in range(3):
        await keys.at(URL, "a")
    assert web.fetched == 3


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (headers("max-age=30"), 30),
        (headers("public, max-age=30, must-revalidate"), 30),
        (headers("s-maxage=10, max-age=30"), 30),
        (headers("Max-Age=30", age="10"), 20),
        (headers("max-age=30", age="40"), 0),
        (headers("max-age=999999999"), SECONDS_MAX),
        (headers("max-age=x"), UNSAID_SECONDS),
        (headers(""), UNSAID_SECONDS),
    ],
)
def test_a_lifetime_is_that_of_the_cache_control(given, seconds):
    assert lifetime(Fetched(b"", given)) == seconds
