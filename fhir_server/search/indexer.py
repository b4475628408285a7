"""A resource to its search row."""

from collections.abc import Iterable
from typing import Any

from fhir_server.model.definitions import Definitions
from fhir_server.search.columns import STATUS, date_columns
from fhir_server.search.index import IndexRow
from fhir_server.search.keys import KeyHasher, lock_bucket
from fhir_server.search.query import Query
from fhir_server.search.registry import KEYED_TYPES, Parameter, Registry
from fhir_server.search.types.token import is_identity

IDENTIFIER = "identifier"


class Indexer:
    """Compiles resources to `IndexRow`s; pure, so a row can always be computed again from the stored bytes."""

    def __init__(
        self, registry: Registry, hasher: KeyHasher, compartments: dict[str, tuple[str, ...]], base_url: str
    ) -> None:
        self.registry = registry
        self.base_url = base_url
        self._hasher = hasher
        self._compartments = compartments
        self._keyed: dict[str, tuple[Parameter, ...]] = {}

    @property
    def definitions(self) -> Definitions:
        return self.registry.definitions

    def index(self, resource: dict[str, Any]) -> IndexRow:
        type_name = resource["resourceType"]
        keys = {p.code: set(p.keys(resource, self.base_url)) for p in self._keyed_parameters(type_name)}
        compartments = self._compartments_of(type_name, resource, keys)
        low, high = date_columns(type_name, resource)
        return IndexRow(
            tokens=tuple(sorted({self.token(type_name, code, k) for code, found in keys.items() for k in found})),
            identifiers=self._identifier_locks(type_name, keys.get(IDENTIFIER, ())),
            patient=next((c.removeprefix("Patient/") for c in compartments), None),
            status=_text(resource.get(STATUS.get(type_name, "status"))),
            date_low=low,
            date_high=high,
            compartments=compartments,
            labels=_labels(resource),
        )

    def token(self, type_name: str, parameter: str, key: str) -> int:
        return self._hasher.token(type_name, parameter, key)

    def _keyed_parameters(self, type_name: str) -> tuple[Parameter, ...]:
        if type_name not in self._keyed:
            parameters = self.registry.parameters(type_name).values()
            self._keyed[type_name] = tuple(p for p in parameters if p.type in KEYED_TYPES)
        return self._keyed[type_name]

    def _identifier_locks(self, type_name: str, keys: Iterable[str]) -> tuple[int, ...]:
        """`system|` does not lock: it is no identity, and would make strangers wait for each other."""
        return tuple(sorted({self.identifier_lock(type_name, key) for key in keys if is_identity(key)}))

    def identifier_lock(self, type_name: str, key: str) -> int:
        """The bucket of one identifier of one type."""
        return lock_bucket(self.token(type_name, IDENTIFIER, key))

    def query_locks(self, query: Query) -> set[int]:
        """The buckets a conditional interaction takes alone: its criteria, and the identifiers it asks for."""
        identifiers = (key for c in query.criteria if c.parameter == IDENTIFIER for key in c.keys)
        criteria = lock_bucket(self.token("", "", query.normalised))
        return {criteria} | {self.identifier_lock(query.type_name, key) for key in identifiers}

    def _compartments_of(
        self, type_name: str, resource: dict[str, Any], keys: dict[str, set[str]]
    ) -> tuple[str, ...]:
        found = {
            key
            for code in self._compartments.get(type_name, ())
            for key in keys.get(code, ())
            if key.startswith("Patient/")
        }
        if type_name == "Patient" and isinstance(resource.get("id"), str):
            found.add(f"Patient/{resource['id']}")
        return tuple(sorted(found))


def _labels(resource: dict[str, Any]) -> tuple[str, ...]:
    """Security labels as `system|code`. https://hl7.org/fhir/R4/security-labels.html."""
    security = resource.get("meta", {}).get("security", ())
    return tuple(sorted({f"{s.get('system', '')}|{s.get('code', '')}" for s in security if isinstance(s, dict)}))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
