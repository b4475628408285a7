"""Which search parameters a type has, compiled: what indexing and queries share."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import msgspec

from fhir_server.errors import Issue, NotSupported
from fhir_server.model.definitions import Definitions, SearchParameterDefinition
from fhir_server.model.fhirpath.elements import is_a
from fhir_server.model.fhirpath.syntax import FhirPathError
from fhir_server.search.asked import Asked
from fhir_server.search.entries import Entries
from fhir_server.search.expressions import group_types, own_paths, targets_of
from fhir_server.search.extract import Extractor, compile_expression
from fhir_server.search.fetching import Typed
from fhir_server.search.kinds import ORDERED_BY_TEXT, index_order, index_value, predicate_of, unwrapped
from fhir_server.search.predicate import Predicate
from fhir_server.search.several import index_common
from fhir_server.search.types import date, words
from fhir_server.search.types.composite import KNOWN, SWAPPED, Composite, Part

WORDS = frozenset({words.TEXT, words.CONTENT})
NOT_INDEXED = frozenset({"_id", "_lastUpdated"})
"""Parameters the search row holds in columns of their own."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter of one resource type. https://hl7.org/fhir/R4/searchparameter.html.

    `name` is where its values are indexed: parameters of one type that select the same share one.
    """

    code: str
    type: str
    url: str
    name: str
    extract: Extractor
    targets: tuple[str, ...] = ()
    composite: Composite | None = None

    def index(self, resource: dict[str, Any], entries: Entries, base_url: str) -> bool:
        """Adds what the resource has for it; whether it has anything: of a date, a date that it names."""
        found = self.extract(resource)
        if self.composite:
            self.composite.index(resource, entries, base_url)
        else:
            for typed in found:
                index_value(self.type, typed, self.name, entries, base_url, self.targets)
                index_order(self.type, typed, self.name, entries, base_url)
            if len(found) > 1 and self.type in ORDERED_BY_TEXT:
                index_common(self.name, [self._alone(typed, base_url) for typed in found], entries)
        return bool(found) if self.type != "date" else any(date.names_one(unwrapped(one)) for one in found)

    def _alone(self, typed: Typed, base_url: str) -> Entries:
        entries = Entries()
        index_value(self.type, typed, self.name, entries, base_url, self.targets)
        return entries

    def predicate(self, asked: Asked) -> Predicate:
        """What `asked` comes to; raises `Invalid` and `NotSupported`."""
        asked = replace(asked, name=self.name, targets=self.targets)
        if self.composite is None and self.code not in WORDS:
            return predicate_of(self.type, asked)
        if asked.operator not in ("", "eq"):
            message = f"_filter: {self.code} has no operator '{asked.operator}'"
            raise NotSupported(message, [Issue("not-supported", message, "_filter")])
        asked = replace(asked, operator="")
        return self.composite.predicate(asked) if self.composite else words.predicate(asked)


class Registry:
    """Parameters by type and code; a type is compiled when it is first asked for.

    `added` are parameters beyond R4's that searches may use, `coming` those that are indexed already and searched
    later; `generation` is the number of the set that resources are indexed by.
    """

    def __init__(
        self,
        definitions: Definitions,
        added: tuple[SearchParameterDefinition, ...] = (),
        generation: int = 0,
        coming: tuple[SearchParameterDefinition, ...] = (),
    ) -> None:
        self.definitions = definitions
        self.generation = generation
        self.added = added
        self._coming = coming
        self._kinds = {p.url: p.type for p in definitions.search_parameters}
        self._official: dict[str, dict[str, Parameter]] = {}
        self._by_type: dict[str, dict[str, Parameter]] = {}
        self._indexed: dict[str, tuple[Parameter, ...]] = {}

    def evolved(
        self,
        added: tuple[SearchParameterDefinition, ...],
        generation: int,
        coming: tuple[SearchParameterDefinition, ...] = (),
    ) -> "Registry":
        """The registry of another generation; what is compiled of R4's own parameters is shared."""
        other = Registry(self.definitions, added, generation, coming)
        other._official = self._official
        return other

    def parameters(self, type_name: str) -> Mapping[str, Parameter]:
        """By code; those of every type where `type_name` is ""."""
        if type_name not in self._by_type:
            self._by_type[type_name] = {**self.official(type_name), **self._beyond(self.added, type_name)}
        return self._by_type[type_name]

    def official(self, type_name: str) -> Mapping[str, Parameter]:
        """R4's own, by code."""
        if type_name not in self._official:
            self._official[type_name] = {p.code: p for p in self._compile(type_name or "DomainResource")}
        return self._official[type_name]

    def indexed(self, type_name: str) -> tuple[Parameter, ...]:
        """One parameter for each name values are indexed under."""
        if type_name not in self._indexed:
            coming = self._beyond(self._coming, type_name).values()
            known = (*self.parameters(type_name).values(), *coming)
            first: dict[str, Parameter] = {}
            for parameter in known:
                if parameter.code not in WORDS | NOT_INDEXED:
                    first.setdefault(parameter.name, parameter)
            self._indexed[type_name] = tuple(first.values())
        return self._indexed[type_name]

    def _compile(self, type_name: str) -> Iterator[Parameter]:
        seen: set[str] = set()
        names: dict[tuple[str, str], str] = {}
        for definition in self.definitions.search_parameters:
            if definition.code in seen or not self._concerns(definition, type_name):
                continue
            code, kind = definition.code, definition.type
            selects = (kind, own_paths(definition.expression, type_name))
            name = code if kind == "composite" else names.get(selects, code)
            parameter = self._parameter(definition, type_name, name)
            if parameter is not None:
                names.setdefault(selects, name)
                seen.add(definition.code)
                yield parameter

    def _beyond(self, added: tuple[SearchParameterDefinition, ...], type_name: str) -> dict[str, Parameter]:
        """Parameters beyond R4's by code; R4's own codes mean what R4 says."""
        taken = self.official(type_name)
        of_type = type_name or "DomainResource"
        concerned = (p for p in added if p.code not in taken and self._concerns(p, of_type))
        found = (self._parameter(p, of_type, name_beyond(p)) for p in concerned)
        return {p.code: p for p in found if p is not None}

    def _concerns(self, definition: SearchParameterDefinition, type_name: str) -> bool:
        return any(is_a(self.definitions, type_name, base) for base in definition.base)

    def _parameter(self, definition: SearchParameterDefinition, type_name: str, name: str) -> Parameter | None:
        """None where the parameter can select nothing in the type."""
        code = definition.code
        if code in WORDS:
            return Parameter(code, "string", definition.url, code, lambda _: [])
        if not definition.expression:
            return None
        try:
            return self.compiled(definition, type_name, name)
        except FhirPathError:
            return None

    def compiled(self, definition: SearchParameterDefinition, type_name: str, name: str) -> Parameter:
        """Raises `FhirPathError` where the expression is not read here, or can select nothing in the type."""
        extract = compile_expression(self.definitions, type_name, definition.expression)
        composite = None
        if definition.type == "composite":
            composite = self._composite(definition, type_name, extract, name)
        targets = targets_of(self.definitions, definition, type_name)
        return Parameter(definition.code, definition.type, definition.url, name, extract, targets, composite)

    def _composite(
        self, definition: SearchParameterDefinition, type_name: str, groups: Extractor, name: str
    ) -> Composite:
        """Raises `FhirPathError` where a part cannot be read."""
        kinds = group_types(self.definitions, type_name, definition.expression)
        single = next((kind for kind in kinds if all((kind, path) in KNOWN for _, path in definition.components)), "")
        repeating = [kind for kind in kinds if kind != single]
        if repeating and len(definition.components) != 2:  # noqa: PLR2004 - a pair
            raise FhirPathError("unsupported-here", 0, "of groups that repeat only pairs are indexed")
        urls = [url for url, _ in definition.components]
        parts = tuple(
            Part(
                self._kind(url),
                {kind: compile_expression(self.definitions, kind, path) for kind in repeating},
                KNOWN.get((single, path), ""),
            )
            for url, (_, path) in zip(
                urls[::-1] if definition.url in SWAPPED else urls, definition.components, strict=True
            )
        )
        return Composite(name, groups, parts, single, bool(repeating))

    def _kind(self, url: str) -> str:
        """The type of a part of a composite, which has to be one of R4's own parameters."""
        if url not in self._kinds:
            raise FhirPathError("unsupported-here", 0, "the parts of a composite have to be parameters of R4")
        return self._kinds[url]


def name_beyond(definition: SearchParameterDefinition) -> str:
    """Where the values of a parameter beyond R4's are indexed: elsewhere once the definition selects something else.

    So the values of an older definition and of a newer one can stand in one row while searches change over.
    """
    what = (definition.type, definition.expression, sorted(definition.target), definition.components)
    digest = blake2b(msgspec.json.encode(what), digest_size=8).hexdigest()
    of_all_types = not {"Resource", "DomainResource"}.isdisjoint(definition.base)
    return f"{'_' if of_all_types else ''}{definition.code}~{digest}"
