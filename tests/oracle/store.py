"""The resources that a query is asked of, and what its parts are answered with."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.oracle.definitions import Definitions, Parameter
from tests.oracle.extraction import Element, Extraction, Resource
from tests.oracle.intervals import Bound
from tests.oracle.references import Base, Key, reference_text


@dataclass(frozen=True)
class Store:
    """All of them in memory. `now` is what `ap` measures dates from, in the unit of `dates`."""

    definitions: Definitions
    base: Base
    now: Bound
    by_type: dict[str, dict[str, Resource]] = field(default_factory=lambda: defaultdict(dict))
    extraction: Extraction = field(default_factory=Extraction)

    def add(self, resources: Iterable[Resource]) -> None:
        for resource in resources:
            self.by_type[resource["resourceType"]][resource["id"]] = resource

    def of_type(self, type_name: str) -> Iterable[Resource]:
        return self.by_type.get(type_name, {}).values()

    def get(self, key: Key) -> Resource | None:
        return self.by_type.get(key[0], {}).get(key[1])

    def elements(self, resource: Resource, parameter: Parameter) -> tuple[Element, ...]:
        return self.extraction.elements(resource, parameter)

    def links(self, resource: Resource, parameter: Parameter) -> Iterator[Key]:
        """The local resources, there or not, that a reference parameter's values are to."""
        for element in self.elements(resource, parameter):
            key = self.base.key(reference_text(element) or "")
            if key is not None:
                yield key
