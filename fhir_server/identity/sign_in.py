"""Logging in: by a password, then by a second factor where there is one, or where the role demands one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fhir_server.audit.interactions import ACCESS_CONTROL, LOCK_OUT, LOGIN
from fhir_server.audit.record import Record
from fhir_server.identity import sessions
from fhir_server.identity.lockout import Attempt, Lockout
from fhir_server.identity.passwords import Passwords, problem_of
from fhir_server.identity.people import FIND, LOGIN_CHARACTERS_MAX, Person, folded, one, with_login
from fhir_server.identity.second_factor import SecondFactors
from fhir_server.identity.sessions import Choice, Session, Sessions
from fhir_server.identity.trail import LOCKED, OK, REFUSED, Visitor, record
from fhir_server.identity.transactions import Transaction, Transactions

LOGOUT: Final = "logout"

HASH: Final = "SELECT password_hash FROM person WHERE id = %s"
REHASH: Final = "UPDATE person SET password_hash = %s WHERE id = %s AND password_hash = %s"


@dataclass(frozen=True, slots=True)
class Entered:
    """A session has begun, or risen: its cookie; `recovery_codes` are shown this once."""

    cookie: str
    recovery_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Wrong, whatever of it; or locked, whether or not there is such a login."""

    locked_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Arrival:
    """An attempt as it was counted: who has the login, and what their password is compared with."""

    by_login: Attempt
    by_address: Attempt
    person: Person | None
    stored: str | None

    @property
    def locked_until(self) -> datetime | None:
        return max(filter(None, (self.by_login.locked_until, self.by_address.locked_until)), default=None)


