"""Referential integrity: local references must resolve, and what is referred to may not be deleted under them.

https://hl7.org/fhir/R4/http.html#integrity
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ARRAY, BigInteger, bindparam, cast, literal_column, select

from fhir_server import tables
from fhir_server.errors import Issue
from fhir_server.model.resource_types import RESOURCE_TYPES
from fhir_server.model.walk import ReferenceSite, references
from fhir_server.search.indexer import Indexer
from fhir_server.search.types.reference import local_reference
from fhir_server.storage.database import Connection
from fhir_server.storage.read import Key, lock_targets
from fhir_server.storage.statements import compile_template

Integrity = Literal["off", "warn", "enforce"]

REFERRERS = compile_template(
    select(tables.search.c.rid)
    .where(tables.search.c.tokens.overlap(cast(bindparam("tokens"), ARRAY(BigInteger))))
    .limit(literal_column("1"))
)


@dataclass(frozen=True, slots=True)
class Link:
    """A reference to a resource of this server."""

    key: Key
    site: ReferenceSite
    inside: str
    """The FHIRPath of the resource it stands in."""

    @property
    def place(self) -> str:
        """Its FHIRPath; asked for only where it leads nowhere."""
        return self.inside + "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in self.site.path)


def local_links(resource: dict[str, Any], base_url: str, inside: str) -> Iterator[Link]:
    """The references of `resource`, which stands at the FHIRPath `inside`, to this server's resources.

    A stored Bundle is a document of its own: what its entries refer to is resolved within it.
    """
    if resource.get("resourceType") == "Bundle":
        return
    for site in references(resource):
        local = local_reference(site.reference, base_url)
        if local:
            target_type, _, target_id = local.partition("/")
            yield Link((target_type, target_id), site, inside)


async def dangling(connection: Connection, links: Iterable[Link], written: set[Key], deleted: set[Key]) -> list[Issue]:
    """Issues for links to nothing; the targets that are there stay until this transaction has ended.

    `written` and `deleted` are those of this transaction itself.
    """
    wanted = [link for link in links if link.key not in written]
    alive = await lock_targets(connection, {link.key for link in wanted}) - deleted
    return [
        Issue("not-found", f"There is no {'/'.join(link.key)} to refer to", link.place)
        for link in wanted
        if link.key not in alive
    ]


async def is_referred_to(connection: Connection, indexer: Indexer, key: Key) -> bool:
    """Whether a reference that is a search parameter leads to `key`."""
    cursor = await connection.execute(REFERRERS, {"tokens": list(_tokens(indexer, key))})
    return await cursor.fetchone() is not None


def _tokens(indexer: Indexer, key: Key) -> Iterator[int]:
    text = "/".join(key)
    for name in RESOURCE_TYPES:
        for parameter in indexer.registry.parameters(name).values():
            if parameter.type == "reference":
                yield indexer.hasher.link(name, parameter.name, text)
