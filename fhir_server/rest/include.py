"""Resources a page includes beside its matches. https://hl7.org/fhir/R4/search.html#include."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from fhir_server.errors import Issue, TooCostly
from fhir_server.model.resource_types import RESOURCE_TYPES
from fhir_server.rest.included import forward_targets
from fhir_server.rest.message import Request
from fhir_server.rest.permission import sight, visible
from fhir_server.rest.server import Server
from fhir_server.search.indexer import Indexer
from fhir_server.search.limits import INCLUDED_MAX, ITERATE_DEPTH_MAX, LINKS_MAX
from fhir_server.search.query import Include
from fhir_server.search.sql import referring
from fhir_server.storage.database import Connection
from fhir_server.storage.read import Key, current_versions, versions_by_rid
from fhir_server.storage.version import Version


@dataclass(frozen=True, slots=True)
class Included:
    versions: Sequence[Version] = ()
    issues: Sequence[Issue] = ()


NOTHING: Final = Included()


async def include(
    connection: Connection, server: Server, request: Request, includes: Sequence[Include], matches: Sequence[Version]
) -> Included:
    """What the matches include, and with `:iterate` what that includes; each resource once, if its caller may see it.

    Raises `TooCostly` where there are more than INCLUDED_MAX.
    """
    seen = {(match.type_name, match.id) for match in matches}
    found: list[Version] = []
    issues: list[Issue] = []
    newest, asked = matches, includes
    for _ in range(ITERATE_DEPTH_MAX):
        met = await _round(connection, server, request, asked, newest)
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
    connection: Connection, server: Server, request: Request, includes: Sequence[Include], sources: Sequence[Version]
) -> dict[Key, Version]:
    """What some resources refer to, and what refers to them; those that are there, by type and id."""
    bodies = [(source.type_name, source.id, source.body or b"{}") for source in sources]
    keys = forward_targets(server.indexer.registry, includes, bodies, server.base_url)
    met = await visible(connection, server, request, (await current_versions(connection, keys)).values())
    tokens = list(islice(_links_to(server.indexer, includes, sources), LINKS_MAX + 1))
    if len(tokens) > LINKS_MAX:
        raise TooCostly(f"_revinclude looks for {LINKS_MAX} links at most: name a parameter or fewer rows")
    if tokens:
        seen = sight(server, request, "s")
        statement = referring(tokens, seen, server.indexer.hasher, INCLUDED_MAX + 1)
        found = await connection.execute(statement.sql, statement.values, prepare=False)
        referrers = await versions_by_rid(connection, [rid for (rid,) in await found.fetchall()])
        met += referrers
    return {(version.type_name, version.id): version for version in met if version.body}


def _links_to(indexer: Indexer, includes: Sequence[Include], sources: Sequence[Version]) -> Iterator[int]:
    """The tokens of the references to some resources that the reverse includes ask for."""
    hasher = indexer.hasher
    for one in includes:
        targets = [version for version in sources if one.reverse and one.target in ("", version.type_name)]
        for type_name in {version.type_name for version in targets}:
            names = list(_names_of_references(indexer, one, type_name))
            for version in targets:
                if version.type_name == type_name:
                    itself = f"{type_name}/{version.id}"
                    yield from (hasher.link(source, name, itself) for source, name in names)


def _names_of_references(indexer: Indexer, asked: Include, type_name: str) -> set[tuple[str, str]]:
    """Types and names of the parameters by which they may refer to a type."""
    return {
        (source, parameter.name)
        for source in ((asked.source,) if asked.source else RESOURCE_TYPES)
        for parameter in indexer.registry.parameters(source).values()
        if parameter.type == "reference"
        and (not asked.parameters or parameter.code in asked.parameters)
        and (not parameter.targets or type_name in parameter.targets)
    }
