"""User-access brands of a pharmacy that does not exist."""

from typing import Any

WHEN = {"lastUpdated": "2026-01-01T00:00:00Z"}
BRANDS: dict[str, Any] = {
    "resourceType": "Bundle",
    "type": "collection",
    "timestamp": "2026-01-01T00:00:00Z",
    "entry": [
        {
            "resource": {
                "resourceType": "Organization",
                "id": "corner",
                "meta": WHEN,
                "name": "Corner Pharmacy",
                "identifier": [{"system": "urn:ietf:rfc:3986", "value": "https://corner.example"}],
                "endpoint": [{"reference": "Endpoint/fhir"}],
            }
        },
        {
            "resource": {
                "resourceType": "Endpoint",
                "id": "fhir",
                "meta": WHEN,
                "address": "https://corner.example/fhir",
            }
        },
    ],
}
