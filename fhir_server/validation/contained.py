"""Contained resources: dom-2 to dom-5, and ids that are told apart.

https://hl7.org/fhir/R4/references.html#contained, https://hl7.org/fhir/R4/domainresource.html#invs
"""

from typing import Any

from fhir_server.validation.findings import Check, Findings, Scope, State, excerpt, joined


def contained_types(resource: dict[str, Any]) -> dict[str, str]:
    """Types of the contained resources by id, as far as they are well-formed."""
    contained = resource.get("contained")
    if type(contained) is not list:
        return {}
    return {
        inner["id"]: inner["resourceType"]
        for inner in contained
        if type(inner) is dict and type(inner.get("id")) is str and type(inner.get("resourceType")) is str
    }


def contained_resource(check_by_type: Check) -> Check:
    """One resource in `contained`, in a scope of its own."""

    def check(value: Any, parent: dict[str, Any], state: State) -> Findings | None:
        container = state.scope
        if container.container is not None:
            return state.report("invariant", "dom-2: a contained resource does not contain resources")
        state.scope = Scope({}, container)
        found = check_by_type(value, parent, state)
        container.fragments |= state.scope.fragments - {"#"}
        if "#" in state.scope.fragments and type(value) is dict:
            container.links_back.add(id(value))
        state.scope = container
        return found

    return check


def check_contained(resource: dict[str, Any], state: State) -> Findings | None:
    """dom-3, dom-4, dom-5 and distinct ids, once the whole resource has been walked."""
    contained = resource.get("contained")
    if type(contained) is not list or state.scope.container is not None:
        return None
    found: Findings | None = None
    ids: set[str] = set()
    for i, inner in enumerate(contained):
        if type(inner) is dict:
            found = joined(found, _check_relation(inner, ids, state), f".contained[{i}]")
    return found


def _check_relation(inner: dict[str, Any], ids: set[str], state: State) -> Findings | None:
    found = _check_meta(inner.get("meta"), state)
    identity = inner.get("id")
    if type(identity) is str:
        if identity in ids:
            found = joined(found, state.report("invariant", "two contained resources have this id", ".id"))
        ids.add(identity)
    is_linked = type(identity) is str and "#" + identity in state.scope.fragments
    if is_linked or id(inner) in state.scope.links_back:
        return found
    rule = f"dom-3: nothing refers to the contained resource {excerpt(identity)}, and it does not refer to #"
    return joined(found, state.report("invariant", rule))


def _check_meta(meta: Any, state: State) -> Findings | None:
    if type(meta) is not dict:
        return None
    found: Findings | None = None
    for name in ("versionId", "lastUpdated"):
        if name in meta:
            rule = f"dom-4: a contained resource has no meta.{name}"
            found = joined(found, state.report("invariant", rule, "." + name, ".meta"))
    if "security" in meta:
        rule = "dom-5: a contained resource has no security label"
        found = joined(found, state.report("invariant", rule, ".security", ".meta"))
    return found
