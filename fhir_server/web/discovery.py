"""What clients learn of the authorization server: SMART's and OpenID Connect's documents below the FHIR base URL.

https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#using-well-known
"""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fhir_server.identity.granting import WORDS
from fhir_server.identity.issuer import Issuer
from fhir_server.identity.oauth.assertion import ALGORITHMS
from fhir_server.web.brands import Brands

CAPABILITIES: Final = (
    "launch-ehr", "launch-standalone", "authorize-post", "client-public", "client-confidential-symmetric",
    "client-confidential-asymmetric", "sso-openid-connect", "context-banner", "context-style", "context-ehr-patient",
    "context-ehr-encounter", "context-standalone-patient", "context-standalone-encounter", "permission-offline",
    "permission-online", "permission-patient", "permission-user", "permission-v1", "permission-v2",
)  # fmt: skip
"""https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#smart-app-launch-capabilities."""

SCOPES: Final = (
    *WORDS, "patient/*.cruds", "user/*.cruds", "system/*.cruds", "patient/*.read", "patient/*.write", "user/*.read",
    "user/*.write", "system/*.read", "system/*.write",
)  # fmt: skip

HEADERS: Final = {"Cache-Control": "public, max-age=300"}


def smart_configuration(issuer: Issuer, *, dynamic_registration: bool) -> dict[str, Any]:
    return {
        **_endpoints(issuer, dynamic_registration=dynamic_registration),
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic", "client_secret_post"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "authorization_response_iss_parameter_supported": True,
        "capabilities": list(CAPABILITIES),
    }


def openid_configuration(issuer: Issuer, *, dynamic_registration: bool) -> dict[str, Any]:
    """https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata."""
    return {
        **smart_configuration(issuer, dynamic_registration=dynamic_registration),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "fhirUser"],
    }


def oauth_uris(issuer: Issuer, *, dynamic_registration: bool) -> dict[str, Any]:
    """`rest.security` of the CapabilityStatement, for clients that look nowhere else.

    https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#declaring-support-for-oauth2-endpoints
    """
    names = {"authorize": "authorize", "token": "token", "introspect": "introspect", "revoke": "revoke"}
    names |= {"register": "register"} if dynamic_registration else {}
    base = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
    uris = [{"url": name, "valueUri": issuer.endpoint(path)} for name, path in names.items()]
    service = {"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}
    return {"extension": [{"url": base, "extension": uris}], "service": [{"coding": [service]}]}


def discovery_routes(
    issuer: Issuer, base_path: str, brands: Brands | None, *, dynamic_registration: bool
) -> list[Route]:
    """JSON, whatever the Accept header says."""
    smart = smart_configuration(issuer, dynamic_registration=dynamic_registration)
    smart |= brands.configuration(issuer) if brands else {}
    openid = openid_configuration(issuer, dynamic_registration=dynamic_registration)

    async def answer_smart(_: Request) -> Response:
        return JSONResponse(smart, headers=HEADERS)

    async def answer_openid(_: Request) -> Response:
        return JSONResponse(openid, headers=HEADERS)

    return [
        Route(f"{base_path}/.well-known/smart-configuration", answer_smart, methods=["GET"]),
        Route(f"{base_path}/.well-known/openid-configuration", answer_openid, methods=["GET"]),
    ]


def _endpoints(issuer: Issuer, *, dynamic_registration: bool) -> dict[str, Any]:
    registration = {"registration_endpoint": issuer.endpoint("register")} if dynamic_registration else {}
    return {
        "issuer": issuer.base_url,
        "jwks_uri": issuer.endpoint("jwks"),
        "authorization_endpoint": issuer.endpoint("authorize"),
        "token_endpoint": issuer.endpoint("token"),
        "introspection_endpoint": issuer.endpoint("introspect"),
        "revocation_endpoint": issuer.endpoint("revoke"),
        **registration,
    }
