"""Passwords and logins, without a database."""

import pytest
from argon2 import PasswordHasher

from fhir_server.errors import Invalid
from fhir_server.identity.lockout import network_of
from fhir_server.identity.passwords import CHARACTERS_MIN, Passwords, generated, problem_of
from fhir_server.identity.people import NewPerson, checked, folded
from tests.builders.people import CHEAP, PASSWORD


def test_a_password_is_verified_and_another_is_not():
    passwords = Passwords(CHEAP)
    stored = passwords.hash(PASSWORD)
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored
    assert passwords.verify(stored, PASSWORD)
    assert not passwords.verify(stored, PASSWORD + "x")


def test_nobodys_password_is_looked_at_and_is_never_right():
    asked = []

    class Watched(PasswordHasher):
        def verify(self, stored, password):
            asked.append(stored)
            return super().verify(stored, password)

    passwords = Passwords(Watched(time_cost=1, memory_cost=8, parallelism=1))
    assert not passwords.verify(None, PASSWORD)
    assert len(asked) == 1
    assert asked[0].startswith("$argon2id$")


def test_the_dummy_costs_what_a_password_costs():
    passwords = Passwords()
    assert not passwords.is_outdated(passwords._dummy)
    assert "m=65536,t=3" in passwords._dummy


def test_other_parameters_make_a_hash_outdated():
    stored = Passwords(CHEAP).hash(PASSWORD)
    assert Passwords().is_outdated(stored)
    assert not Passwords(CHEAP).is_outdated(stored)


def test_a_broken_hash_is_a_wrong_password():
    assert not Passwords(CHEAP).verify("nonsense", PASSWORD)


def test_the_same_letters_from_another_keyboard_are_the_same_password():
    passwords = Passwords(CHEAP)
    assert passwords.verify(passwords.hash("cafe\u0301 au lait, please"), "caf\u00e9 au lait, please")


@pytest.mark.parametrize("password", ["short", "x" * 201, "aaaaaaaaaaaaaaaa", "my-login-is-amara"])
def test_a_password_that_is_easily_guessed_is_refused(password):
    assert problem_of(password, "amara")


def test_a_long_password_is_taken_and_a_generated_one_too():
    assert problem_of(PASSWORD, "amara") is None
    assert problem_of(generated(), "amara") is None
    assert len(generated()) >= CHARACTERS_MIN
    assert generated() != generated()


@pytest.mark.parametrize("login", ["AMARA", " amara ", "Ａｍａｒａ"])
def test_a_login_has_one_spelling(login):
    assert folded(login) == "amara"


@pytest.mark.parametrize(
    ("role", "fhir_user", "patients"),
    [
        ("integration", "Device/1", ()),
        ("king", "Practitioner/1", ()),
        ("patient", "Practitioner/1", ()),
        ("patient", "Patient/1", ("2",)),
        ("pharmacist", "Patient/1", ()),
        ("pharmacist", "Practitioner/1", ("1",)),
        ("pharmacist", "Practitioner/1/_history/2", ()),
        ("caregiver", "RelatedPerson/1", ()),
        ("caregiver", "RelatedPerson/1", ("a/b",)),
    ],
)
def test_who_is_linked_to_the_wrong_things_is_refused(role, fhir_user, patients):
    with pytest.raises(Invalid):
        checked(NewPerson("amara", "Amara", role, fhir_user, patients))


@pytest.mark.parametrize(("login", "name"), [("", "A"), ("a b", "A"), ("x" * 201, "A"), ("a", ""), ("a", "A\nB")])
def test_a_login_or_a_name_that_cannot_be_shown_is_refused(login, name):
    with pytest.raises(Invalid):
        checked(NewPerson(login, name, "patient", "Patient/1"))


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_all_addresses_of_one_customer_are_counted_together(address, counted):
    assert network_of(address) == counted


def test_a_patient_sees_the_own_record_only():
    assert checked(NewPerson("amara", "Amara", "patient", "Patient/7")).patients == ("7",)