@dataclass(frozen=True, slots=True)
class Entrance:
    """What logging in works with; every method is synchronous and waits for the database or for argon2."""

    transactions: Transactions
    passwords: Passwords
    second_factors: SecondFactors
    sessions: Sessions
    lockout: Lockout

    def with_password(self, visitor: Visitor, login: str, password: str, request: str) -> Entered | Refused:
        """The same answer, after about the same time, for a wrong password and for a login that nobody has."""
        login = folded(login[: LOGIN_CHARACTERS_MAX + 1])
        arrival = self._arrive(visitor, login)
        if arrival.locked_until is not None:
            return Refused(arrival.locked_until)
        person, stored = arrival.person, arrival.stored
        if not self.passwords.verify(stored, password) or person is None or stored is None:
            with self.transactions.begin() as transaction:
                _record_failed(transaction, visitor, person, "password", (arrival.by_login, arrival.by_address))
            return Refused()
        fresh = self.passwords.hash(password) if self.passwords.is_outdated(stored) else stored
        with self.transactions.begin() as transaction:
            if fresh != stored:
                transaction.execute(REHASH, (fresh, person.id, stored))
            self.lockout.forgive(transaction, "login", login)
            self.lockout.take_back(transaction, "address", visitor.address, arrival.by_address)
            return self.open(transaction, visitor, person, request, "password")

    def open(self, transaction: Transaction, visitor: Visitor, person: Person, request: str, by: str) -> Entered:
        """A session of somebody whose first factor is proven: `by` says how."""
        session_id, cookie = self.sessions.open(transaction, person.id, request)
        more = person.needs_second_factor or self.second_factors.has(transaction, person.id)
        proven = f"{by}, second factor to come" if more else by
        _record(transaction, visitor, person, OK, f"{proven}; session {session_id}")
        return Entered(cookie)

    def session(self, cookie: str) -> tuple[Session, Person] | None:
        """Whose session this cookie is; None where it is nobody's any more."""
        with self.transactions.begin() as transaction:
            session = self.sessions.find(transaction, cookie)
            person = one(transaction, FIND, (session.person,)) if session else None
        return (session, person) if session and person else None

    def with_code(self, visitor: Visitor, session: Session, person: Person, code: str) -> Entered | Refused:
        """The second factor: a code of the authenticator app, or one of the recovery codes."""
        with self.transactions.begin() as transaction:
            attempt = self._second_attempt(transaction, visitor, person)
            if attempt.locked_until is not None:
                return Refused(attempt.locked_until)
            if self.second_factors.accept_code(transaction, person.id, code):
                return self._risen(transaction, visitor, session, person, "one-time code")
            if self.second_factors.accept_recovery_code(transaction, person.id, code):
                return self._risen(transaction, visitor, session, person, "recovery code")
            _record_failed(transaction, visitor, person, "second factor", (attempt,))
            return Refused()

    def confirm_factor(self, visitor: Visitor, session: Session, person: Person, code: str) -> Entered | Refused:
        """The first code of a new second factor proves it."""
        with self.transactions.begin() as transaction:
            attempt = self._second_attempt(transaction, visitor, person)
            if attempt.locked_until is not None:
                return Refused(attempt.locked_until)
            codes = self.second_factors.confirm(transaction, person.id, code)
            if codes is None:
                _record_failed(transaction, visitor, person, "enrolment of a second factor", (attempt,))
                return Refused()
            entered = self._risen(transaction, visitor, session, person, "second factor enrolled")
            return Entered(entered.cookie, tuple(codes))

    def has_second_factor(self, person: Person) -> bool:
        with self.transactions.begin() as transaction:
            return self.second_factors.has(transaction, person.id)

    def secret_to_enrol(self, person: Person) -> str | None:
        """What the person's authenticator app is to learn; None for whoever has a second factor."""
        with self.transactions.begin() as transaction:
            return self.second_factors.begin(transaction, person.id)

    def recovery_codes_left(self, person: Person) -> int:
        with self.transactions.begin() as transaction:
            return self.second_factors.recovery_codes_left(transaction, person.id)

    def chosen(self, session: Session, request: str) -> Choice:
        with self.transactions.begin() as transaction:
            return sessions.chosen(transaction, session.id, request)

    def choose(self, session: Session, request: str, choice: Choice) -> None:
        with self.transactions.begin() as transaction:
            sessions.choose(transaction, session.id, request, choice)

    def change_password(self, visitor: Visitor, session: Session, person: Person, old: str, new: str) -> bool | Refused:
        """True when it was changed, False where the new one is too weak; ends the person's other sessions."""
        arrival = self._arrive(visitor, person.login)
        if arrival.locked_until is not None:
            return Refused(arrival.locked_until)
        if not self.passwords.verify(arrival.stored, old):
            with self.transactions.begin() as transaction:
                _record_failed(transaction, visitor, person, "password", (arrival.by_login, arrival.by_address))
            return Refused()
        fresh = None if problem_of(new, person.login) else self.passwords.hash(new)
        with self.transactions.begin() as transaction:
            self.lockout.forgive(transaction, "login", person.login)
            self.lockout.take_back(transaction, "address", visitor.address, arrival.by_address)
            if fresh is None:
                return False
            transaction.execute(REHASH, (fresh, person.id, arrival.stored))
            ended = sessions.end_others(transaction, person.id, session.id)
            what = f"person {person.login}: password changed by themselves, {ended} sessions ended"
            record(transaction, Record(visitor.context(person), ACCESS_CONTROL, OK, detail=what))
        return True

    def log_out(self, visitor: Visitor, session: Session, person: Person) -> None:
        with self.transactions.begin() as transaction:
            if sessions.end(transaction, session.id):
                record(transaction, Record(visitor.context(person), LOGOUT, OK, detail=f"session {session.id}"))

    def _arrive(self, visitor: Visitor, login: str) -> _Arrival:
        """Counted, and committed, before the password is looked at; what is locked is recorded here."""
        with self.transactions.begin() as transaction:
            self.lockout.sweep(transaction)
        with self.transactions.begin() as transaction:
            by_login = self.lockout.attempt(transaction, "login", login)
            by_address = self.lockout.attempt(transaction, "address", visitor.address)
            person = with_login(transaction, login)
            row = transaction.execute(HASH, (person.id,)).fetchone() if person and not person.disabled else None
            for attempt in (by_login, by_address):
                if attempt.recorded_as:
                    _record_locked(transaction, visitor, person, attempt)
                    break
        return _Arrival(by_login, by_address, person, row["password_hash"] if row else None)

    def _second_attempt(self, transaction: Transaction, visitor: Visitor, person: Person) -> Attempt:
        attempt = self.lockout.attempt(transaction, "second-factor", person.id)
        if attempt.recorded_as:
            _record_locked(transaction, visitor, person, attempt)
        return attempt

    def _risen(self, transaction: Transaction, visitor: Visitor, session: Session, person: Person, by: str) -> Entered:
        self.lockout.forgive(transaction, "second-factor", person.id)
        cookie = self.sessions.renew(transaction, session.id)
        _record(transaction, visitor, person, OK, f"{by}; session {session.id}")
        return Entered(cookie)


def _record(transaction: Transaction, visitor: Visitor, person: Person | None, status: int, detail: str) -> None:
    record(transaction, Record(visitor.context(person), LOGIN, status, detail=detail))


def _record_failed(
    transaction: Transaction, visitor: Visitor, person: Person | None, what: str, attempts: tuple[Attempt, ...]
) -> None:
    _record(transaction, visitor, person, REFUSED, what)
    if any(attempt.locks for attempt in attempts):
        record(transaction, Record(visitor.context(person), LOCK_OUT, LOCKED, detail=f"{what}: locked from now on"))


def _record_locked(transaction: Transaction, visitor: Visitor, person: Person | None, attempt: Attempt) -> None:
    what = "tried while locked"
    record(transaction, Record(visitor.context(person), LOCK_OUT, LOCKED, count=attempt.recorded_as, detail=what))
