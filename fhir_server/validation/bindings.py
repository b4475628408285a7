"""Required bindings: the code is one of a closed list.

https://hl7.org/fhir/R4/terminologies.html#required
"""

from typing import Any

from fhir_server.model.definitions import ValueSet
from fhir_server.validation.findings import Check, Findings, State, excerpt


def bound_code(check_code: Check, value_set: ValueSet) -> Check:
    codes = value_set.codes

    def check(value: Any, parent: dict[str, Any], state: State) -> Findings | None:
        if type(value) is str and value in codes:
            return None
        found = check_code(value, parent, state)
        if found is not None:
            return found
        return state.report("code-invalid", f"the code {excerpt(value)} is not in {value_set.url}")

    return check


def bound_concept(check_concept: Check, value_set: ValueSet) -> Check:
    """One of the codings is from the value set; a concept of nothing but extensions says why it has none."""
    concepts = value_set.concepts

    def check(value: Any, parent: dict[str, Any], state: State) -> Findings | None:
        found = check_concept(value, parent, state)
        if found is not None or ("coding" not in value and "text" not in value):
            return found
        if any((coding.get("system"), coding.get("code")) in concepts for coding in value.get("coding", ())):
            return None
        return state.report("code-invalid", f"no coding is from {value_set.url}, which is required")

    return check
