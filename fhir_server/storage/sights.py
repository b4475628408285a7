"""A grant as predicates: what of each type its caller may do an interaction on."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from fhir_server.auth.compartments import kind_of, patient_parameters
from fhir_server.auth.grant import Grant, Rule
from fhir_server.errors import GalenicError
from fhir_server.model.resource_types import RESOURCE_TYPES
from fhir_server.search.boolean import And, Or
from fhir_server.search.consent import Consented
from fhir_server.search.criteria import Criteria
from fhir_server.search.predicate import Predicate
from fhir_server.search.registry import Registry
from fhir_server.search.resource import InCompartment
from fhir_server.search.sight import ALWAYS, NEVER, Sight, Unowned

SIGHTS_KEPT: Final = 1_024
"""Sights that are kept for the next request with the same grant (sights)."""

NO_CRITERIA: Final = frozenset({"_filter", "_has", "_list", "_query", "_text", "_content"})
"""Parameters that restrict no scope: they look at other resources, or at words no scope should hang on."""


@lru_cache(SIGHTS_KEPT)
def sight_of(registry: Registry, base_url: str, grant: Grant, interaction: str) -> Sight:
    """`interaction` is a letter of SMART's scopes."""
    parameters = patient_parameters(registry.definitions)
    criteria = Criteria(registry, base_url, datetime.now(UTC))
    consented = Consented(grant.actors, grant.purpose, _owners(grant.own)) if grant.actors else None
    said: list[Predicate] = [consented] if consented else []
    by_type: dict[str, Predicate] = {}
    by_rights: dict[str, Predicate] = {}
    for name in RESOURCE_TYPES:
        rules = grant.rules_for(name, interaction)
        rights = [(rule, _rights(name, rule, interaction, parameters)) for rule in rules]
        by_rights[name] = _all([_any([right for _, right in rights]), *said])
        by_type[name] = _all([_any([_all([right, _content(criteria, name, rule)]) for rule, right in rights]), *said])
    open_types = frozenset(name for name in RESOURCE_TYPES if grant.is_unrestricted(interaction, name))
    return Sight(_open(by_type), _open(by_rights), open_types, _owners_by_type(grant, interaction), consented)


def _owners(patients: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"Patient/{patient}" for patient in patients)


def _owners_by_type(grant: Grant, interaction: str) -> dict[str, frozenset[str]]:
    """The compartments that rules of a type are about; none for a type of which one rule is about all."""
    found: dict[str, frozenset[str]] = {}
    for name in RESOURCE_TYPES:
        patients = [rule.patients for rule in grant.rules_for(name, interaction)]
        if None not in patients:
            found[name] = frozenset(owner for one in patients for owner in _owners(one or ()))
    return found


def _rights(type_name: str, rule: Rule, interaction: str, parameters: Mapping[str, tuple[str, ...]]) -> Predicate:
    if rule.patients is None:
        return ALWAYS
    kind = kind_of(type_name, parameters)
    if kind == "closed":
        return NEVER
    owned = InCompartment(_owners(rule.patients))
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
