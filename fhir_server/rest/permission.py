"""Whether a request may be made at all, and what of the store its caller sees.

A type no rule covers is refused before anything is looked up; what a rule does not reach is treated as not there.
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from fhir_server.auth.compartments import kind_of, patient_parameters
from fhir_server.auth.grant import Grant, Rule
from fhir_server.errors import Forbidden, GalenicError
from fhir_server.model.resource_types import RESOURCE_TYPES
from fhir_server.rest.message import Request
from fhir_server.rest.route import Route
from fhir_server.rest.server import Server
from fhir_server.search.boolean import And, Or
from fhir_server.search.consent import Consented
from fhir_server.search.criteria import Criteria
from fhir_server.search.predicate import Predicate
from fhir_server.search.registry import Registry
from fhir_server.search.resource import InCompartment
from fhir_server.search.sight import ALWAYS, NEVER, Sight, Unowned
from fhir_server.storage.consents import permitted
from fhir_server.storage.database import Connection
from fhir_server.storage.judge import Guard, shown, shows
from fhir_server.storage.version import Version

GRANTS_KEPT: Final = 1_024
"""Sights that are kept for the next request with the same grant (grants)."""

NO_CRITERIA: Final = frozenset({"_filter", "_has", "_list", "_query", "_text", "_content"})
"""Parameters that restrict no scope: they look at other resources, or at words no scope should hang on."""

ANY_MEMBER: Final = "*"


def permit(route: Route, request: Request) -> None:
    """Raises `Forbidden` where no scope allows the interaction on any resource of the type."""
    type_name = request.member or request.type_name
    for interaction in route.needs:
        if not request.grant.allows(interaction, "" if type_name == ANY_MEMBER else type_name):
            raise refused(interaction, type_name)
    if route.needs_all and not all(request.grant.is_unrestricted(i, name) for i, name in route.needs_all):
        raise Forbidden("This operation concerns the whole installation, and the token covers less")


def refused(interaction: str, type_name: str) -> Forbidden:
    return Forbidden(f"The token has no scope like {type_name or ANY_MEMBER}.{interaction} for this")


def sight(server: Server, request: Request, interaction: str) -> Sight:
    """What the caller may do an interaction of INTERACTIONS on."""
    return _sight(server.indexer.registry, server.base_url, request.grant, interaction)


def guard(server: Server, request: Request) -> Guard:
    """What a write of the request is held to."""
    return Guard(*(sight(server, request, interaction) for interaction in "rcud"))


async def visible(
    connection: Connection, server: Server, request: Request, versions: Iterable[Version], interaction: str = "r"
) -> list[Version]:
    """Those of some versions that the caller may see, in their order."""
    return await shown(connection, sight(server, request, interaction), server.indexer, versions)


async def known(server: Server, request: Request, version: Version | None) -> Version | None:
    """The version, if the caller may see it; a connection is only needed to ask for Consents."""
    seen = sight(server, request, "r")
    if version is None or not shows(seen, server.indexer, version):
        return None
    if seen.consented is None or not (version.compartments or version.labels):
        return version
    async with server.database.read_connection() as connection:
        found = await permitted(connection, seen.consented, server.indexer.hasher, [version])
    return found[0] if found else None


@lru_cache(GRANTS_KEPT)
def _sight(registry: Registry, base_url: str, grant: Grant, interaction: str) -> Sight:
    parameters = patient_parameters(registry.definitions)
    criteria = Criteria(registry, base_url, datetime.now(UTC))
    consented = Consented(grant.actors, grant.purpose) if grant.actors else None
    said: list[Predicate] = [consented] if consented else []
    by_type: dict[str, Predicate] = {}
    by_rights: dict[str, Predicate] = {}
    for name in RESOURCE_TYPES:
        rules = grant.rules_for(name, interaction)
        rights = [(rule, _rights(name, rule, interaction, parameters)) for rule in rules]
        by_rights[name] = _all([_any([right for _, right in rights]), *said])
        by_type[name] = _all([_any([_all([right, _content(criteria, name, rule)]) for rule, right in rights]), *said])
    open_types = frozenset(name for name in RESOURCE_TYPES if grant.is_unrestricted(interaction, name))
    return Sight(_open(by_type), _open(by_rights), open_types, consented)


def _rights(type_name: str, rule: Rule, interaction: str, parameters: Mapping[str, tuple[str, ...]]) -> Predicate:
    if rule.patients is None:
        return ALWAYS
    kind = kind_of(type_name, parameters)
    if kind == "closed":
        return NEVER
    owned = InCompartment(tuple(f"Patient/{patient}" for patient in rule.patients))
    reads_free = kind == "free" and interaction in "rs"
    return Or((owned, Unowned())) if reads_free else owned


def _content(criteria: Criteria, type_name: str, rule: Rule) -> Predicate:
    """What a scope's own search parameters ask; one that is not understood lets nothing through."""
    try:
        return _all([_criterion(criteria, type_name, name, text) for name, text in rule.criteria])
    except GalenicError:
        return NEVER


def _criterion(criteria: Criteria, type_name: str, name: str, text: str) -> Predicate:
    if "." in name or name.partition(":")[0] in NO_CRITERIA:
        return NEVER
    return criteria.of_type(type_name, name, text)


def _all(parts: list[Predicate]) -> Predicate:
    needed = tuple(part for part in parts if part != ALWAYS)
    if NEVER in needed:
        return NEVER
    return needed[0] if len(needed) == 1 else And(needed)


def _any(parts: list[Predicate]) -> Predicate:
    found = tuple(dict.fromkeys(part for part in parts if part != NEVER))
    if ALWAYS in found:
        return ALWAYS
    return found[0] if len(found) == 1 else Or(found)


def _open(by_type: dict[str, Predicate]) -> dict[str, Predicate]:
    """Without the types that are closed."""
    return {name: part for name, part in by_type.items() if part != NEVER}
