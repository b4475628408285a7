"""The validator: R4's rules over one resource, all problems in one pass.

https://hl7.org/fhir/R4/validation.html - structure, cardinality, values, required bindings and the invariants
that `ele-1`, `ext-1`, `ref-1`, `dom-2` to `dom-5`, `txt-1`, `txt-2` and `bdl-*` name. Not checked: other
FHIRPath invariants, profiles, extensible and weaker bindings.
"""

from typing import Any

from fhir_server.errors import Issue
from fhir_server.model.definitions import Definitions
from fhir_server.validation.findings import MAX_ISSUES, State
from fhir_server.validation.structure import Compiler


class Validator:
    """Checks resources against `definitions`; one serves a process, types are compiled when first met."""

    def __init__(self, definitions: Definitions) -> None:
        self._compiler = Compiler(definitions)

    def validate(self, resource: dict[str, Any]) -> list[Issue]:
        """Every problem of a parsed resource; [] when it is valid.

        Numbers with a fraction or an exponent are `msgspec.Raw`, as the parser leaves them. At most
        `MAX_ISSUES` problems, then one more issue that says how many there were.
        """
        state = State()
        found = self._compiler.check_resource(resource, {}, state)
        if found is None:
            return []
        name = self._compiler.name_of(resource)
        issues = [finding.as_issue(name) for finding in found]
        if state.count > MAX_ISSUES:
            more = f"{state.count - MAX_ISSUES} more problems are not listed"
            issues.append(Issue("incomplete", more, name, "information"))
        return issues
