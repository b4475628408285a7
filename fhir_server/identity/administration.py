"""What administrators do to people, each with its record: any change of access is one (21 CFR 1311.150, 1311.215)."""

from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from psycopg.errors import UniqueViolation

from fhir_server.audit.interactions import ACCESS_CONTROL
from fhir_server.audit.record import Record
from fhir_server.auth.access import TREATMENT
from fhir_server.auth.context import Context
from fhir_server.errors import Conflict, Invalid, NotFound
from fhir_server.identity import people, sessions
from fhir_server.identity.lockout import Lockout
from fhir_server.identity.passwords import Passwords, problem_of
from fhir_server.identity.people import NewPerson, Person
from fhir_server.identity.second_factor import SecondFactors
from fhir_server.identity.trail import OK, record
from fhir_server.identity.transactions import Transaction, Transactions

EXISTS: Final = """
SELECT FROM directory d JOIN resource r ON r.rid = d.rid JOIN resource_type t ON t.number = d.type
WHERE t.name = %s AND d.id = %s AND r.body IS NOT NULL
"""
UPDATE_HASH: Final = "UPDATE person SET password_hash = %s WHERE id = %s"
UPDATE_DISABLED: Final = "UPDATE person SET disabled = %s WHERE id = %s"
LINK: Final = "INSERT INTO identity_link (issuer, subject, person) VALUES (%s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Administration:
    """`operator` says who does it, as the audit trail shows it. Raises `Invalid`, `Conflict` and `NotFound`."""

    transactions: Transactions
    passwords: Passwords
    second_factors: SecondFactors
    lockout: Lockout
    operator: str
    client: str = "galenic-cli"

    def add(self, new: NewPerson, password: str | None) -> Person:
        """Without a password the person logs in elsewhere only."""
        person = people.checked(new)
        password_hash = None if password is None else self._hashed(password, person.login)
        with self.transactions.begin() as transaction:
            self._resources_exist(transaction, person)
            person = people.add(transaction, new, password_hash)
            self._record(transaction, person, f"added as {person.role} {person.fhir_user}")
        return person

    def reset(self, login: str, password: str | None) -> Person:
        """A new password (None: it stays), no second factor, no session: for who has lost either."""
        with self.transactions.begin() as transaction:
            person = _named(transaction, login)
        password_hash = None if password is None else self._hashed(password, person.login)
        with self.transactions.begin() as transaction:
            if password_hash:
                transaction.execute(UPDATE_HASH, (password_hash, person.id))
            self.second_factors.reset(transaction, person.id)
            self._unlock(transaction, person)
            ended = sessions.end_all(transaction, person.id)
            what = "password and second factor" if password_hash else "second factor"
            self._record(transaction, person, f"{what} reset, {ended} sessions ended")
        return person

    def disable(self, login: str, *, disabled: bool = True) -> Person:
        """Out at once, from every session; refresh tokens find it out when they are used."""
        with self.transactions.begin() as transaction:
            person = _named(transaction, login)
            transaction.execute(UPDATE_DISABLED, (disabled, person.id))
            sessions.end_all(transaction, person.id)
            self._record(transaction, person, "disabled" if disabled else "enabled")
        return person

    def unlock(self, login: str) -> Person:
        """Forgets the failures of a login and of its second factor."""
        with self.transactions.begin() as transaction:
            person = _named(transaction, login)
            self._unlock(transaction, person)
            self._record(transaction, person, "unlocked")
        return person

    def link(self, login: str, issuer: str, subject: str) -> Person:
        """Who is `subject` at `issuer` is this person from now on."""
        if not issuer.startswith("https://") and not issuer.startswith("http://"):
            raise Invalid("An issuer is a URL, as it stands in the provider's id_token")
        if not subject.strip():
            raise Invalid("A subject is the `sub` of the provider's id_token")
        with self.transactions.begin() as transaction:
            person = _named(transaction, login)
            try:
                with transaction.transaction():
                    transaction.execute(LINK, (issuer, subject, person.id))
            except UniqueViolation as error:
                raise Conflict("That subject is linked to somebody already") from error
            self._record(transaction, person, f"linked to a subject of {issuer}")
        return person

    def _hashed(self, password: str, login: str) -> str:
        if problem := problem_of(password, login):
            raise Invalid(problem)
        return self.passwords.hash(password)

    def _unlock(self, transaction: Transaction, person: Person) -> None:
        self.lockout.forgive(transaction, "login", person.login)
        self.lockout.forgive(transaction, "second-factor", person.id)

    def _record(self, transaction: Transaction, person: Person, what: str) -> None:
        context = Context(self.operator, self.client, TREATMENT, str(uuid4()))
        record(transaction, Record(context, ACCESS_CONTROL, OK, detail=f"person {person.login}: {what}"))

    def _resources_exist(self, transaction: Transaction, person: Person) -> None:
        """Nobody is linked to nothing: an id with a slip in it could become somebody else's one day."""
        named = [tuple(person.fhir_user.split("/")), *(("Patient", patient) for patient in person.patients)]
        missing = [f"{kind}/{key}" for kind, key in named if not _exists(transaction, kind, key)]
        if missing:
            raise NotFound(f"There is no {', no '.join(dict.fromkeys(missing))} on this server: create it first")


def _exists(transaction: Transaction, type_name: str, resource_id: str) -> bool:
    return transaction.execute(EXISTS, (type_name, resource_id)).fetchone() is not None


def _named(transaction: Transaction, login: str) -> Person:
    person = people.with_login(transaction, login)
    if person is None:
        raise NotFound(f"Nobody has the login {login}")
    return person
