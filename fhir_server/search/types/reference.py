"""Reference parameters: id, Type/id, absolute URL, canonical. https://hl7.org/fhir/R4/search.html#reference."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fhir_server.model.resource_types import NUMBERS, type_number
from fhir_server.search.asked import Asked
from fhir_server.search.boolean import Or
from fhir_server.search.columns import PATIENT
from fhir_server.search.entries import Entries
from fhir_server.search.fetching import Typed
from fhir_server.search.has_key import HasKey
from fhir_server.search.predicate import Predicate, Scope, having_tokens, one_of, rids_in_search
from fhir_server.search.text import unescape
from fhir_server.search.types import token
from fhir_server.search.types.token import unsupported

HISTORY = "/_history/"
TARGETS_ASKED_MAX = 8
"""Types a bare id is looked up as; a parameter that may point to more has its ids indexed bare (types)."""

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class RefersTo:
    """One of `targets` (`Patient/1`) is among the local references of `name`."""

    name: str
    targets: tuple[str, ...]

    def matches(self, entries: Entries) -> bool:
        return any((self.name, target) in entries.links for target in self.targets)

    def condition(self, scope: Scope) -> str:
        patients = self.patients(scope.type_name)
        if patients:
            return one_of(f"{scope.alias}.patient", patients, scope)
        return having_tokens(scope, self.tokens(scope))

    def rids(self, scope: Scope) -> str | None:
        return rids_in_search(self, scope)

    def tokens(self, scope: Scope) -> tuple[int, ...]:
        """The hashes of the links; none where a column holds them."""
        if self.patients(scope.type_name):
            return ()
        return tuple(scope.hasher.link(scope.index_type(self.name), self.name, target) for target in self.targets)

    def patients(self, type_name: str) -> list[str]:
        """The ids to ask the column `patient` for; none where it cannot answer."""
        if self.name not in PATIENT.get(type_name, ()):
            return []
        ids = [target.removeprefix("Patient/") for target in self.targets if target.startswith("Patient/")]
        return ids if len(ids) == len(self.targets) else []


def local_reference(reference: str, base_url: str) -> str | None:
    """`Type/id` of a reference to this server, without its version; None for any other."""
    text = reference.removeprefix(base_url + "/").partition(HISTORY)[0]
    type_name, separator, resource_id = text.partition("/")
    return text if separator and type_name in NUMBERS and _ID.match(resource_id) else None


def index(typed: Typed, name: str, entries: Entries, base_url: str, targets: Sequence[str] = ()) -> None:
    """A link where the reference is local, else the text as it stands; logical identifiers beside it."""
    value = typed.value
    if isinstance(value, dict):
        if isinstance(value.get("identifier"), dict):
            token.index(Typed("Identifier", value["identifier"]), f"{name}:identifier", entries)
        value = value.get("reference")
    if not isinstance(value, str) or value.startswith("#"):
        return
    texts = _with_and_without_version(value, typed)
    local = local_reference(texts[-1], base_url)
    if local is None or len(texts) > 1:
        entries.keys.update((name, text) for text in texts)
    if local is None:
        return
    entries.links.add((name, local))
    if not asked_by_type(targets):
        entries.keys.add((f"{name}:id", local.partition("/")[2]))


def asked_by_type(targets: Sequence[str]) -> bool:
    return 0 < len(targets) <= TARGETS_ASKED_MAX


def _with_and_without_version(text: str, typed: Typed) -> tuple[str, ...]:
    """A canonical is found by its version, and by any."""
    if typed.type_name != "Reference" and "|" in text:
        return text, text.partition("|")[0]
    return (text,)


def predicate(asked: Asked) -> Predicate:
    """`123`, `Patient/123`, an absolute URL, `123` with `:Patient`, or a token with `:identifier`."""
    if asked.modifier == "identifier":
        return HasKey(f"{asked.name}:identifier", token.query_keys(asked))
    if asked.modifier and asked.modifier not in NUMBERS:
        raise unsupported(asked, f"Reference parameters have no modifier ':{asked.modifier[:60]}'")
    parts = [_one(asked, unescape(value)) for value in asked.values]
    merged = list(_merged(parts))
    return merged[0] if len(merged) == 1 else Or(tuple(merged))


def _one(asked: Asked, text: str) -> RefersTo | HasKey:
    if asked.modifier and _ID.match(text):
        text = f"{asked.modifier}/{text}"
    local = local_reference(text, asked.base_url)
    if local is not None and asked.modifier and not local.startswith(asked.modifier + "/"):
        return RefersTo(asked.name, ())
    if local is not None:
        return RefersTo(asked.name, (local,))
    if _ID.match(text):
        if asked_by_type(asked.targets):
            return RefersTo(asked.name, tuple(f"{target}/{text}" for target in asked.targets))
        return HasKey(f"{asked.name}:id", (text,))
    return HasKey(asked.name, (text,))


def _merged(parts: Sequence[RefersTo | HasKey]) -> Iterator[RefersTo | HasKey]:
    """Alternatives of one kind become one predicate."""
    links = [part for part in parts if isinstance(part, RefersTo)]
    keys = [part for part in parts if isinstance(part, HasKey)]
    if links:
        yield replace(links[0], targets=tuple(sorted({target for part in links for target in part.targets})))
    for name in sorted({part.name for part in keys}):
        yield HasKey(name, tuple(sorted({key for part in keys if part.name == name for key in part.keys})))


def orders(typed: Typed, base_url: str) -> Sequence[str]:
    """What `_sort` compares: `Type/id` of a local reference, any other as it stands."""
    value = typed.value.get("reference") if isinstance(typed.value, dict) else typed.value
    return [local_reference(value, base_url) or value] if isinstance(value, str) else []


@dataclass(frozen=True, slots=True)
class Chained:
    """A local reference of `name` leads to a resource of `target` that satisfies `part`."""

    name: str
    target: str
    part: Predicate

    def matches(self, entries: Entries) -> bool:
        """Another resource decides, so this one cannot rule it out: the store has decided before."""
        return True

    def condition(self, scope: Scope) -> str:
        other = scope.inner(self.target, scope.fresh("t"))
        if self.by_column(scope.type_name):
            found = scope.fresh("d")
            source = (
                f"directory {found} JOIN search {other.alias} ON {other.alias}.rid = {found}.rid"
                f" WHERE {found}.type = {type_number('Patient')} AND {found}.id = {scope.alias}.patient"
                f" AND {other.seen()}"
            )
        else:
            half = scope.key(self.name)
            source = (
                f"unnest({scope.alias}.tokens) link JOIN search {other.alias} ON {other.alias}.self = link # {half}"
                f" WHERE {other.seen()}"
            )
        return f"EXISTS (SELECT FROM {source} AND {self.part.condition(other)} OFFSET 0)"

    def rids(self, scope: Scope) -> str | None:
        other, row = scope.inner(self.target, scope.fresh("t")), scope.inner(scope.type_name, scope.fresh("s"))
        found = self.part.rids(other)
        if found is None:
            return None
        if self.by_column(scope.type_name):
            link = f"{row.alias}.patient = {other.alias}.id"
        else:
            link = f"{row.alias}.tokens @> ARRAY[{other.alias}.self # {scope.key(self.name)}]"
        return (
            f"SELECT {row.alias}.rid FROM {other.among(found)} JOIN search {row.alias} ON {link}"
            f" WHERE {row.of_type()} AND {other.seen()}"
        )

    def by_column(self, type_name: str) -> bool:
        """Whether the column of patients holds the link."""
        return self.target == "Patient" and self.name in PATIENT.get(type_name, ())


@dataclass(frozen=True, slots=True)
class ReferredToBy:
    """A resource of `source` that satisfies `part` refers to this one by its `name`. `_has` and `_list`."""

    source: str
    name: str
    part: Predicate

    def matches(self, entries: Entries) -> bool:
        """Another resource decides, so this one cannot rule it out: the store has decided before."""
        return True

    def condition(self, scope: Scope) -> str:
        other = scope.inner(self.source, scope.fresh("t"))
        if self._by_column(scope):
            link = f"{other.alias}.patient = {scope.alias}.id"
        else:
            link = f"{other.alias}.tokens @> ARRAY[{scope.alias}.self # {other.key(self.name)}]"
        return (
            f"EXISTS (SELECT FROM search {other.alias} WHERE {other.seen()} AND {link}"
            f" AND {self.part.condition(other)} OFFSET 0)"
        )

    def rids(self, scope: Scope) -> str | None:
        other, row = scope.inner(self.source, scope.fresh("t")), scope.inner(scope.type_name, scope.fresh("s"))
        found = self.part.rids(other)
        if found is None:
            return None
        if self._by_column(scope):
            return (
                f"SELECT {row.alias}.rid FROM {other.among(found)} JOIN directory {row.alias}"
                f" ON {row.alias}.type = {type_number('Patient')} AND {row.alias}.id = {other.alias}.patient"
                f" WHERE {other.seen()}"
            )
        return (
            f"SELECT {row.alias}.rid FROM {other.among(found)} CROSS JOIN unnest({other.alias}.tokens) link"
            f" JOIN search {row.alias} ON {row.alias}.self = link # {other.key(self.name)}"
            f" WHERE {row.of_type()} AND {other.seen()}"
        )

    def _by_column(self, scope: Scope) -> bool:
        return scope.type_name == "Patient" and self.name in PATIENT.get(self.source, ())
