"""What one caller may do: the scopes of a token cut by the role of its person, as rules on types and patients."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fhir_server.auth.access import BREAK_GLASS, Access
from fhir_server.auth.roles import ALLOWANCES, GUARDED, OWN_PATIENTS_ONLY
from fhir_server.auth.scopes import ANY_TYPE, INTERACTIONS, Scope, shared


@dataclass(frozen=True, slots=True)
class Rule:
    """`interactions` on resources of a type ("*": of all that are not guarded) that satisfy all `criteria`.

    `patients` are the ids of those in whose compartments they have to be; None: anybody's, and nobody's.
    """

    type_name: str
    interactions: str
    patients: tuple[str, ...] | None = None
    criteria: tuple[tuple[str, str], ...] = ()

    def covers(self, type_name: str, interaction: str) -> bool:
        named = self.type_name == type_name or (self.type_name == ANY_TYPE and type_name not in GUARDED)
        return named and interaction in self.interactions

    def includes(self, other: "Rule", interaction: str) -> bool:
        """Whether what `other` allows is among what this one allows."""
        patients = self.patients is None or (other.patients is not None and set(other.patients) <= set(self.patients))
        return self.covers(other.type_name, interaction) and patients and set(self.criteria) <= set(other.criteria)


@dataclass(frozen=True, slots=True)
class Grant:
    """One of `rules` has to cover what is done; without rules nothing is allowed.

    `actors` are the references a patient's Consent may name the caller by, for `purpose`; none: no Consent is asked.
    Of what is all in the compartments of `own` patients none is asked either.
    """

    rules: tuple[Rule, ...] = ()
    actors: tuple[str, ...] = ()
    purpose: str = ""
    own: tuple[str, ...] = ()

    def rules_for(self, type_name: str, interaction: str) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.covers(type_name, interaction))

    def allows(self, interaction: str, type_name: str = "") -> bool:
        """Whether the interaction is allowed on some resources of a type ("": of any type)."""
        if type_name:
            return bool(self.rules_for(type_name, interaction))
        return any(interaction in rule.interactions for rule in self.rules)

    def is_unrestricted(self, interaction: str, type_name: str) -> bool:
        """Whether it is allowed on every resource of the type, those that are not there yet included."""
        rules = self.rules_for(type_name, interaction)
        return any(rule.patients is None and not rule.criteria for rule in rules)

    def includes(self, other: "Grant", interaction: str) -> bool:
        """Whether whatever `other` allows, this one allows as well: each of its rules by one of these."""
        needed = [rule for rule in other.rules if interaction in rule.interactions]
        consented = (self.actors, self.purpose) == (other.actors, other.purpose) and set(other.own) <= set(self.own)
        return consented and all(any(rule.includes(one, interaction) for rule in self.rules) for one in needed)


NOTHING: Final = Grant()
EVERYTHING: Final = Grant((Rule(ANY_TYPE, INTERACTIONS), *(Rule(name, INTERACTIONS) for name in sorted(GUARDED))))
"""Of the command line, and of a server without authorization."""


def grant_of(access: Access) -> Grant:
    """Scopes that name no patient where they need one, or a level the role does not have, grant nothing.

    Patients have said nothing against themselves, and in an emergency what they have said is set aside.
    """
    rules = tuple(dict.fromkeys(_rules(access)))
    if access.purpose == BREAK_GLASS:
        return Grant(rules)
    return Grant(rules, (access.actor,), access.purpose, access.patients if access.role == "patient" else ())


def _rules(access: Access) -> Iterator[Rule]:
    for scope in access.scopes:
        if not _has_level(access, scope):
            continue
        patients = _patients(access, scope)
        for allowance in ALLOWANCES[access.role]:
            interactions = shared(scope.interactions, allowance.interactions)
            for type_name in allowance.types if interactions else ():
                both = _common_type(scope.type_name, type_name)
                if both and patients != ():
                    yield Rule(both, interactions, patients, scope.criteria)


def _has_level(access: Access, scope: Scope) -> bool:
    """Systems have no user, and people are no system."""
    return (access.role == "integration") is (scope.level == "system") or scope.level == "patient"


def _patients(access: Access, scope: Scope) -> tuple[str, ...] | None:
    """Those a scope is about; none where the context has no patient, or one the person has nothing to do with."""
    own_only = access.role in OWN_PATIENTS_ONLY
    if scope.level != "patient":
        return access.patients if own_only else None
    if access.patient is None or (own_only and access.patient not in access.patients):
        return ()
    return (access.patient,)


def _common_type(of_scope: str, of_role: str) -> str | None:
    """A role that may do something on all types may not on guarded ones."""
    if of_role == ANY_TYPE:
        return None if of_scope in GUARDED else of_scope
    return of_role if of_scope in (ANY_TYPE, of_role) else None
