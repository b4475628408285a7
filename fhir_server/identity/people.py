"""People: who may log in, in which role, and which FHIR resource and patients they are linked to."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from fhir_server.auth.roles import OWN_PATIENTS_ONLY, ROLES, SECOND_FACTOR, Role
from fhir_server.errors import Conflict, Invalid
from fhir_server.identity.sessions import ALIVE
from fhir_server.identity.transactions import Transaction, Transactions

PEOPLE_ROLES: Final[tuple[Role, ...]] = tuple(role for role in ROLES if role != "integration")
"""Roles a person can have; systems have the other one."""

LOGIN_CHARACTERS_MAX: Final = 200
"""A longer login is nobody's (characters)."""

NAME_CHARACTERS_MAX: Final = 200
"""Longest name that is shown (characters)."""

FHIR_USER_TYPES: Final[Mapping[Role, tuple[str, ...]]] = {
    "patient": ("Patient",),
    "caregiver": ("RelatedPerson", "Patient"),
}
"""What a person in a role is in FHIR; those of other roles are practitioners.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-identity-data
"""
PRACTITIONERS: Final = ("Practitioner", "PractitionerRole")

_LOGIN = re.compile(r"[^\s\x00-\x1f]{1,200}\Z")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")

COLUMNS: Final = "id::text, login, display_name, role, fhir_user, patients, disabled"
FIND: Final = f"SELECT {COLUMNS} FROM person WHERE id = %s"  # noqa: S608 - columns of ours
FIND_LOGIN: Final = f"SELECT {COLUMNS} FROM person WHERE login = %s"  # noqa: S608 - the same
FIND_LINKED: Final = f"""
SELECT {COLUMNS} FROM person WHERE id = (SELECT person FROM identity_link WHERE issuer = %s AND subject = %s)
"""  # noqa: S608 - the same
LIST: Final = f"SELECT {COLUMNS} FROM person ORDER BY login"  # noqa: S608 - the same
ADD: Final = """
INSERT INTO person (login, display_name, role, fhir_user, patients, password_hash)
VALUES (%s, %s, %s, %s, %s, %s) RETURNING id::text
"""


@dataclass(frozen=True, slots=True)
class Person:
    """`fhir_user` is a reference; `patients` are ids of those the person is, or cares for."""

    id: str
    login: str
    display_name: str
    role: Role
    fhir_user: str
    patients: tuple[str, ...]
    disabled: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "patients", tuple(self.patients))  # the database hands over a list

    @property
    def needs_second_factor(self) -> bool:
        return self.role in SECOND_FACTOR

    @property
    def has_own_patients_only(self) -> bool:
        return self.role in OWN_PATIENTS_ONLY


class People:
    """Reads people, each time from the database: who was disabled is out at once."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def find(self, person_id: str) -> Person | None:
        return self._one(FIND, (person_id,)) if _is_uuid(person_id) else None

    def find_linked(self, issuer: str, subject: str) -> Person | None:
        """Who an administrator said this is."""
        return self._one(FIND_LINKED, (issuer, subject))

    def everyone(self) -> list[Person]:
        with self._transactions.begin() as transaction, transaction.cursor(row_factory=class_row(Person)) as cursor:
            return cursor.execute(LIST).fetchall()

    def session_is_alive(self, session_id: str) -> bool:
        """Whether the person is still logged in: for the refresh tokens of `online_access`."""
        if not _is_uuid(session_id):
            return False
        with self._transactions.begin() as transaction:
            return transaction.execute(ALIVE, (session_id,)).fetchone() is not None

    def _one(self, query: str, values: Sequence[str]) -> Person | None:
        with self._transactions.begin() as transaction:
            return one(transaction, query, values)


def with_login(transaction: Transaction, login: str) -> Person | None:
    return one(transaction, FIND_LOGIN, (folded(login),))


def one(transaction: Transaction, query: str, values: Sequence[str]) -> Person | None:
    """Who is found by FIND, FIND_LOGIN or FIND_LINKED."""
    with transaction.cursor(row_factory=class_row(Person)) as cursor:
        return cursor.execute(query, values).fetchone()


@dataclass(frozen=True, slots=True)
class NewPerson:
    """`patients` are for roles that see their own only; a patient's is the one of `fhir_user`."""

    login: str
    display_name: str
    role: str
    fhir_user: str
    patients: tuple[str, ...] = ()


def add(transaction: Transaction, new: NewPerson, password_hash: str | None) -> Person:
    """Raises `Invalid` for what cannot be linked, `Conflict` where the login is taken."""
    person = checked(new)
    values = (person.login, person.display_name, person.role, person.fhir_user, list(person.patients), password_hash)
    try:
        with transaction.transaction():
            row = transaction.execute(ADD, values).fetchone()
    except UniqueViolation as error:
        raise Conflict(f"The login {person.login} is taken") from error
    assert row is not None  # noqa: S101 - RETURNING of an insert
    return replace(person, id=row["id"])


def checked(new: NewPerson) -> Person:
    """What would be stored, without an id; raises `Invalid`."""
    role = next((role for role in PEOPLE_ROLES if role == new.role), None)
    if role is None:
        raise Invalid(f"The role of a person is one of {', '.join(PEOPLE_ROLES)}")
    login, name = folded(new.login), new.display_name.strip()
    if not _LOGIN.match(login):
        raise Invalid(f"A login has 1 to {LOGIN_CHARACTERS_MAX} characters and no blank")
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX or not name.isprintable():
        raise Invalid(f"A name has 1 to {NAME_CHARACTERS_MAX} characters that can be shown")
    return Person("", login, name, role, _fhir_user(role, new.fhir_user), _patients(role, new), disabled=False)


def folded(login: str) -> str:
    """One spelling of a login: case, width and blanks around it do not matter."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", login).casefold()).strip()


def _fhir_user(role: Role, reference: str) -> str:
    types = FHIR_USER_TYPES.get(role, PRACTITIONERS)
    type_name, _, resource_id = reference.partition("/")
    if type_name not in types or not _ID.match(resource_id):
        raise Invalid(f"A {role} is linked to a reference such as {types[0]}/1, of {' or '.join(types)}")
    return reference


def _patients(role: Role, new: NewPerson) -> tuple[str, ...]:
    if role == "patient":
        own = new.fhir_user.partition("/")[2]
        if set(new.patients) - {own}:
            raise Invalid("A patient is linked to the own record; who reads those of others is a caregiver")
        return (own,)
    if role == "caregiver" and not new.patients:
        raise Invalid("A caregiver is linked to at least one patient")
    if role != "caregiver" and new.patients:
        raise Invalid(f"A {role} is linked to no patients: the role says which records can be read")
    if not all(_ID.match(patient) for patient in new.patients):
        raise Invalid("A patient is named by the id of the Patient resource")
    return tuple(dict.fromkeys(new.patients))


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
