"""A resource to its entries, and entries to the search row."""

from typing import Any

import msgspec

from fhir_server.model.definitions import Definitions
from fhir_server.search.columns import DATE, PATIENT, STATUS
from fhir_server.search.entries import Entries, Span
from fhir_server.search.has_key import HasKey
from fhir_server.search.index import IndexRow
from fhir_server.search.keys import KeyHasher, lock_bucket
from fhir_server.search.predicate import index_type
from fhir_server.search.query import Query
from fhir_server.search.registry import Registry
from fhir_server.search.resource import ABSENT, MARKS, PRESENT, USUAL, column_of
from fhir_server.search.types import date, number, string, words
from fhir_server.search.types.reference import local_reference
from fhir_server.search.types.token import in_any_system, is_identity

IDENTIFIER = "identifier"


class Indexer:
    """Compiles resources to `IndexRow`s; pure, so a row can always be computed again from the stored bytes."""

    def __init__(
        self, registry: Registry, hasher: KeyHasher, compartments: dict[str, tuple[str, ...]], base_url: str
    ) -> None:
        self.registry = registry
        self.base_url = base_url
        self.hasher = hasher
        self._compartments = compartments

    @property
    def definitions(self) -> Definitions:
        return self.registry.definitions

    def index(self, resource: dict[str, Any]) -> IndexRow:
        """The row of a resource that has its id."""
        return self.row(self.entries(resource))

    def entries(self, resource: dict[str, Any]) -> Entries:
        """What the resource says to searches."""
        type_name = resource["resourceType"]
        entries = Entries(type_name, str(resource.get("id", "")))
        usual = USUAL.get(type_name, frozenset())
        for parameter in self.registry.indexed(type_name):
            present = parameter.index(resource, entries, self.base_url)
            if present is not (parameter.name in usual):
                entries.keys.add((PRESENT if present else ABSENT, parameter.name))
        words.index(resource, entries)
        updated = resource.get("meta", {}).get("lastUpdated")
        if isinstance(updated, str) and (ends := date.span(updated)):
            entries.spans.add(Span(date.LAST_UPDATED, *ends))
        entries.compartments = self._compartments_of(entries, resource)
        entries.labels = _labels(resource)
        return entries

    def row(self, entries: Entries) -> IndexRow:
        """Hashed and ready to be stored."""
        type_name = entries.type_name
        held = (STATUS.get(type_name), date.LAST_UPDATED, DATE.get(type_name))
        low, high = _date(entries, DATE.get(type_name))
        return IndexRow(
            tokens=self._tokens(entries, STATUS.get(type_name)),
            identifiers=self._identifier_locks(entries),
            patient=_patient(entries),
            status=_status(entries),
            date_low=low,
            date_high=high,
            compartments=entries.compartments,
            labels=entries.labels,
            itself=self.hasher.identity(f"{type_name}/{entries.id}"),
            grams=tuple(sorted(string.grams_of(entries))) or None,
            words=tuple(sorted(self.hasher.token("", name, word) for name, word in entries.words)) or None,
            orders=_orders(entries, held, PATIENT.get(type_name, ())),
            strings=tuple((self._key(type_name, name), text) for name, text in entries.texts),
            dates=tuple((self._key(type_name, s.name), s.low, s.high) for s in entries.spans if s.name not in held),
            numbers=tuple(
                (self._key(type_name, number.side_name(a.name, a.unit)), a.low, a.high) for a in entries.amounts
            ),
            generation=self.registry.generation,
        )

    def token(self, type_name: str, parameter: str, key: str) -> int:
        return self.hasher.token(type_name, parameter, key)

    def _tokens(self, entries: Entries, status: str | None) -> tuple[int, ...]:
        keyed = {
            self.hasher.token(index_type(entries.type_name, key if name in MARKS else name), name, key)
            for name, key in entries.keys
            if name != status and not (name in MARKS and column_of(entries.type_name, key))
        }
        links = {self.hasher.link(index_type(entries.type_name, name), name, target) for name, target in entries.links}
        return tuple(sorted(keyed | links))

    def _key(self, type_name: str, name: str) -> int:
        return self.hasher.key(index_type(type_name, name), name)

    def _identifier_locks(self, entries: Entries) -> tuple[int, ...]:
        """`system|` does not lock: it is no identity, and would make strangers wait for each other."""
        keys = (key for name, key in entries.keys if name == IDENTIFIER and is_identity(key))
        return tuple(sorted({self.identifier_lock(entries.type_name, key) for key in keys}))

    def identifier_lock(self, type_name: str, key: str) -> int:
        """The bucket of one identifier of one type."""
        return lock_bucket(self.token(type_name, IDENTIFIER, key))

    def query_locks(self, query: Query) -> set[int]:
        """The buckets a conditional interaction takes alone: its criteria, and the identifiers it asks for."""
        asked = (part for part in query.where if isinstance(part, HasKey) and part.name == IDENTIFIER)
        criteria = lock_bucket(self.token("", "", query.normalised))
        return {criteria} | {self.identifier_lock(query.type_name, key) for part in asked for key in part.keys}

    def _compartments_of(self, entries: Entries, resource: dict[str, Any]) -> tuple[str, ...]:
        parameters = self.registry.parameters(entries.type_name)
        codes = self._compartments.get(entries.type_name, ())
        names = {parameters[code].name for code in codes if code in parameters}
        found = {target for name, target in entries.links if name in names and target.startswith("Patient/")}
        if entries.type_name == "Patient" and entries.id:
            found.add(f"Patient/{entries.id}")
        if entries.type_name == "Binary":
            found.update(_context_of(resource, self.base_url))
        return tuple(sorted(found))


def _patient(entries: Entries) -> str | None:
    names = PATIENT.get(entries.type_name, ())
    links = (target for name, target in entries.links if name in names and target.startswith("Patient/"))
    return next((target.removeprefix("Patient/") for target in links), None)


def _status(entries: Entries) -> str | None:
    name, mark = STATUS.get(entries.type_name), in_any_system("")
    return next((key.removeprefix(mark) for n, key in entries.keys if n == name and key.startswith(mark)), None)


def _date(entries: Entries, name: str | None) -> tuple[Any, Any]:
    return next(((span.low, span.high) for span in entries.spans if span.name == name), (None, None))


def _orders(entries: Entries, held: tuple[str | None, ...], of_patient: tuple[str, ...]) -> str | None:
    """As JSON: the smallest text by name, and where it differs the largest by name and ">".

    Names in `held` are ordered by columns; of those in `of_patient` what is no patient is here (order.py).
    """
    found: dict[str, str] = {}
    for name, (least, most) in entries.orders.items():
        if name not in held and not (name in of_patient and least.startswith("Patient/")):
            found[name] = least
            if most != least:
                found[f"{name}>"] = most
    return msgspec.json.encode(found).decode() if found else None


def _context_of(binary: dict[str, Any], base_url: str) -> set[str]:
    """Whose rights a Binary has; R4 has no search parameter for it. https://hl7.org/fhir/R4/binary.html#security."""
    context = binary.get("securityContext")
    reference = context.get("reference") if isinstance(context, dict) else None
    local = local_reference(reference, base_url) if isinstance(reference, str) else None
    return {local} if local and local.startswith("Patient/") else set()


def _labels(resource: dict[str, Any]) -> tuple[str, ...]:
    """Security labels as `system|code`. https://hl7.org/fhir/R4/security-labels.html."""
    security = resource.get("meta", {}).get("security", ())
    return tuple(sorted({f"{s.get('system', '')}|{s.get('code', '')}" for s in security if isinstance(s, dict)}))
