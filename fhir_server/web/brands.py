"""User-access brands: whose server this is, for apps in which people look for their pharmacy. The operator's own file.

https://hl7.org/fhir/smart-app-launch/STU2.2/brands.html
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fhir_server.identity.issuer import Issuer

PATH: Final = "/auth/brands.json"
ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
REASONS: Final = frozenset({"asked-declined", "asked-unknown"})
NOT_MODIFIED: Final = 304

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Brands:
    """`body` is a Bundle as it is published, `identifier` that of the primary brand in it."""

    body: bytes
    identifier: Json

    @property
    def etag(self) -> str:
        return f'W/"{hashlib.sha256(self.body).hexdigest()[:16]}"'

    def configuration(self, issuer: Issuer) -> Json:
        """What smart-configuration says of them."""
        return {"user_access_brand_bundle": issuer.origin + PATH, "user_access_brand_identifier": self.identifier}


def read_brands(body: bytes) -> Brands:
    """The first Organization is the primary brand; raises `ValueError` with a sentence for what cannot be published."""
    bundle = json.loads(body)
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise ValueError("GALENIC_BRANDS is no FHIR Bundle")
    if not bundle.get("timestamp"):
        raise ValueError("The Bundle of GALENIC_BRANDS has no timestamp, which says when it was last changed")
    resources = [entry.get("resource", {}) for entry in bundle.get("entry", [])]
    if not all(resource.get("meta", {}).get("lastUpdated") for resource in resources):
        raise ValueError("Each resource of GALENIC_BRANDS says when it was last changed: meta.lastUpdated")
    _check_reasons(bundle)
    brands = [resource for resource in resources if resource.get("resourceType") == "Organization"]
    identifier = _primary(brands)
    _check_endpoints(brands[0], resources)
    return Brands(body, identifier)


def brand_routes(brands: Brands | None) -> list[Route]:
    """For pages of any origin: web/cors.py."""
    if brands is None:
        return []
    headers = {"ETag": brands.etag, "Cache-Control": "public, max-age=3600"}

    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == brands.etag:
            return Response(status_code=NOT_MODIFIED, headers=headers)
        return Response(brands.body, headers=headers, media_type="application/fhir+json")

    return [Route(PATH, answer, methods=["GET"])]


def _primary(brands: list[Json]) -> Json:
    """The identifier of the primary brand, which no other brand has."""
    own = brands[0].get("identifier", []) if brands else []
    if not own or not own[0].get("system") or not own[0].get("value"):
        raise ValueError("The first Organization of GALENIC_BRANDS has an identifier with a system and a value")
    identifier: Json = {name: own[0][name] for name in ("system", "value")}
    having = [brand for brand in brands if identifier in map(_named, brand.get("identifier", []))]
    if len(having) != 1:
        raise ValueError("The identifier of the first Organization of GALENIC_BRANDS is that of another one too")
    return identifier


def _named(identifier: Json) -> Json:
    return {name: identifier.get(name) for name in ("system", "value")}


def _check_endpoints(primary: Json, resources: list[Json]) -> None:
    """The primary brand refers to each Endpoint of the Bundle."""
    referred = {part.get("reference", "").rpartition("/")[2] for part in primary.get("endpoint", [])}
    endpoints = {resource.get("id") for resource in resources if resource.get("resourceType") == "Endpoint"}
    if not endpoints or endpoints - referred:
        raise ValueError("The first Organization of GALENIC_BRANDS refers to each Endpoint in it, one at least")


def _check_reasons(value: Any) -> None:
    if any(reason not in REASONS for reason in _absent_reasons(value)):
        raise ValueError("A data-absent-reason in GALENIC_BRANDS is asked-declined or asked-unknown")


def _absent_reasons(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        if value.get("url") == ABSENT:
            yield value.get("valueCode")
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _absent_reasons(part)
