"""What of the asked scopes is granted, and in which words."""

import random

import pytest

from fhir_server.auth.roles import ALLOWANCES, GUARDED, ROLES
from fhir_server.auth.scopes import ANY_TYPE, parse_scope
from fhir_server.identity.granting import for_role, needs_patient, within, words

ALLOWED = words("openid launch/patient patient/*.rs user/Observation.cruds user/Patient.rs?active=true")


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("patient/*.rs", "patient/*.rs"),
        ("patient/*.read", "patient/*.read"),
        ("patient/*.cruds", "patient/*.rs"),
        ("patient/*.*", "patient/*.read"),
        ("patient/*.write", ""),
        ("patient/Observation.rs", "patient/Observation.rs"),
        ("patient/Observation.rs?category=laboratory", "patient/Observation.rs?category=laboratory"),
        ("patient/Observation.s", "patient/Observation.s"),
        ("user/*.cruds", "user/Observation.cruds user/Patient.rs?active=true"),
        ("user/*.*", "user/Observation.* user/Patient.rs?active=true"),
        ("user/Observation.write", "user/Observation.write"),
        ("system/*.rs", ""),
        ("openid fhirUser profile", "openid"),
        ("launch/patient launch/patient openid openid", "launch/patient openid"),
        ("nonsense patient/Nonsense.rs patient/*.sr patient/*.", ""),
        ("", ""),
    ],
)
def test_what_is_asked_is_cut_to_what_a_client_may_have(asked, granted):
    assert set(within(words(asked), ALLOWED)) == set(words(granted))


def test_the_order_is_that_of_the_question():
    assert within(words("user/Observation.rs openid patient/*.rs"), ALLOWED) == (
        "user/Observation.rs",
        "openid",
        "patient/*.rs",
    )


@pytest.mark.parametrize(
    ("role", "asked", "granted"),
    [
        ("pharmacist", "user/*.rs", "user/*.rs"),
        ("pharmacist", "user/MedicationDispense.cruds", "user/MedicationDispense.crus"),
        ("pharmacist", "user/AuditEvent.rs", ""),
        ("auditor", "user/AuditEvent.rs user/Patient.rs", "user/AuditEvent.rs"),
        ("auditor", "user/AuditEvent.cruds", "user/AuditEvent.rs"),
        ("integration", "system/*.cruds user/*.rs patient/*.rs", "system/*.cruds"),
        ("integration", "system/AuditEvent.rs", ""),
        ("administrator", "user/Patient.rs", ""),
        ("patient", "patient/*.rs openid offline_access", "patient/*.rs openid offline_access"),
        ("patient", "patient/MedicationRequest.write", ""),
        ("patient", "patient/*.*", None),
    ],
)
def test_what_is_asked_is_cut_to_what_a_role_may_have(role, asked, granted):
    found = for_role(words(asked), role)
    if granted is None:
        assert "patient/*.read" in found
        assert "patient/Task.c" in found
        return
    assert found == words(granted)


@pytest.mark.parametrize("role", ROLES)
def test_no_role_is_granted_what_no_row_of_its_table_allows(role):
    generator = random.Random(role)
    types = (ANY_TYPE, "Patient", "Observation", "MedicationRequest", "AuditEvent", "Task", "Subscription")
    asked = [
        f"{generator.choice(('patient', 'user', 'system'))}/{generator.choice(types)}"
        f".{generator.choice(('cruds', 'rs', 'cu', 'read', 'write', '*', 'd', 'us'))}"
        for _ in range(200)
    ]
    for word in for_role(asked, role):
        scope = parse_scope(word)
        rows = [row for row in ALLOWANCES[role] if {scope.type_name, ANY_TYPE} & set(row.types)]
        allowed = {letter for row in rows for letter in row.interactions}
        assert set(scope.interactions) <= allowed, word
        assert scope.type_name not in GUARDED or any(scope.type_name in row.types for row in rows)
        assert (scope.level == "system") is (role == "integration")


@pytest.mark.parametrize(
    ("asked", "needed"),
    [("patient/*.rs", True), ("launch/patient", True), ("user/*.rs openid", False), ("launch user/Patient.rs", False)],
)
def test_a_patient_is_needed_where_scopes_are_about_one(asked, needed):
    assert needs_patient(words(asked)) is needed
