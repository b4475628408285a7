"""Plain reads, joined as a client would that knows no joins of the server's."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import httpx

from tests.acceptance.populations import put_all
from tests.acceptance.searches import Json
from tests.builders.pharmacies import COUNTS, Pharmacy

Key = tuple[str, str]
SEED = 3
DELETED = [("Practitioner", "p3"), ("MedicationRequest", "mr7"), ("Patient", "p5"), ("Organization", "o2")]


@dataclass(frozen=True)
class Reads:
    """What plain reads gave, joined as a client would."""

    resources: dict[Key, Json]

    def of(self, *types: str) -> list[Json]:
        return [one for (type_name, _), one in self.resources.items() if type_name in types]

    def to(self, sources: Iterable[Json], *elements: str) -> set[Key]:
        """What is there of what the elements refer to."""
        return {key for one in sources for key in references(one, elements)} & self.resources.keys()

    def get(self, found: Iterable[Key], *types: str) -> list[Json]:
        return [self.resources[key] for key in found if not types or key[0] in types]

    def referring(self, type_name: str, element: str, targets: Iterable[Key]) -> set[Key]:
        wanted = set(targets)
        return {key_of(one) for one in self.of(type_name) if wanted & set(references(one, (element,)))}


def references(resource: Json, elements: Iterable[str]) -> Iterator[Key]:
    for element in elements:
        value = resource.get(element, [])
        for one in value if isinstance(value, list) else [value]:
            type_name, resource_id, *_ = one["reference"].split("/")
            yield type_name, resource_id


def key_of(resource: Json) -> Key:
    return resource["resourceType"], resource["id"]


def keys_of(resources: Iterable[Json]) -> set[Key]:
    return {key_of(one) for one in resources}


def read_pharmacy(client: httpx.Client) -> Reads:
    """Writes a pharmacy, deletes a few of its resources, and reads every one that is left."""
    pharmacy = list(Pharmacy(random.Random(SEED)).resources())
    assert len(list(put_all(client, pharmacy))) == len(pharmacy)
    for key in DELETED:
        assert client.delete("/{}/{}".format(*key)).status_code == 204
    read = (client.get("/{}/{}".format(*key_of(one))) for one in pharmacy)
    there = [response.json() for response in read if response.status_code == 200]
    assert len(there) == sum(COUNTS.values()) - len(DELETED)
    return Reads({key_of(one): one for one in there})
