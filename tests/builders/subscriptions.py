"""Subscriptions as clients ask for them."""

from typing import Any

BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
JSON = "application/fhir+json"


def extension(name: str, **value: Any) -> dict[str, Any]:
    """One of the backport guide's."""
    return {"url": f"{BACKPORT}{name}", **value}


def a_subscription(
    endpoint: str,
    topic: str,
    *filters: str,
    content: str = "id-only",
    channel: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """To a topic, one event a message unless it goes by e-mail, or the channel has other extensions."""
    one = [extension("backport-max-count", valuePositiveInt=1)]
    narrowed = [extension("backport-filter-criteria", valueString=one) for one in filters]
    return {
        "resourceType": "Subscription",
        "meta": {"profile": [f"{BACKPORT}backport-subscription"]},
        "status": "requested",
        "reason": "to fill what is prescribed",
        "criteria": topic,
        **({"_criteria": {"extension": narrowed}} if narrowed else {}),
        "channel": {
            "type": "rest-hook",
            "endpoint": endpoint,
            "payload": JSON,
            "_payload": {"extension": [extension("backport-payload-content", valueCode=content)]},
            **({} if (channel or {}).get("type") == "email" else {"extension": one}),
            **(channel or {}),
        },
        **more,
    }


def a_plain_subscription(endpoint: str, criteria: str, payload: str | None = JSON) -> dict[str, Any]:
    """R4's own, without a topic."""
    channel = {"type": "rest-hook", "endpoint": endpoint} | ({"payload": payload} if payload else {})
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "to fill what is prescribed",
        "criteria": criteria,
        "channel": channel,
    }
