"""References: a local one resolves, and the type of a target that can be known is one the element allows.

https://hl7.org/fhir/R4/references.html
"""

from typing import Any

from fhir_server.validation.findings import Check, Findings, Scope, State, excerpt, joined


def local_link(check_form: Check, *, is_reference: bool) -> Check:
    """A uri, url, canonical or Reference.reference: `#id` is noted for dom-3.

    In a Reference it must resolve; `#` alone is the container.
    https://hl7.org/fhir/R4/references.html#contained
    """

    def check(value: Any, parent: dict[str, Any], state: State) -> Findings | None:
        if type(value) is not str or value[:1] != "#":
            return check_form(value, parent, state)
        scope = state.scope
        scope.fragments.add(value)
        if is_reference and value != "#" and value[1:] not in (scope.container or scope).contained:
            return state.report("invariant", f"ref-1: there is no contained resource {excerpt(value)}")
        return check_form(value, parent, state)

    return check


def typed_reference(check_object: Check, targets: tuple[str, ...], known: frozenset[str]) -> Check:
    """A Reference to one of `targets`; `known` are all resource types."""
    allowed = frozenset(targets)

    def check(value: Any, parent: dict[str, Any], state: State) -> Findings | None:
        found = check_object(value, parent, state)
        if found is not None:
            return found
        return joined(_target(value, state), _named_type(value, state))

    def _target(value: dict[str, Any], state: State) -> Findings | None:
        reference = value.get("reference", "")
        if reference.partition("/")[0] in allowed:
            return None
        target = target_type(reference, state.scope, known)
        if target == "" or (target in allowed if allowed else target in known):
            return None
        return state.report("value", _refusal(reference, target), ".reference")

    def _named_type(value: dict[str, Any], state: State) -> Findings | None:
        name = value.get("type")
        if name is None or not allowed or name not in known or name in allowed:
            return None
        return state.report("value", _refusal(name, name), ".type")

    def _refusal(reference: str, target: str) -> str:
        expected = excerpt(", ".join(targets)) if targets else "a resource type of R4"
        return f"{excerpt(reference)} refers to {excerpt(target)}; allowed: {expected}"

    return check


def target_type(reference: str, scope: Scope, known: frozenset[str]) -> str:
    """The type a reference names, "" when it names none.

    `Type/id` and `Type?criteria` name one even where R4 does not know it; an absolute URL only one R4 knows.
    """
    if reference.startswith("#"):
        return (scope.container or scope).contained.get(reference[1:], "")
    steps = reference.partition("?")[0].rsplit("/", 4)
    if "_history" in steps[2:] and steps[-2] == "_history":
        steps = steps[:-2]
    before_id = steps[-2:-1]
    if ":" in steps[0]:
        return next((name for name in before_id if name in known), "")
    if "?" in reference:
        return steps[-1]
    return steps[0] if steps[:-1] == before_id and before_id else ""
