"""The links in a resource: found, and rewritten in place.

Visitors are compiled once per type from the definitions and skip every primitive that is not asked for. They
trust nothing about the resource's shape, so they may run before it is validated.
https://hl7.org/fhir/R4/references.html, https://hl7.org/fhir/R4/http.html#trules
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape, unescape
from typing import Any, NamedTuple

from fhir_server.model.definitions import Definitions, load_definitions

REWRITTEN = frozenset({"uri", "url", "oid", "uuid"})
"""Primitives that follow a resource which was given its id; canonical is not one of them."""

REFERENCES = frozenset({"Reference"})
LINKS = REWRITTEN | REFERENCES | {"xhtml"}

_ATTRIBUTE = re.compile(
    r"""(<[A-Za-z][^<>]{0,1000}?\s(?:href|src)\s*=\s*)(?:"([^"<>]*)"|'([^'<>]*)')""",
)


Place = tuple[Any, str | int]
"""The place a step leads on from (None at the resource), and the step; a plain tuple, as there are so many."""


class ElementSite(NamedTuple):
    """Where a value of the type `type_name` stands: it is `container[key]`."""

    container: Any
    key: str | int
    type_name: str
    place: Place

    @property
    def value(self) -> Any:
        return self.container[self.key]

    @property
    def path(self) -> tuple[str | int, ...]:
        """`("entry", 3, "resource", "subject")`."""
        steps: list[str | int] = []
        place: Place | None = self.place
        while place is not None:
            place, step = place
            steps.append(step)
        return tuple(reversed(steps))


class ReferenceSite(NamedTuple):
    """A Reference with a `reference`; assign to `element["reference"]` to change it."""

    element: dict[str, Any]
    site: ElementSite

    @property
    def reference(self) -> str:
        return str(self.element["reference"])

    @property
    def path(self) -> tuple[str | int, ...]:
        """`("entry", 3, "resource", "subject", "reference")`."""
        return (*self.site.path, "reference")


def references(resource: dict[str, Any]) -> list[ReferenceSite]:
    """Every Reference with a `reference`, also in contained and bundled resources, in document order."""
    return references_of(elements_of_types(resource, REFERENCES))


def references_of(sites: Iterable[ElementSite]) -> list[ReferenceSite]:
    """The References with a `reference` among some sites."""
    of_type = (site for site in sites if site.type_name == "Reference")
    return [ReferenceSite(site.value, site) for site in of_type if type(site.value.get("reference")) is str]


def links(resource: dict[str, Any]) -> list[ElementSite]:
    """What `rewrite` may have to change: found once, it may be looked at more than once."""
    return elements_of_types(resource, LINKS)


def rewrite_links(resource: dict[str, Any], mapping: Mapping[str, str]) -> None:
    """Replace in place every link equal to a key of `mapping`."""
    rewrite(links(resource), mapping)


def rewrite(sites: Iterable[ElementSite], mapping: Mapping[str, str]) -> None:
    """Replace in place those links equal to a key of `mapping`.

    Those are Reference.reference, the values of type uri, url, oid and uuid, and href and src in narrative.
    """
    for site in sites:
        container, key = site.container, site.key
        if site.type_name == "Reference":
            container, key = site.value, "reference"
        value = container.get(key) if type(container) is dict else container[key]
        if type(value) is not str:
            continue
        if site.type_name == "xhtml":
            container[key] = _rewritten_narrative(value, mapping)
        elif value in mapping:
            container[key] = mapping[value]


def elements_of_types(resource: dict[str, Any], types: frozenset[str]) -> list[ElementSite]:
    """Every element of one of `types`, primitive or complex, in document order."""
    found: list[ElementSite] = []
    _visitors(types).visit_resource(resource, None, found)
    return found


def _rewritten_narrative(div: str, mapping: Mapping[str, str]) -> str:
    def replaced(attribute: re.Match[str]) -> str:
        before, double, single = attribute.groups()
        target = mapping.get(unescape(single if double is None else double))
        return attribute[0] if target is None else f'{before}"{escape(target)}"'

    return _ATTRIBUTE.sub(replaced, div) if "href" in div or "src" in div else div


class _Step(NamedTuple):
    """What to do at a property: record its values as `recorded` (unless ""), then descend by `steps`."""

    recorded: str
    steps: "dict[str, _Step] | None"
    is_resource: bool


@cache
def _visitors(types: frozenset[str]) -> "_Visitors":
    return _Visitors(load_definitions(), types)


class _Visitors:
    """Tables of steps by type, for one set of wanted types."""

    def __init__(self, definitions: Definitions, wanted: frozenset[str]) -> None:
        self._definitions = definitions
        self._wanted = wanted
        self._tables: dict[str, dict[str, _Step]] = {}

    def visit_resource(self, value: Any, place: Place | None, found: list[ElementSite]) -> None:
        name = value.get("resourceType") if type(value) is dict else None
        if type(name) is str and name in self._definitions.resource_types:
            self._visit(value, self._table(name), place, found)

    def _table(self, name: str) -> dict[str, _Step]:
        if name not in self._tables:
            table = self._tables[name] = {}
            for json_name, found in self._definitions.types[name].properties.items():
                step = self._step(found.type.name)
                if step is not None:
                    table[json_name] = step
        return self._tables[name]

    def _step(self, name: str) -> _Step | None:
        recorded = name if name in self._wanted else ""
        if self._definitions.is_primitive(name):
            return _Step(recorded, None, is_resource=False) if recorded else None
        if name == "Resource":
            return _Step(recorded, None, is_resource=True)
        return _Step(recorded, self._table(name), is_resource=False)

    def _visit(
        self, value: dict[str, Any], steps: dict[str, _Step], place: Place | None, found: list[ElementSite]
    ) -> None:
        for key, item in value.items():
            step = steps.get(key)
            if step is None:
                continue
            here = (place, key)
            if type(item) is list:
                for i in range(len(item)):
                    self._meet(item, i, step, (here, i), found)
            else:
                self._meet(value, key, step, here, found)

    def _meet(self, container: Any, key: str | int, step: _Step, place: Place, found: list[ElementSite]) -> None:
        """One value: recorded, and its own elements visited."""
        value = container[key]
        if step.recorded and (step.steps is None or type(value) is dict):
            found.append(ElementSite(container, key, step.recorded, place))
        if step.is_resource:
            self.visit_resource(value, place, found)
        elif step.steps is not None and type(value) is dict:
            self._visit(value, step.steps, place, found)
