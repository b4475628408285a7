"""Grants: scopes cut by roles."""

from dataclasses import replace

import pytest

from fhir_server.auth.access import Access
from fhir_server.auth.grant import EVERYTHING, NOTHING, Rule, grant_of
from fhir_server.auth.roles import ALLOWANCES, ROLES, SECOND_FACTOR, Role
from fhir_server.auth.scopes import ANY_TYPE, INTERACTIONS, parse_scopes
from fhir_server.model.resource_types import NUMBERS


def an_access(role: Role, scopes: str, patient: str | None = None, patients: tuple[str, ...] = ()) -> Access:
    return Access("Practitioner/1", "app", role, parse_scopes(scopes), patient, patients)


def test_the_role_cuts_what_the_scope_allows() -> None:
    grant = grant_of(an_access("technician", "user/*.cruds"))
    assert grant.allows("c", "MedicationDispense")
    assert not grant.allows("c", "MedicationRequest")
    assert not grant.allows("r", "Observation")


def test_the_scope_cuts_what_the_role_allows() -> None:
    grant = grant_of(an_access("pharmacist", "user/MedicationRequest.r"))
    assert grant.allows("r", "MedicationRequest")
    assert not grant.allows("s", "MedicationRequest")
    assert not grant.allows("r", "Patient")


def test_a_patient_sees_the_own_compartment_whatever_the_level_of_the_scope() -> None:
    for scopes in ("patient/*.rs", "user/*.rs"):
        grant = grant_of(an_access("patient", scopes, "a", ("a",)))
        assert grant.rules == (Rule(ANY_TYPE, "rs", ("a",)),)


def test_a_patient_in_the_context_of_somebody_else_sees_nothing() -> None:
    assert grant_of(an_access("patient", "patient/*.rs", "b", ("a",))).rules == NOTHING.rules


def test_a_patient_scope_without_a_patient_in_context_grants_nothing() -> None:
    assert grant_of(an_access("pharmacist", "patient/*.rs")).rules == NOTHING.rules


def test_a_pharmacist_in_a_patients_context_sees_that_patient_only() -> None:
    grant = grant_of(an_access("pharmacist", "patient/Observation.rs", "a"))
    assert {rule.patients for rule in grant.rules} == {("a",)}


def test_a_caregiver_sees_those_they_care_for() -> None:
    grant = grant_of(an_access("caregiver", "user/Observation.rs", None, ("a", "b")))
    assert grant.rules == (Rule("Observation", "rs", ("a", "b")),)


@pytest.mark.parametrize("role", [role for role in ROLES if role != "integration"])
def test_system_scopes_are_for_systems(role: Role) -> None:
    assert grant_of(an_access(role, "system/*.cruds")).rules == NOTHING.rules


def test_user_scopes_are_not_for_systems() -> None:
    assert grant_of(an_access("integration", "user/*.cruds")).rules == NOTHING.rules


@pytest.mark.parametrize(
    ("role", "purpose", "asked"),
    [
        ("pharmacist", "TREAT", True),
        ("caregiver", "TREAT", True),
        ("patient", "TREAT", True),
        ("prescriber", "BTG", False),
    ],
)
def test_consents_are_asked_of_everybody_but_in_an_emergency(role: Role, purpose: str, asked: bool) -> None:
    access = replace(an_access(role, "user/*.rs", None, ("a",)), purpose=purpose)
    grant = grant_of(access)
    assert bool(grant.actors) is asked
    assert grant.own == (("a",) if role == "patient" else ())


@pytest.mark.parametrize("role", ROLES)
def test_only_auditors_read_the_audit_trail_and_nobody_writes_it(role: Role) -> None:
    grant = grant_of(an_access(role, "user/*.cruds user/AuditEvent.cruds system/*.cruds system/AuditEvent.cruds"))
    allowed = {letter for letter in INTERACTIONS if grant.allows(letter, "AuditEvent")}
    assert allowed == ({"r", "s"} if role == "auditor" else set())


def test_criteria_stay_with_their_scope() -> None:
    grant = grant_of(an_access("pharmacist", "user/MedicationRequest.rs?status=active user/MedicationRequest.c"))
    assert not grant.is_unrestricted("r", "MedicationRequest")
    assert grant.is_unrestricted("c", "MedicationRequest")


def test_everything_is_everything() -> None:
    assert all(EVERYTHING.is_unrestricted(letter, name) for letter in INTERACTIONS for name in NUMBERS)


def test_each_row_of_a_role_names_types_of_r4_and_a_reason() -> None:
    for role in ROLES:
        for allowance in ALLOWANCES[role]:
            assert set(allowance.types) <= NUMBERS.keys() | {ANY_TYPE}
            assert allowance.interactions == "".join(x for x in INTERACTIONS if x in allowance.interactions)
            assert len(allowance.reason) > 10


def test_who_touches_controlled_substances_needs_a_second_factor() -> None:
    writers = {role for role in ROLES for one in ALLOWANCES[role] if {"MedicationRequest", "MedicationDispense"}
               & set(one.types) and "c" in one.interactions}  # fmt: skip
    assert writers <= SECOND_FACTOR | {"integration"}


INCLUDED = [
    ("user/*.rs", "user/Observation.r", True),
    ("user/Observation.r user/MedicationRequest.r", "user/MedicationRequest.rs user/Observation.cruds", True),
    ("user/Observation.r", "user/Observation.r?code=x", True),
    ("user/Observation.rs", "patient/Observation.rs", True),
    ("user/Observation.s", "user/Observation.r", False),
    ("user/Observation.r", "user/*.r", False),
    ("user/Observation.r?code=x", "user/Observation.r", False),
    ("user/Observation.r?code=x", "user/Observation.r?code=y", False),
    ("patient/Observation.r", "user/Observation.r", False),
]


@pytest.mark.parametrize(("wide", "narrow", "is_included"), INCLUDED)
def test_a_grant_includes_another_that_may_do_no_more(wide: str, narrow: str, is_included: bool) -> None:
    one, other = [grant_of(an_access("pharmacist", scopes, "a")) for scopes in (wide, narrow)]
    assert one.includes(other, "r") is is_included
    assert one.includes(one, "r")


def test_a_grant_includes_another_of_the_same_patients_and_of_fewer() -> None:
    both, one = [grant_of(an_access("caregiver", "user/*.rs", None, own)) for own in (("a", "b"), ("b",))]
    assert both.includes(one, "r")
    assert not one.includes(both, "r")


def test_a_grant_in_the_context_of_a_patient_includes_none_in_that_of_another() -> None:
    one, other = [grant_of(an_access("pharmacist", "patient/*.rs", patient)) for patient in ("a", "b")]
    assert not one.includes(other, "r")


def test_a_grant_includes_no_other_for_which_consents_are_asked_in_another_way() -> None:
    one = grant_of(an_access("pharmacist", "user/*.rs"))
    for changed in ({"actors": ("Practitioner/2",)}, {"purpose": "BTG"}, {"own": ("a",)}):
        assert not one.includes(replace(one, **changed), "r")
    assert EVERYTHING.includes(EVERYTHING, "r")
    assert not one.includes(EVERYTHING, "r")
