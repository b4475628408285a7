"""Membership in a compartment as a predicate. https://hl7.org/fhir/R4/compartmentdefinition.html."""

from fhir_server.errors import NotFound
from fhir_server.search.boolean import OnType, Or
from fhir_server.search.predicate import Predicate
from fhir_server.search.registry import Registry
from fhir_server.search.resource import HasId, InCompartment
from fhir_server.search.types.reference import RefersTo


def in_compartment(registry: Registry, owner_type: str, owner_id: str, member: str) -> Predicate:
    """Resources of `member` ("": of all types) in one compartment; raises `NotFound` where R4 has no such compartment.

    That of a patient is a column, by the reviewed table; those of others are asked of the parameters R4 names.
    """
    if owner_type == "Patient":
        return InCompartment((f"Patient/{owner_id}",))
    members = registry.definitions.compartments.get(owner_type)
    if members is None or (member and member not in members):
        raise NotFound(f"{member or 'Nothing'} is in no compartment of {owner_type}")
    parts = [
        OnType(name, one)
        for name in ([member] if member else members)
        for one in _parts(registry, name, members[name], owner_type, owner_id)
    ]
    return Or(tuple(parts))


def _parts(registry: Registry, name: str, codes: tuple[str, ...], owner_type: str, owner_id: str) -> list[Predicate]:
    parameters = registry.parameters(name)
    target = f"{owner_type}/{owner_id}"
    parts: list[Predicate] = [RefersTo(parameters[code].name, (target,)) for code in codes if code in parameters]
    return [*parts, HasId((owner_id,))] if name == owner_type else parts
