"""Queries drawn from the resources they are asked of, so that most of them find something."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from tests.oracle.definitions import Parameter
from tests.oracle.evaluate import Pairs
from tests.oracle.extraction import Element, Resource
from tests.oracle.questions.expressions import Expressions
from tests.oracle.questions.values import Values
from tests.oracle.references import Key
from tests.oracle.store import Store
from tests.oracle.strings import words
from tests.oracle.words import content, narrative

T = TypeVar("T")
Pair = tuple[str, str]

UNASKED = {"_text", "_content", "_filter", "_query", "_list"}
SORTABLE = {"string", "token", "date", "reference", "uri", "number"}


@dataclass(frozen=True)
class Query:
    type_name: str
    pairs: Pairs


@dataclass(frozen=True)
class Link:
    source: Resource
    parameter: Parameter
    target: Key


@dataclass
class Questions:
    rng: random.Random
    store: Store
    values: Values = field(init=False)

    def __post_init__(self) -> None:
        self.values = Values(self.rng, self.store)

    def __iter__(self) -> Iterator[Query]:
        """Without end."""
        types = [type_name for type_name, table in self.store.by_type.items() for _ in range(1 + len(table) // 20)]
        while True:
            type_name = self.one(types)
            pairs = self._criteria(type_name) + self._results(type_name)
            if pairs:
                yield Query(type_name, pairs)

    def one(self, pool: Sequence[T]) -> T:
        return self.rng.choice(pool)

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    @cached_property
    def known(self) -> dict[str, dict[str, list[Element]]]:
        """By type and code, the values there are."""
        return {type_name: self._known(type_name) for type_name in self.store.by_type}

    def _known(self, type_name: str) -> dict[str, list[Element]]:
        resources = list(self.store.of_type(type_name))
        found: dict[str, list[Element]] = {}
        for code, parameter in self.store.definitions.of_type(type_name).items():
            elements = [element for one in resources for element in self.store.elements(one, parameter)]
            if elements and code not in UNASKED:
                found[code] = elements
        return found

    def _criteria(self, type_name: str) -> list[Pair]:
        """Mostly about one resource, so that together they find it."""
        makers: dict[Callable[[Key], Pair | None], int] = {
            self._plain: 60,
            self._about: 60,
            self._missing: 6,
            self._chain: 20,
            self._has: 14,
            self._filter: 16,
            self._words: 4,
            self._list: 2,
        }
        anchor = (type_name, self.one(list(self.store.by_type[type_name])))
        drawn = self.rng.choices(list(makers), list(makers.values()), k=self.one((0, 1, 1, 1, 1, 2, 2, 3)))
        return [pair for make in drawn if (pair := make(anchor)) is not None]

    def _plain(self, anchor: Key) -> Pair | None:
        """About any resource."""
        known = self.known[anchor[0]]
        code = self._code(anchor[0], list(known))
        return self._asked(anchor[0], code, known[code])

    def _about(self, anchor: Key) -> Pair | None:
        resource = self._resource(anchor)
        parameters = self.store.definitions.of_type(anchor[0])
        having = [code for code in self.known[anchor[0]] if self.store.elements(resource, parameters[code])]
        code = self._code(anchor[0], having)
        return self._asked(anchor[0], code, self.store.elements(resource, parameters[code]))

    def _code(self, type_name: str, codes: list[str]) -> str:
        """What every type has is asked for less often; half of the time each kind is as likely as every other one."""
        own = [code for code in codes if not code.startswith("_")]
        codes = own if own and self.chance(0.85) else codes
        parameters = self.store.definitions.of_type(type_name)
        kind = self.one(sorted({parameters[code].kind for code in codes}))
        return self.one([code for code in codes if parameters[code].kind == kind] if self.chance(0.5) else codes)

    def _resource(self, key: Key) -> Resource:
        return self.store.by_type[key[0]][key[1]]

    def _asked(self, type_name: str, code: str, elements: Sequence[Element]) -> Pair | None:
        """`code[:modifier]=value[,value]` about some of the elements."""
        parameter = self.store.definitions.get(type_name, code)
        if parameter.kind == "composite":
            return self._composite(type_name, parameter)
        chosen = self.one(elements)
        modifier = self.values.modifier(parameter, chosen)
        asked = [chosen, *self.rng.sample(elements, min(len(elements), self.one((0, 0, 0, 1, 2))))]
        found = [value for one in asked if (value := self.values.value(parameter, modifier, one))]
        return (f"{code}:{modifier}" if modifier else code, ",".join(found)) if found else None

    def _composite(self, type_name: str, parameter: Parameter) -> Pair | None:
        """Parts of one group; now and then of two."""
        groups = [(one, g) for one in self.store.of_type(type_name) for g in self.store.elements(one, parameter)]
        resource, group = self.one(groups)
        parts = []
        for component in parameter.components:
            if self.chance(0.15):
                resource, group = self.one(groups)
            inside = self.store.extraction.within(resource, group, component)
            value = self.values.value(component, None, self.one(inside)) if inside else None
            parts.append(value or "")
        return (parameter.code, "$".join(parts)) if all(parts) else None

    def _missing(self, anchor: Key) -> Pair | None:
        code = self._code(anchor[0], list(self.store.definitions.of_type(anchor[0])))
        kind = self.store.definitions.get(anchor[0], code).kind
        plain = code not in UNASKED and kind not in ("composite", "special")
        return (f"{code}:missing", self.one(("true", "false"))) if plain else None

    def _links_of(self, resource: Resource) -> list[Link]:
        """To what is there."""
        parameters = self.store.definitions.of_type(resource["resourceType"]).values()
        references = [one for one in parameters if one.kind == "reference"]
        links = [Link(resource, one, key) for one in references for key in self.store.links(resource, one)]
        return [link for link in links if self.store.get(link.target) is not None]

    @cached_property
    def incoming(self) -> dict[str, list[Link]]:
        """By the type they lead to."""
        found: dict[str, list[Link]] = defaultdict(list)
        for resource in (one for type_name in self.store.by_type for one in self.store.of_type(type_name)):
            for link in self._links_of(resource):
                found[link.target[0]].append(link)
        return found

    def _chain(self, anchor: Key, depth: int = 3) -> Pair | None:
        links = self._links_of(self._resource(anchor))
        if not links:
            return None
        link = self.one(links)
        deeper = depth > 1 and self.chance(0.5)
        rest = self._chain(link.target, depth - 1) if deeper else self._about(link.target)
        if rest is None:
            return None
        code = link.parameter.code
        plain = len(link.parameter.targets) == 1 or (self.chance(0.3) and self._is_clear(link.parameter, rest[0]))
        return (f"{code}.{rest[0]}" if plain else f"{code}:{link.target[0]}.{rest[0]}"), rest[1]

    def _is_clear(self, parameter: Parameter, rest: str) -> bool:
        """Whether what is chained means the same for every type that it can be asked of."""
        asked = [self.store.definitions.find(target, rest.partition(":")[0]) for target in parameter.targets]
        return "." not in rest and len({one.kind for one in asked if one}) == 1

    def _has(self, anchor: Key, depth: int = 2) -> Pair | None:
        """By a link of another resource to one of this type."""
        links = self.incoming[anchor[0]]
        if not links:
            return None
        link = self.one(links)
        other = (link.source["resourceType"], link.source["id"])
        shape = self.rng.random()
        deeper = self._has(other, depth - 1) if depth > 1 and shape < 0.3 else None
        rest = deeper or (self._chain(other, 1) if shape > 0.85 else None) or self._about(other)
        return (f"_has:{other[0]}:{link.parameter.code}:{rest[0]}", rest[1]) if rest else None

    def _filter(self, anchor: Key) -> Pair | None:
        text = Expressions(self.rng, self.store, self.values, self.known).expression(anchor[0])
        if text and self.chance(0.15):
            link = self.one(self._links_of(self._resource(anchor)) or [None])
            plain = (
                Expressions(self.rng, self.store, self.values, self.known).comparison(link.target[0]) if link else None
            )
            text = f"{link.parameter.code}.{plain}" if link and plain else text
        return ("_filter", text) if text else None

    def _words(self, anchor: Key) -> Pair | None:
        name = self.one(("_text", "_content"))
        read = narrative if name == "_text" else content
        clear = sorted(word for word in words(read(self._resource(anchor))) if word.isalpha())
        return (name, " ".join(self.rng.sample(clear, min(len(clear), self.one((1, 1, 2)))))) if clear else None

    def _list(self, anchor: Key) -> Pair | None:
        listed = anchor[0] in ("Patient", "MedicationRequest", "Observation", "Medication")
        return ("_list", self.one(list(self.store.by_type["List"]))) if listed else None

    def _results(self, type_name: str) -> list[Pair]:
        pairs = self._sort(type_name) if self.chance(0.3) else []
        return pairs + (self._includes(type_name) if self.chance(0.15) else [])

    def _sort(self, type_name: str) -> list[Pair]:
        parameters = self.store.definitions.of_type(type_name)
        codes = [code for code in self.known[type_name] if parameters[code].kind in SORTABLE]
        chosen = self.rng.sample(codes, min(len(codes), self.one((1, 1, 2, 3))))
        return [("_sort", ",".join(self.one(("", "-")) + code for code in chosen))]

    def _includes(self, type_name: str) -> list[Pair]:
        if self.chance(0.2):
            return [self.one((("_include", "*"), ("_include", f"{type_name}:*"), ("_revinclude", "*")))]
        makers = self.rng.choices((self._include, self._iterate, self._revinclude), (3, 1, 2), k=self.one((1, 1, 2, 3)))
        return [pair for make in makers if (pair := make(type_name)) is not None]

    def _include(self, type_name: str) -> Pair | None:
        links = self._links_of(self.one(list(self.store.of_type(type_name))))
        if not links:
            return None
        link = self.one(links)
        only = f":{link.target[0]}" if self.chance(0.3) else ""
        return "_include", f"{type_name}:{link.parameter.code}{only}"

    def _iterate(self, _: str) -> Pair | None:
        """From any type: what another include brings may be of it."""
        found = self._include(self.one(list(self.store.by_type)))
        return ("_include:iterate", found[1]) if found else None

    def _revinclude(self, type_name: str) -> Pair | None:
        links = self.incoming[type_name]
        if not links:
            return None
        link = self.one(links)
        name = self.one(("_revinclude", "_revinclude", "_revinclude:iterate"))
        return name, f"{link.source['resourceType']}:{link.parameter.code}"
