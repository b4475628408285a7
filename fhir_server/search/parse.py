"""Query text to a `Query`; what is unknown or not supported is refused by name.

https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, TypeVar, get_args

from fhir_server.errors import Invalid, Issue, NotSupported, TooCostly
from fhir_server.model.resource_types import NUMBERS
from fhir_server.search.boolean import flat
from fhir_server.search.criteria import Criteria, Unknown, invalid, values_of
from fhir_server.search.filter import parse_filter
from fhir_server.search.includes import parse_include
from fhir_server.search.limits import (
    CRITERIA_MAX,
    INCLUDES_MAX,
    QUERY_CHARACTERS_MAX,
    SORT_KEYS_MAX,
)
from fhir_server.search.predicate import Predicate
from fhir_server.search.query import Include, Query, SortKey, Summary, Total
from fhir_server.search.registry import WORDS, Registry
from fhir_server.search.resource import OfTypes
from fhir_server.search.sight import EVERYTHING, Sight
from fhir_server.search.types.composite import UNORDERED

COUNT_DIGITS_MAX = 9

Word = TypeVar("Word", bound=str)


@dataclass(frozen=True, slots=True)
class ParseOptions:
    """What a query may fall back on, and what its caller may see.

    `handling` is what `Prefer` says about unknown parameters.
    """

    base_url: str
    page_size: int
    page_size_max: int
    now: datetime
    handling: Literal["lenient", "strict"] | None = None
    sight: Sight = EVERYTHING


def parse(
    registry: Registry,
    type_name: str,
    pairs: Sequence[tuple[str, str]],
    options: ParseOptions,
    within: tuple[Predicate, ...] = (),
) -> tuple[Query, list[Issue]]:
    """The query and warnings about what was left out; raises `Invalid`, `NotSupported`, `TooCostly`.

    `within` is what has to hold besides: the compartment of a compartment search.
    """
    _measure(pairs)
    types = _types(type_name, pairs)
    reading = _Reading(Criteria(registry, options.base_url, options.now), type_name, types, options)
    reading.where.extend(within)
    for name, text in pairs:
        reading.read(name, text)
    return reading.query(), reading.warnings


def _measure(pairs: Sequence[tuple[str, str]]) -> None:
    """Raises `TooCostly` for what would take long to read, or make a statement that takes long to plan."""
    if len(pairs) > CRITERIA_MAX:
        raise TooCostly(f"A search may have {CRITERIA_MAX} parameters; this one has {len(pairs)}")
    if sum(len(name) + len(text) for name, text in pairs) > QUERY_CHARACTERS_MAX:
        raise TooCostly(f"The parameters of a search may have {QUERY_CHARACTERS_MAX} characters together")


def _types(type_name: str, pairs: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """`_type` of a search across types: what the other parameters mean depends on it."""
    asked = [text for name, text in pairs if name == "_type"]
    if type_name or not asked:
        return ()
    types = tuple(dict.fromkeys(part for text in asked for part in values_of("_type", text)))
    for name in types:
        if name not in NUMBERS:
            raise invalid(f"_type: there is no resource type '{name[:60]}'", "_type")
    return types


@dataclass(slots=True)
class _Reading:
    """A query while it is read, parameter by parameter."""

    criteria: Criteria
    type_name: str
    types: tuple[str, ...]
    options: ParseOptions
    where: list[Predicate] = field(default_factory=list)
    warnings: list[Issue] = field(default_factory=list)
    applied: list[tuple[str, str]] = field(default_factory=list)
    sort: tuple[SortKey, ...] = ()
    includes: list[Include] = field(default_factory=list)
    elements: tuple[str, ...] = ()
    count: int = -1
    total: Total = "none"
    summary: Summary = "false"
    explain: bool = False

    def read(self, name: str, text: str) -> None:
        """One parameter; unknown ones are refused or left out as R4 and `Prefer` say."""
        control = _control(name)
        try:
            if control is None:
                self.where.append(self.criteria.predicate(self.type_name, self.types, name, text))
            else:
                control(self, name, text)
        except Unknown as unknown:
            self.warnings.append(self._left_out(unknown))
            return
        if name in _ONCE:
            self.applied = [pair for pair in self.applied if pair[0] != name]
        if name != "_count":
            self.applied.append((name, text))

    def query(self) -> Query:
        count = self.options.page_size if self.count < 0 else self.count
        if self.types:
            self.where.append(OfTypes(self.types))
        return Query(
            self.type_name,
            flat((*self.where, self.options.sight.of(self.type_name))),
            (*self.applied, ("_count", str(count))),
            self.sort,
            count,
            self.total,
            self.summary,
            self.elements,
            tuple(self.includes),
            self.explain,
            self.options.sight,
        )

    def _left_out(self, unknown: Unknown) -> Issue:
        """Unknown control parameters are left out; other unknown names would silently widen the answer."""
        control = unknown.name.startswith("_")
        if self.options.handling == "strict" or not (control or self.options.handling == "lenient"):
            raise Invalid(unknown.message, [Issue("not-supported", unknown.message)])
        return Issue("not-supported", unknown.message + ": it was ignored", severity="warning")

    def read_count(self, _: str, text: str) -> None:
        self.count = parse_count(text, self.options.page_size_max)

    def read_total(self, name: str, text: str) -> None:
        self.total = _one_of(name, text, get_args(Total))

    def read_summary(self, name: str, text: str) -> None:
        self.summary = _one_of(name, text, get_args(Summary))

    def read_explain(self, name: str, text: str) -> None:
        self.explain = _one_of(name, text, ("true", "false")) == "true"

    def read_elements(self, name: str, text: str) -> None:
        self.elements = (*self.elements, *values_of(name, text))

    def read_sort(self, name: str, text: str) -> None:
        keys = values_of(name, text)
        if len(keys) > SORT_KEYS_MAX:
            raise TooCostly(f"_sort may name {SORT_KEYS_MAX} parameters; this one names {len(keys)}")
        self.sort = tuple(self._sort_key(key) for key in keys)

    def _sort_key(self, text: str) -> SortKey:
        code = text.removeprefix("-")
        if code in ("_id", "_lastUpdated"):
            return SortKey(code, code, code, text != code)
        parameter = self.criteria.registry.parameters(self.type_name).get(code)
        if parameter is None or parameter.type in UNORDERED or code in WORDS:
            message = f"_sort: {self.type_name or 'a search across types'} cannot be sorted by '{code[:60]}'"
            raise Invalid(message, [Issue("invalid", message, "_sort")])
        return SortKey(code, parameter.type, parameter.name, text != code)

    def read_include(self, name: str, text: str) -> None:
        if len(self.includes) >= INCLUDES_MAX:
            raise TooCostly(f"A search may have {INCLUDES_MAX} _include and _revinclude parameters")
        self.includes.append(parse_include(self.criteria.registry, name, text))

    def read_filter(self, _: str, text: str) -> None:
        self.where.append(parse_filter(self.criteria, self.type_name, text))

    def read_contained(self, name: str, text: str) -> None:
        if text != "false":
            message = f"{name}: contained resources are not searched"
            raise NotSupported(message, [Issue("not-supported", message, name)])

    def read_nothing(self, name: str, text: str) -> None:
        """`_type` was read before; on a type it changes nothing."""
        if self.type_name and set(values_of(name, text)) != {self.type_name}:
            message = f"_type is for searches across types; this one is on {self.type_name}"
            raise Invalid(message, [Issue("invalid", message, "_type")])

    def refuse(self, name: str, _: str) -> None:
        message = f"'{name[:60]}' is not supported"
        raise NotSupported(message, [Issue("not-supported", message, name[:60])])


_CONTROLS: dict[str, Callable[[_Reading, str, str], None]] = {
    "_count": _Reading.read_count,
    "_total": _Reading.read_total,
    "_summary": _Reading.read_summary,
    "_elements": _Reading.read_elements,
    "_sort": _Reading.read_sort,
    "_include": _Reading.read_include,
    "_revinclude": _Reading.read_include,
    "_filter": _Reading.read_filter,
    "_contained": _Reading.read_contained,
    "_containedType": _Reading.read_contained,
    "_explain": _Reading.read_explain,
    "_type": _Reading.read_nothing,
    "_query": _Reading.refuse,
}

_MODIFIED: Final = frozenset({"_include", "_revinclude"})
_ONCE: Final = frozenset({"_total", "_summary", "_sort", "_explain"})
"""Of these the last one counts."""


def _control(name: str) -> Callable[[_Reading, str, str], None] | None:
    """None for a criterion; raises `NotSupported` for a modifier, which R4 gives to no control parameter but two."""
    code, _, modifier = name.partition(":")
    control = _CONTROLS.get(code)
    if control and modifier and code not in _MODIFIED:
        message = f"{code} has no modifier ':{modifier[:60]}'"
        raise NotSupported(message, [Issue("not-supported", message, code)])
    return control


def parse_count(text: str, page_size_max: int) -> int:
    """`_count`, clamped to the largest page; raises `Invalid`."""
    if not (text.isascii() and text.isdecimal() and len(text) <= COUNT_DIGITS_MAX):
        message = "_count is a number of entries, 0 or more"
        raise Invalid(message, [Issue("invalid", message)])
    return min(int(text), page_size_max)


def _one_of(name: str, text: str, words: Sequence[Word]) -> Word:
    for word in words:
        if word == text:
            return word
    message = f"{name} is one of {', '.join(words)}"
    raise Invalid(message, [Issue("invalid", message, name)])
