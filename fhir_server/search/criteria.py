"""One criterion of a query to a predicate: parameters, modifiers, chains, `_has`, `_list`.

https://hl7.org/fhir/R4/search.html#chaining, https://hl7.org/fhir/R4/search.html#has
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from fhir_server.errors import GalenicError, Invalid, Issue, NotSupported, TooCostly
from fhir_server.model.resource_types import NUMBERS
from fhir_server.search.asked import Asked
from fhir_server.search.boolean import And, Not, OnType, Or
from fhir_server.search.limits import CHAIN_DEPTH_MAX, HAS_DEPTH_MAX, OR_VALUES_MAX, VALUES_MAX
from fhir_server.search.predicate import Predicate
from fhir_server.search.registry import WORDS, Parameter, Registry
from fhir_server.search.resource import HasId, Missing
from fhir_server.search.text import split_escaped, unescape
from fhir_server.search.types.reference import Chained, ReferredToBy
from fhir_server.search.types.words import words_of

HAS = "_has:"


class Unknown(GalenicError):
    """The type has no such search parameter."""

    def __init__(self, type_name: str, name: str) -> None:
        self.name = name
        self.message = f"{type_name or 'A search across types'} has no search parameter '{name[:60]}'"
        super().__init__(self.message)


def invalid(message: str, place: str) -> Invalid:
    return Invalid(message, [Issue("invalid", message, place[:60])])


def not_supported(message: str, place: str) -> NotSupported:
    return NotSupported(message, [Issue("not-supported", message, place)])


def values_of(name: str, text: str) -> list[str]:
    """The alternatives of a value, escapes kept; raises `TooCostly` for too many, `Invalid` for an empty one."""
    parts = split_escaped(text, ",")
    if len(parts) > OR_VALUES_MAX:
        raise TooCostly(f"'{name[:60]}' has {len(parts)} values; at most {OR_VALUES_MAX} are allowed")
    if not all(parts):
        raise invalid(f"The search parameter '{name[:60]}' has an empty value", name)
    return parts


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a query a criterion stands: the links followed so far, and its operator if it is one of `_filter`."""

    chained: int = 0
    has: int = 0
    operator: str = ""


PLAIN: Final = Place()


@dataclass(slots=True)
class Spending:
    """What a query has asked for so far: values, each for every type it is asked of."""

    values: int = 0

    def spend(self, values: int) -> None:
        """Raises `TooCostly` past VALUES_MAX."""
        self.values += values
        if self.values > VALUES_MAX:
            message = f"A search may ask for {VALUES_MAX} values, each counted for every type it is asked of"
            raise TooCostly(message)


