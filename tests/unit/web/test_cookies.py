"""Cookies, tokens of forms, policies of pages: what does not need a server."""

import pytest
from starlette.responses import Response

from fhir_server.web.cookies import Cookies, is_from_elsewhere
from fhir_server.web.respond import guard, policy, source_of

OPEN = Cookies(is_secure=False, key=b"k" * 32)
SECURE = Cookies(is_secure=True, key=b"k" * 32)


def test_under_tls_a_cookie_is_bound_to_the_host_and_to_https():
    assert SECURE.session("abc") == "__Host-galenic_session=abc; Path=/; HttpOnly; SameSite=Lax; Secure"
    assert OPEN.session("abc") == "galenic_session=abc; Path=/; HttpOnly; SameSite=Lax"


def test_under_tls_a_cookie_that_another_host_could_have_set_is_not_read():
    assert SECURE.read("galenic_session=abc") == ("", "")
    assert SECURE.read("__Host-galenic_session=abc; __Host-galenic_language=es") == ("abc", "es")
    assert OPEN.read("galenic_session=abc") == ("abc", "")


def test_a_token_is_of_one_cookie_and_of_one_installation():
    token = OPEN.token("abc")
    assert OPEN.is_token("abc", token)
    assert not OPEN.is_token("abd", token)
    assert not OPEN.is_token("", OPEN.token(""))
    assert not Cookies(is_secure=False, key=b"j" * 32).is_token("abc", token)


def test_under_tls_a_browser_is_told_to_stay_there():
    assert "Strict-Transport-Security" not in guard(Response(), "", is_secure=False).headers
    assert guard(Response(), "", is_secure=True).headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("https://app.example/callback?x=1", "https://app.example"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://[::1]:8000/", "http:"),
        ("com.example.app:/callback", "com.example.app:"),
        ("https://app.example; script-src *", "https:"),
        ("https://a'b/", "https:"),
        ("", ""),
    ],
)
def test_the_policy_names_where_the_app_is_and_nothing_more(url, source):
    assert source_of(url) == source
    assert f"form-action {' '.join(filter(None, (chr(39) + 'self' + chr(39), source)))};" in policy(url)


@pytest.mark.parametrize(
    ("headers", "elsewhere"),
    [
        ({}, False),
        ({"origin": "https://ehr.example"}, False),
        ({"origin": "https://ehr.example:443"}, False),
        ({"origin": "http://ehr.example"}, True),
        ({"origin": "https://ehr.example.evil.example"}, True),
        ({"origin": "https://ehr.example:444"}, True),
        ({"origin": "null"}, False),
        ({"origin": "null", "sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "none"}, False),
        ({"origin": "https://ehr.example:x"}, True),
    ],
)
def test_a_form_of_another_site_is_known_by_what_the_browser_says(headers, elsewhere):
    assert is_from_elsewhere(headers, "https://ehr.example") is elsewhere
