"""What type of resource a reference points to, as far as its own text says. https://hl7.org/fhir/R4/references.html."""

import re
from typing import Any

_LITERAL = re.compile(r"(?:\A|/)([A-Z][A-Za-z]{1,63})/[A-Za-z0-9.\-]{1,64}(?:/_history/[A-Za-z0-9.\-]{1,64})?\Z")


def target_type(reference: dict[str, Any], container: dict[str, Any]) -> str:
    """The type behind `Patient/1`, `http://…/Patient/1`, `#contained`, or its `type`; "" when unknown."""
    text = reference.get("reference")
    if type(text) is str:
        if text.startswith("#"):
            return contained_type(text[1:], container)
        match = _LITERAL.search(text)
        if match:
            return match.group(1)
    named = reference.get("type")
    return named.rpartition("/")[2] if type(named) is str else ""


def contained_type(resource_id: str, container: dict[str, Any]) -> str:
    """The type of the contained resource with this id; `#` alone is the container."""
    if not resource_id:
        return str(container.get("resourceType", ""))
    for resource in container.get("contained", ()):
        if resource.get("id") == resource_id:
            return str(resource.get("resourceType", ""))
    return ""
