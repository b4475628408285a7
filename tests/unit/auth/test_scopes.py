"""Scopes: what is understood, and what two of them have in common."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.auth.scopes import INTERACTIONS, Scope, common, granted, parse_scope, parse_scopes, shared

LETTERS = st.sets(st.sampled_from(INTERACTIONS), min_size=1).map(lambda found: shared(INTERACTIONS, "".join(found)))
CRITERIA = st.sets(st.tuples(st.sampled_from(["category", "status"]), st.sampled_from(["a", "b|c"])), max_size=2)
SCOPES = st.builds(
    Scope,
    st.sampled_from(["patient", "user", "system"]),
    st.sampled_from(["*", "Observation", "Patient", "MedicationRequest"]),
    LETTERS,
    CRITERIA.map(lambda found: tuple(sorted(found))),
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("patient/Observation.rs", "patient/Observation.rs"),
        ("patient/Observation.read", "patient/Observation.rs"),
        ("user/*.write", "user/*.cud"),
        ("system/*.*", "system/*.cruds"),
        ("user/Patient.c", "user/Patient.c"),
        ("patient/MedicationRequest.rs?status=active", "patient/MedicationRequest.rs?status=active"),
        (
            "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs",
            "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs",
        ),
    ],
)
def test_a_scope_of_either_version_is_shown_as_the_second_writes_it(text: str, shown: str) -> None:
    assert str(parse_scope(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "openid", "launch/patient", "patient/Observation", "patient/Observation.", "patient/Observation.sr",
        "patient/Observation.rr", "patient/observation.rs", "patient/Nothing.rs", "group/Patient.rs", "Patient.rs",
        "patient/Observation.read?status=final", "patient/Observation.rs?", "patient/Observation.rs?status",
        " patient/Observation.rs", "patient/Observation.rs\n", "patient/*.rs?" + "a=b&" * 1_000,
    ],
)  # fmt: skip
def test_what_is_no_scope_of_resources_is_none(text: str) -> None:
    assert parse_scope(text) is None


def test_unknown_and_repeated_scopes_do_not_spoil_the_others() -> None:
    found = parse_scopes("launch/patient patient/Patient.rs  nonsense patient/Patient.read openid")
    assert [str(scope) for scope in found] == ["patient/Patient.rs"]


@given(SCOPES)
def test_a_scope_is_read_back_as_it_is_shown(scope: Scope) -> None:
    assert parse_scope(str(scope)) == scope


@given(SCOPES, SCOPES)
def test_what_two_scopes_have_in_common_is_no_wider_than_either(one: Scope, other: Scope) -> None:
    both = common(one, other)
    assert both == common(other, one)
    if both is not None:
        for limit in (one, other):
            assert limit.type_name in ("*", both.type_name)
            assert set(both.interactions) <= set(limit.interactions)
            assert set(both.criteria) >= set(limit.criteria)


def test_more_than_is_allowed_is_cut_and_not_refused() -> None:
    allowed = parse_scopes("patient/Patient.rs patient/MedicationRequest.r")
    found = granted(parse_scopes("patient/*.cruds user/Patient.rs"), allowed)
    assert [str(scope) for scope in found] == ["patient/Patient.rs", "patient/MedicationRequest.r"]
