"""Resources a page includes beside its matches. https://hl7.org/fhir/R4/search.html#include."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fhir_server.errors import Issue, TooCostly
from fhir_server.model.resource_types import RESOURCE_TYPES
from fhir_server.rest.included import forward_targets
from fhir_server.rest.server import Server
from fhir_server.search.indexer import Indexer
from fhir_server.search.limits import INCLUDED_MAX, ITERATE_DEPTH_MAX
from fhir_server.search.query import Include
from fhir_server.storage.database import Connection
from fhir_server.storage.read import Key, current_versions, versions_by_rid
from fhir_server.storage.version import Version

REFERRERS: Final = "SELECT rid FROM search WHERE tokens && %(tokens)s::bigint[] ORDER BY rid LIMIT %(most)s"


@dataclass(frozen=True, slots=True)
class Included:
    versions: Sequence[Version] = ()
    issues: Sequence[Issue] = ()


NOTHING: Final = Included()


async def include(
    connection: Connection, server: Server, includes: Sequence[Include], matches: Sequence[Version]
) -> Included:
    """What the matches include, and with `:iterate` what that includes; each resource once.

    Raises `TooCostly` where there are more than INCLUDED_MAX.
    """
    seen = {(match.type_name, match.id) for match in matches}
    found: list[Version] = []
    issues: list[Issue] = []
    newest, asked = matches, includes
    for _ in range(ITERATE_DEPTH_MAX):
        met = await _round(connection, server, asked, newest)
        newest = [version for key, version in met.items() if key not in seen]
        iterated = [one for one in includes if one.iterate]
        if iterated and len(newest) < len(met):
            issues = [_told("A resource that :iterate met again is shown once")]
        seen |= met.keys()
        found += newest
        if len(found) > INCLUDED_MAX:
            raise TooCostly(f"The page includes more than {INCLUDED_MAX} resources; ask for fewer with _count")
        asked = iterated
        if not newest or not asked:
            return Included(found, issues)
    return Included(found, [*issues, _told(f":iterate was followed {ITERATE_DEPTH_MAX} times and not further")])


def _told(text: str) -> Issue:
    return Issue("informational", text, severity="information")


async def _round(
    connection: Connection, server: Server, includes: Sequence[Include], sources: Sequence[Version]
) -> dict[Key, Version]:
    """What some resources refer to, and what refers to them; those that are there, by type and id."""
    bodies = [(source.type_name, source.id, source.body or b"{}") for source in sources]
    keys = forward_targets(server.indexer.registry, includes, bodies, server.base_url)
    versions = await current_versions(connection, keys)
    tokens = list(_links_to(server.indexer, includes, sources))
    if tokens:
        most = {"tokens": tokens, "most": INCLUDED_MAX + 1}
        rids = [rid for (rid,) in await (await connection.execute(REFERRERS, most, prepare=False)).fetchall()]
        versions |= {(one.type_name, one.id): one for one in await versions_by_rid(connection, rids)}
    return {key: version for key, version in versions.items() if version.body}


def _links_to(indexer: Indexer, includes: Sequence[Include], sources: Sequence[Version]) -> Iterator[int]:
    """The tokens of the references to some resources that the reverse includes ask for."""
    targets = [f"{source.type_name}/{source.id}" for source in sources]
    for one in includes:
        if one.reverse:
            for source in (one.source,) if one.source else RESOURCE_TYPES:
                for name in _reference_names(indexer, source, one.parameters):
                    wanted = (t for t in targets if not one.target or t.startswith(one.target + "/"))
                    yield from (indexer.hasher.link(source, name, target) for target in wanted)


def _reference_names(indexer: Indexer, source: str, codes: Sequence[str]) -> set[str]:
    parameters = indexer.registry.parameters(source).values()
    return {p.name for p in parameters if p.type == "reference" and (not codes or p.code in codes)}
