"""SearchParameter resources to search parameters beyond R4's own: read, judged, and refused one by one.

https://hl7.org/fhir/R4/searchparameter.html
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from fhir_server.model.definitions import Definitions, SearchParameterDefinition
from fhir_server.model.fhirpath.elements import is_a
from fhir_server.model.fhirpath.syntax import FhirPathError
from fhir_server.model.resource_types import NUMBERS, RESOURCE_TYPES
from fhir_server.search.kinds import KINDS
from fhir_server.search.registry import Registry, name_beyond

ADDED_MAX: Final = 500
"""Search parameters beyond R4's own (parameters)."""

EXPRESSION_CHARACTERS_MAX: Final = 4_000
"""Length of an expression (characters)."""

SUPPORTED: Final = frozenset(KINDS) - {"special"} | {"reference", "composite"}
ABSTRACT: Final = ("Resource", "DomainResource")
PAIR: Final = 2

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")


class LeftOut(Exception):
    """A SearchParameter cannot be searched by; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The `id` of a SearchParameter, and why it was left out."""

    id: str
    reason: str


@dataclass(slots=True)
class Judgement:
    """`own` counts the SearchParameters that are R4's own, by their URL."""

    definitions: list[SearchParameterDefinition] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    own: int = 0


def judge(registry: Registry, resources: Iterable[dict[str, Any]]) -> Judgement:
    """What active SearchParameters come to; where two want one code or one URL the first has it."""
    judging = _Judging(registry)
    official = {p.url for p in registry.definitions.search_parameters}
    for resource in resources:
        if resource.get("url") in official:
            judging.judgement.own += 1
        else:
            judging.judge(resource)
    return judging.judgement


@dataclass(slots=True)
class _Judging:
    """What has been accepted so far: `taken` are types and codes."""

    registry: Registry
    judgement: Judgement = field(default_factory=Judgement)
    taken: set[tuple[str, str]] = field(default_factory=set)
    urls: set[str] = field(default_factory=set)

    def judge(self, resource: dict[str, Any]) -> None:
        try:
            definition = _definition(resource)
            self._check(definition)
        except LeftOut as problem:
            self.judgement.refusals.append(Refusal(resource["id"], str(problem)))
            return
        self.judgement.definitions.append(definition)
        self.urls.add(definition.url)
        self.taken |= {(name, definition.code) for name in self._types(definition)}

    def _check(self, definition: SearchParameterDefinition) -> None:
        if len(self.judgement.definitions) == ADDED_MAX:
            raise LeftOut(f"there may be {ADDED_MAX} of them")
        if definition.type not in SUPPORTED:
            raise LeftOut(f"parameters of type '{definition.type}' are not supported")
        if not _CODE.match(definition.code):
            raise LeftOut("its code has to be a letter and up to 63 letters, digits, '-' and '_'")
        if definition.url in self.urls:
            raise LeftOut("another SearchParameter has its URL")
        if definition.type in ("composite", "reference") and set(ABSTRACT) & set(definition.base):
            raise LeftOut(f"a parameter of type '{definition.type}' has to name the types it is for")
        if definition.type == "composite":
            _check_parts(self.registry.definitions, definition)
        self._check_code(definition)
        _compile(self.registry, definition)

    def _check_code(self, definition: SearchParameterDefinition) -> None:
        for name in self._types(definition):
            if definition.code in self.registry.official(name):
                raise LeftOut(f"R4 has a parameter '{definition.code}' of {name}")
            if (name, definition.code) in self.taken:
                raise LeftOut(f"another SearchParameter is '{definition.code}' of {name}")

    def _types(self, definition: SearchParameterDefinition) -> list[str]:
        definitions = self.registry.definitions
        return [name for name in RESOURCE_TYPES if any(is_a(definitions, name, base) for base in definition.base)]


def _definition(resource: dict[str, Any]) -> SearchParameterDefinition:
    """Raises `LeftOut` for what no registry could read."""
    for element in ("url", "code", "type", "base", "expression"):
        if not resource.get(element):
            raise LeftOut(f"it has no {element}")
    if len(resource["expression"]) > EXPRESSION_CHARACTERS_MAX:
        raise LeftOut(f"its expression is longer than {EXPRESSION_CHARACTERS_MAX} characters")
    base, target = ([name or "" for name in resource.get(element, ())] for element in ("base", "target"))
    for name in (*base, *target):
        if name not in NUMBERS and name not in ABSTRACT:
            raise LeftOut(f"{name[:60]} is not a type that is stored")
    return SearchParameterDefinition(
        url=resource["url"],
        code=resource["code"],
        type=resource["type"],
        base=tuple(sorted(base)),
        expression=resource["expression"],
        target=() if set(ABSTRACT) & set(target) else tuple(sorted(target)),  # none means any
        components=tuple(_part(component) for component in resource.get("component", ())),
        multiple_or=resource.get("multipleOr", True),
        multiple_and=resource.get("multipleAnd", True),
        modifiers=(),
        comparators=(),
    )


def _part(component: dict[str, Any]) -> tuple[str, str]:
    """The URL of a part's definition, without its version, and the part's expression."""
    return str(component.get("definition", "")).partition("|")[0], str(component.get("expression", ""))


def _check_parts(definitions: Definitions, definition: SearchParameterDefinition) -> None:
    kinds = {p.url: p.type for p in definitions.search_parameters}
    parts = [kinds.get(url, "") for url, _ in definition.components]
    if len(parts) != PAIR or parts[0] != "token" or parts[1] not in SUPPORTED - {"composite"}:
        raise LeftOut("a composite has to be a pair of parameters of R4, the first a token, the second no composite")


def _compile(registry: Registry, definition: SearchParameterDefinition) -> None:
    """For each base on its own: an expression has to select something in all of them."""
    for base in definition.base:
        name = "DomainResource" if base in ABSTRACT else base
        try:
            registry.compiled(definition, name, name_beyond(definition))
        except FhirPathError as error:
            raise LeftOut(f"its expression cannot be used on {base}: {error.sentence}") from error