@dataclass(frozen=True, slots=True)
class Criteria:
    """Reads the criteria of one query against the parameters of a registry."""

    registry: Registry
    base_url: str
    now: datetime
    spending: Spending = field(default_factory=Spending)

    def predicate(self, type_name: str, types: Sequence[str], name: str, text: str) -> Predicate:
        """Raises `Unknown`, `Invalid`, `NotSupported` and `TooCostly`; `types` are those of a search across types."""
        code = name.partition(":")[0].partition(".")[0]
        if types and code not in self.registry.parameters("") and code not in ("_has", "_list", "_id"):
            return Or(tuple(OnType(one, self.of_type(one, name, text)) for one in types))
        return self.of_type(type_name, name, text)

    def of_type(self, type_name: str, name: str, text: str, place: Place = PLAIN) -> Predicate:
        """Raises `Unknown`, `Invalid`, `NotSupported` and `TooCostly`."""
        if name.startswith(HAS) or name == "_has":
            return self._has(name, text, place)
        head, separator, rest = name.partition(".")
        if separator:
            return self._chain(type_name, head, rest, text, place)
        code, _, modifier = name.partition(":")
        if modifier and place.operator:
            raise invalid(f"'{name[:60]}' has a modifier, where _filter has operators instead", "_filter")
        self.spending.spend(_values_in(code, text))
        if code == "_list":
            return self._list(name, text, place)
        if code == "_id" and modifier != "missing":
            return _of_id(name, text, place)
        parameter = self.parameter(type_name, code)
        if modifier == "missing":
            return _missing(parameter, text)
        values = tuple(values_of(name, text))
        asked = Asked(parameter.name, code, modifier, values, self.base_url, self.now, operator=place.operator)
        return parameter.predicate(asked)

    def parameter(self, type_name: str, code: str) -> Parameter:
        """Raises `Unknown`."""
        parameter = self.registry.parameters(type_name).get(code)
        if parameter is None:
            raise Unknown(type_name, code)
        return parameter

    def _list(self, name: str, text: str, place: Place) -> Predicate:
        """Members of Lists, whatever their flag. https://hl7.org/fhir/R4/search.html#list."""
        if name != "_list" or place.operator not in ("", "eq"):
            raise not_supported("_list takes ids of Lists, without a modifier", "_list")
        ids = tuple(sorted({unescape(value) for value in values_of(name, text)}))
        if any(one.startswith("$") for one in ids):
            raise invalid("_list takes ids of Lists; functional lists ($current-problems) are not supported", name)
        return ReferredToBy("List", "item", HasId(ids))

    def _chain(self, type_name: str, head: str, rest: str, text: str, place: Place) -> Predicate:
        if place.chained >= CHAIN_DEPTH_MAX:
            raise TooCostly(f"A chain may follow {CHAIN_DEPTH_MAX} references")
        code, _, target = head.partition(":")
        parameter = self.parameter(type_name, code)
        if parameter.type != "reference":
            raise invalid(f"'{code[:60]}' of {type_name} is not a reference: it cannot be chained", code)
        found: list[Predicate] = []
        for one in self._targets(parameter, target):
            try:
                part = self.of_type(one, rest, text, replace(place, chained=place.chained + 1))
            except Unknown:
                continue
            found.append(Chained(parameter.name, one, part))
        if not found:
            raise Unknown(type_name, f"{head}.{rest}")
        return found[0] if len(found) == 1 else Or(tuple(found))

    def _targets(self, parameter: Parameter, asked: str) -> Sequence[str]:
        if asked:
            if asked not in NUMBERS:
                raise invalid(f"There is no resource type '{asked[:60]}'", parameter.code)
            return (asked,)
        if not parameter.targets:
            raise invalid(f"'{parameter.code}' may refer to any type: name one, as in {parameter.code}:Patient.", "")
        return parameter.targets

    def _has(self, name: str, text: str, place: Place) -> Predicate:
        if place.has >= HAS_DEPTH_MAX:
            raise TooCostly(f"_has may be {HAS_DEPTH_MAX} levels deep")
        source, _, after = name.removeprefix(HAS).partition(":")
        code, _, rest = after.partition(":")
        if source not in NUMBERS or not code or not rest:
            raise invalid("_has is written _has:Type:reference:parameter", "_has")
        parameter = self.parameter(source, code)
        if parameter.type != "reference":
            raise invalid(f"_has: '{code[:60]}' of {source} is not a reference", "_has")
        part = self.of_type(source, rest, text, replace(place, has=place.has + 1))
        return ReferredToBy(source, parameter.name, part)


def _values_in(code: str, text: str) -> int:
    """Each word of a text is asked for on its own."""
    return len(words_of(text)) if code in WORDS else text.count(",") + 1


def _of_id(name: str, text: str, place: Place) -> Predicate:
    modifier = name.partition(":")[2]
    if modifier not in ("", "not") or place.operator not in ("", "eq", "ne"):
        raise not_supported(f"_id has no {place.operator or ':' + modifier[:60]}", "_id")
    found = HasId(tuple(sorted({unescape(value) for value in values_of(name, text)})))
    return Not(found) if modifier or place.operator == "ne" else found


def _missing(parameter: Parameter, text: str) -> Predicate:
    if parameter.composite or parameter.code in WORDS:
        raise not_supported(f"{parameter.code} has no modifier ':missing'", parameter.code)
    if text not in ("true", "false"):
        raise invalid(f"{parameter.code}:missing is true or false", parameter.code)
    if parameter.code in ("_id", "_lastUpdated"):  # every resource has them
        return And(()) if text == "false" else Or(())
    return Missing(parameter.name, absent=text == "true")
