"""What a provider says of itself, before anybody is sent there."""

import httpx
import pytest
from pydantic import ValidationError

from fhir_server.identity.outside import OutsideFailed, Provider, Registration
from fhir_server.settings import Settings

ISSUER = "https://idp.example/tenant"
METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": "https://idp.example/authorize",
    "token_endpoint": "https://idp.example/token",
    "jwks_uri": "https://idp.example/jwks",
}


def a_provider(metadata, status=200):
    def answer(request):
        assert request.url.scheme == "https"
        return httpx.Response(status, json={"keys": []} if request.url.path == "/jwks" else metadata)

    registration = Registration(ISSUER, "galenic", None, "https://here.example/auth/elsewhere/back")
    return Provider(registration, None, lambda: httpx.Client(transport=httpx.MockTransport(answer)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://idp.example/tenant/"},
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "http://idp.example/authorize"},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": "http://169.254.169.254/"},
        {"token_endpoint": 7},
    ],
)
def test_a_provider_that_speaks_for_another_or_less_safely_is_not_asked(wrong):
    with pytest.raises(OutsideFailed):
        a_provider(METADATA | wrong).begin("cookie", "")


@pytest.mark.parametrize(("metadata", "status"), [({}, 200), ([], 200), (METADATA, 500), (METADATA, 302)])
def test_a_provider_that_does_not_answer_is_not_asked(metadata, status):
    with pytest.raises(OutsideFailed):
        a_provider(metadata, status).begin("cookie", "")


def test_people_are_shown_the_host_of_the_provider():
    assert a_provider(METADATA).name == "idp.example"


@pytest.mark.parametrize(("issuer", "env"), [("http://idp.example", "production"), ("ftp://x", "development")])
def test_a_provider_is_reached_by_https(issuer, env):
    with pytest.raises(ValidationError):
        Settings(oidc_issuer=issuer, env=env)
    assert Settings(oidc_issuer="https://idp.example", env="production", demo=False).oidc_issuer
