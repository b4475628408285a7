"""Logging in, with PostgreSQL."""

import threading
import time

import psycopg
import pytest

from fhir_server.errors import Conflict, Invalid, NotFound
from fhir_server.identity import sessions
from fhir_server.identity.lockout import LockoutLimits
from fhir_server.identity.people import People
from fhir_server.identity.second_factor import WrongIdentityKey
from fhir_server.identity.sessions import Choice, SessionLimits
from fhir_server.identity.sign_in import Entered, Refused
from fhir_server.identity.transactions import Transactions
from tests.builders.people import (
    A_CAREGIVER,
    A_PATIENT,
    A_PHARMACIST,
    PASSWORD,
    VISITOR,
    an_administration,
    an_entrance,
    code_of,
    forget_people,
    people_database,
    records,
    visiting,
)


@pytest.fixture(scope="module")
def shared(cluster):
    with people_database(cluster, "sign_in") as made:
        yield made


@pytest.fixture
def database(shared):
    """One for all tests of this file, each of which finds nobody in it."""
    forget_people(shared)
    return shared


@pytest.fixture
def transactions(database):
    made = Transactions(database.app_url)
    made.open()
    yield made
    made.close()


@pytest.fixture
def entrance(transactions):
    return an_entrance(transactions)


@pytest.fixture
def amara(entrance):
    return an_administration(entrance).add(A_PATIENT, PASSWORD)


@pytest.fixture
def mara(entrance):
    return an_administration(entrance).add(A_PHARMACIST, PASSWORD)


def entered(entrance, login, request=""):
    found = entrance.with_password(VISITOR, login, PASSWORD, request)
    assert isinstance(found, Entered)
    return found.cookie


def fail(entrance, times, login="amara", address="192.0.2.1"):
    return [entrance.with_password(visiting(address), login, "wrong password", "") for _ in range(times)]


def test_the_right_password_opens_a_session_of_the_person(entrance, amara, database):
    cookie = entered(entrance, " AMARA ", "asked-1")
    session, person = entrance.session(cookie)
    assert person == amara
    assert session.request == "asked-1"
    assert session.second_factor is None
    assert ("login", "Patient/p1", "patient", 200, "192.0.2.1") in records(
        database.app_url, "interaction", "actor", "role", "outcome", "address"
    )


def test_the_cookie_is_in_no_table(entrance, amara, database):
    cookie = entered(entrance, "amara")
    with psycopg.connect(database.app_url) as connection:
        row = connection.execute("SELECT login_session::text FROM login_session").fetchone()
        trail = connection.execute("SELECT audit::text FROM audit").fetchall()
    assert cookie not in row[0]
    assert cookie.encode().hex() not in row[0]
    assert all(cookie not in text and PASSWORD not in text for (text,) in trail)


def test_a_wrong_password_and_an_unknown_login_have_the_same_answer_and_are_recorded(entrance, amara, database):
    assert fail(entrance, 1) == fail(entrance, 1, login="nobody") == [Refused()]
    found = records(database.app_url, "actor", "outcome", "detail", interaction="login")
    assert found == [("Patient/p1", 401, "password"), ("anonymous", 401, "password")]


def test_a_password_is_hashed_once_whoever_is_asked_for(entrance, amara):
    """A time of its own would tell which logins there are."""
    asked = []
    verify = type(entrance.passwords).verify
    entrance.passwords.verify = lambda *values: asked.append(values[0]) or verify(entrance.passwords, *values)
    fail(entrance, 1)
    fail(entrance, 1, login="nobody")
    an_administration(entrance).disable("amara")
    fail(entrance, 1)
    assert [stored is None for stored in asked] == [False, True, True]


def test_what_was_typed_as_a_login_is_in_no_table(entrance, database):
    fail(entrance, 6, login="a-password-in-the-wrong-field")
    with psycopg.connect(database.app_url) as connection:
        for table in ("audit", "login_failure"):
            rows = connection.execute(f"SELECT {table}::text FROM {table}").fetchall()  # noqa: S608
            assert rows
            assert not any("a-password" in text for (text,) in rows)


def test_a_hash_of_other_parameters_is_made_anew_at_login(entrance, amara, database):
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    with psycopg.connect(database.app_url) as connection:
        connection.execute("UPDATE person SET password_hash = %s", (old,))
    entered(entrance, "amara")
    with psycopg.connect(database.app_url) as connection:
        ((stored,),) = connection.execute("SELECT password_hash FROM person").fetchall()
    assert stored != old
    assert not entrance.passwords.is_outdated(stored)
    assert entrance.passwords.verify(stored, PASSWORD)


def test_after_five_failures_the_right_password_is_refused_too(entrance, amara, database):
    assert fail(entrance, 5) == [Refused()] * 5
    locked = entrance.with_password(VISITOR, "amara", PASSWORD, "")
    assert isinstance(locked, Refused)
    assert 890 < locked.locked_until.timestamp() - time.time() < 910
    details = records(database.app_url, "detail", "outcome", interaction="lock-out")
    assert details == [("password: locked from now on", 429), ("tried while locked", 429)]


def test_an_unknown_login_is_locked_like_a_known_one(entrance):
    fail(entrance, 5, login="nobody")
    (locked,) = fail(entrance, 1, login="nobody")
    assert locked.locked_until is not None


def test_a_lock_survives_a_restart_and_holds_in_other_processes(entrance, amara, database):
    fail(entrance, 5)
    other = Transactions(database.app_url)
    other.open()
    try:
        assert an_entrance(other).with_password(VISITOR, "amara", PASSWORD, "").locked_until is not None
    finally:
        other.close()


def test_a_lock_is_twice_as_long_each_time(entrance, amara, database):
    fail(entrance, 5)
    for minutes in (30, 60, 120):
        with psycopg.connect(database.app_url) as connection:
            connection.execute("UPDATE login_failure SET locked_until = clock_timestamp() - interval '1 second'")
        assert fail(entrance, 1) == [Refused()]
        (locked,) = fail(entrance, 1)
        assert minutes * 60 - 10 < locked.locked_until.timestamp() - time.time() < minutes * 60 + 10


def test_success_forgets_the_failures(entrance, amara):
    for _ in range(3):
        fail(entrance, 4)
        entered(entrance, "amara")


def test_failures_of_a_day_ago_are_forgotten(entrance, amara, database):
    fail(entrance, 4)
    with psycopg.connect(database.app_url) as connection:
        connection.execute("UPDATE login_failure SET last = clock_timestamp() - interval '25 hours'")
    fail(entrance, 4)
    entered(entrance, "amara")


def test_many_logins_tried_from_one_address_lock_the_address(transactions):
    entrance = an_entrance(transactions, LockoutLimits(address_failures_max=8))
    an_administration(entrance).add(A_PATIENT, PASSWORD)
    for number in range(8):
        fail(entrance, 1, login=f"guess-{number}")
    assert entrance.with_password(VISITOR, "amara", PASSWORD, "").locked_until is not None
    assert isinstance(entrance.with_password(visiting("192.0.2.2"), "amara", PASSWORD, ""), Entered)


def test_logins_that_succeed_do_not_lock_their_address(transactions):
    entrance = an_entrance(transactions, LockoutLimits(address_failures_max=5))
    an_administration(entrance).add(A_PATIENT, PASSWORD)
    for _ in range(12):
        entered(entrance, "amara")


def test_guesses_at_once_are_counted_one_by_one(entrance, amara):
    looked_at = []
    verify = type(entrance.passwords).verify
    entrance.passwords.verify = lambda *values: looked_at.append(1) or verify(entrance.passwords, *values)
    threads = [threading.Thread(target=fail, args=(entrance, 1)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(looked_at) == 5


def test_whoever_keeps_trying_while_locked_leaves_few_records_that_count_all(entrance, amara, database):
    fail(entrance, 5)
    fail(entrance, 16)
    found = records(database.app_url, "count", interaction="lock-out")
    assert [count for (count,) in found] == [1, 1, 1, 2, 4, 8]


def test_whoever_is_disabled_is_out_at_once_and_gets_the_answer_of_a_wrong_password(entrance, amara, transactions):
    cookie = entered(entrance, "amara")
    session, _ = entrance.session(cookie)
    people = People(transactions)
    assert people.session_is_alive(session.id)
    an_administration(entrance).disable("amara")
    assert entrance.session(cookie) is None
    assert not people.session_is_alive(session.id)
    assert entrance.with_password(VISITOR, "amara", PASSWORD, "") == Refused()
    assert people.find(amara.id).disabled


def test_whoever_is_disabled_by_a_statement_is_out_too(entrance, amara, database):
    cookie = entered(entrance, "amara")
    with psycopg.connect(database.app_url) as connection:
        connection.execute("UPDATE person SET disabled = true")
    assert entrance.session(cookie) is None


@pytest.mark.parametrize(
    "change",
    [
        "last_seen = clock_timestamp() - interval '16 minutes'",
        "expires = clock_timestamp() - interval '1 second'",
        "ended = clock_timestamp()",
    ],
)
def test_a_session_ends_by_idleness_by_age_and_by_logging_out(entrance, amara, database, change):
    cookie = entered(entrance, "amara")
    assert entrance.session(cookie)
    with psycopg.connect(database.app_url) as connection:
        connection.execute(f"UPDATE login_session SET {change}")  # noqa: S608
    assert entrance.session(cookie) is None


def test_activity_keeps_a_session_alive(transactions, database):
    entrance = an_entrance(transactions, session_limits=SessionLimits(idle_seconds=60))
    an_administration(entrance).add(A_PATIENT, PASSWORD)
    cookie = entered(entrance, "amara")
    for _ in range(3):
        with psycopg.connect(database.app_url) as connection:
            connection.execute("UPDATE login_session SET last_seen = last_seen - interval '50 seconds'")
        assert entrance.session(cookie)


def test_logging_out_ends_the_session_and_is_recorded(entrance, amara, database):
    cookie = entered(entrance, "amara")
    entrance.log_out(VISITOR, *entrance.session(cookie))
    assert entrance.session(cookie) is None
    assert records(database.app_url, "actor", "outcome", interaction="logout") == [("Patient/p1", 200)]


def test_a_login_and_its_record_commit_together_or_not_at_all(entrance, amara, database):
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("REVOKE INSERT ON audit FROM galenic_app")
    try:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            entrance.with_password(VISITOR, "amara", PASSWORD, "")
    finally:
        with psycopg.connect(database.superuser_url) as connection:
            connection.execute("GRANT INSERT ON audit TO galenic_app")
    with psycopg.connect(database.app_url) as connection:
        assert connection.execute("SELECT count(*) FROM login_session").fetchone() == (0,)


def test_a_choice_is_kept_for_its_request(entrance, amara, transactions):
    session, _ = entrance.session(entered(entrance, "amara"))
    with transactions.begin() as transaction:
        sessions.choose(transaction, session.id, "asked-1", Choice("p1"))
        sessions.choose(transaction, session.id, "asked-1", Choice("p1", "e1"))
        assert sessions.chosen(transaction, session.id, "asked-1") == Choice("p1", "e1")
        assert sessions.chosen(transaction, session.id, "asked-2") == Choice()


class TestSecondFactor:
    @pytest.fixture
    def enrolled(self, entrance, mara, transactions):
        """The secret, a session that has risen, and the recovery codes."""
        cookie = entered(entrance, "mara")
        with transactions.begin() as transaction:
            secret = entrance.second_factors.begin(transaction, mara.id)
        done = entrance.confirm_factor(VISITOR, *entrance.session(cookie), code_of(secret, -1))
        assert isinstance(done, Entered)
        return secret, done.cookie, done.recovery_codes

    def test_the_secret_is_the_same_until_it_is_confirmed_and_is_never_shown_again(self, entrance, mara, transactions):
        with transactions.begin() as transaction:
            factors = entrance.second_factors
            secret = factors.begin(transaction, mara.id)
            assert factors.begin(transaction, mara.id) == secret
            assert not factors.has(transaction, mara.id)
            assert factors.confirm(transaction, mara.id, code_of(secret))
            assert factors.has(transaction, mara.id)
            assert factors.begin(transaction, mara.id) is None

    def test_the_secret_is_encrypted_and_bound_to_its_person(self, entrance, mara, amara, enrolled, database):
        secret, _, codes = enrolled
        with psycopg.connect(database.app_url) as connection:
            ((stored,),) = connection.execute("SELECT secret FROM second_factor").fetchall()
            assert secret.encode() not in stored
            connection.execute("UPDATE second_factor SET person = %s", (amara.id,))
            hashes = connection.execute("SELECT recovery_code::text FROM recovery_code").fetchall()
        assert not any(code.replace("-", "").encode().hex() in text for code in codes for (text,) in hashes)
        with pytest.raises(WrongIdentityKey), entrance.transactions.begin() as transaction:
            entrance.second_factors.accept_code(transaction, amara.id, code_of(secret))

    def test_enrolling_gives_ten_recovery_codes_and_a_new_cookie(self, entrance, enrolled):
        _, cookie, codes = enrolled
        assert len(set(codes)) == 10
        session, _ = entrance.session(cookie)
        assert session.second_factor is not None

    def test_the_cookie_is_renewed_by_the_second_factor(self, entrance, enrolled):
        secret, _, _ = enrolled
        before = entered(entrance, "mara")
        session, person = entrance.session(before)
        assert session.second_factor is None
        after = entrance.with_code(VISITOR, session, person, code_of(secret))
        assert entrance.session(before) is None
        assert entrance.session(after.cookie)[0].second_factor is not None

    def test_the_audit_trail_tells_half_a_login_from_a_whole_one(self, entrance, enrolled, amara, database):
        secret, _, _ = enrolled
        entered(entrance, "amara")
        entrance.with_code(VISITOR, *entrance.session(entered(entrance, "mara")), code_of(secret))
        found = [detail.partition("; ")[0] for (detail,) in records(database.app_url, "detail", interaction="login")]
        assert found[-3:] == ["password", "password, second factor to come", "one-time code"]

    def test_a_code_is_taken_once(self, entrance, enrolled):
        secret, _, _ = enrolled
        session, person = entrance.session(entered(entrance, "mara"))
        code = code_of(secret)
        assert isinstance(entrance.with_code(VISITOR, session, person, code), Entered)
        assert entrance.with_code(VISITOR, session, person, code) == Refused()

    @pytest.mark.parametrize("kind", ["code", "recovery code"])
    def test_of_two_who_use_a_code_at_once_one_gets_in(self, entrance, enrolled, kind):
        secret, _, codes = enrolled
        code = code_of(secret) if kind == "code" else codes[0]
        people = [entrance.session(entered(entrance, "mara")) for _ in range(4)]
        found = []
        threads = [
            threading.Thread(target=lambda both=both: found.append(entrance.with_code(VISITOR, *both, code)))
            for both in people
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(type(one).__name__ for one in found) == ["Entered", "Refused", "Refused", "Refused"]

    @pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
    def test_a_code_may_be_one_step_off(self, transactions, mara, steps, taken):
        now = 1_800_000_015
        factors = an_entrance(transactions, now=lambda: now).second_factors
        with transactions.begin() as transaction:
            secret = factors.begin(transaction, mara.id)
            code = code_of(secret, steps, now)
            assert factors.accept_code(transaction, mara.id, f" {code[:3]} {code[3:]} ") is taken

    def test_an_earlier_code_than_the_last_one_is_refused(self, transactions, mara):
        now = 1_800_000_015
        factors = an_entrance(transactions, now=lambda: now).second_factors
        with transactions.begin() as transaction:
            secret = factors.begin(transaction, mara.id)
            assert factors.accept_code(transaction, mara.id, code_of(secret, 0, now))
            assert not factors.accept_code(transaction, mara.id, code_of(secret, -1, now))

    @pytest.mark.parametrize("code", ["", "000", "abcdef", "\u0661\u0662\u0663\u0664\u0665\u0666", "1" * 5000])
    def test_what_is_no_code_is_refused(self, entrance, enrolled, code):
        session, person = entrance.session(entered(entrance, "mara"))
        assert entrance.with_code(VISITOR, session, person, code) == Refused()

    def test_a_recovery_code_is_taken_once_however_it_is_written(self, entrance, enrolled):
        _, _, codes = enrolled
        session, person = entrance.session(entered(entrance, "mara"))
        written = codes[3].lower().replace("-", " ")
        assert isinstance(entrance.with_code(VISITOR, session, person, written), Entered)
        assert entrance.with_code(VISITOR, session, person, codes[3]) == Refused()

    def test_a_recovery_code_of_somebody_else_is_refused(self, entrance, enrolled, amara):
        _, _, codes = enrolled
        session, person = entrance.session(entered(entrance, "amara"))
        assert entrance.with_code(VISITOR, session, person, codes[0]) == Refused()

    def test_five_wrong_codes_lock_the_second_factor(self, entrance, enrolled, database):
        secret, _, _ = enrolled
        session, person = entrance.session(entered(entrance, "mara"))
        for _ in range(5):
            assert entrance.with_code(VISITOR, session, person, "000000") == Refused()
        assert entrance.with_code(VISITOR, session, person, code_of(secret)).locked_until is not None
        assert ("second factor: locked from now on",) in records(database.app_url, "detail", interaction="lock-out")

    def test_logging_in_anew_does_not_unlock_the_second_factor(self, entrance, enrolled):
        for _ in range(6):
            session, person = entrance.session(entered(entrance, "mara"))
            found = entrance.with_code(VISITOR, session, person, "000000")
        assert found.locked_until is not None

    def test_a_reset_makes_the_person_enrol_again_and_ends_the_sessions(self, entrance, enrolled, transactions, mara):
        _, cookie, codes = enrolled
        an_administration(entrance).reset("mara", "another password 2")
        assert entrance.session(cookie) is None
        with transactions.begin() as transaction:
            assert not entrance.second_factors.has(transaction, mara.id)
            assert not entrance.second_factors.accept_recovery_code(transaction, mara.id, codes[0])
        assert entrance.with_password(VISITOR, "mara", PASSWORD, "") == Refused()
        assert isinstance(entrance.with_password(VISITOR, "mara", "another password 2", ""), Entered)


class TestAdministration:
    def test_who_is_added_is_found_by_id_and_by_login(self, entrance, transactions):
        added = an_administration(entrance).add(A_CAREGIVER, PASSWORD)
        people = People(transactions)
        assert people.find(added.id) == added
        assert people.everyone() == [added]
        assert added.patients == ("p1", "p2")
        assert people.find("no-uuid") is None

    def test_a_login_is_one_persons(self, entrance, amara):
        with pytest.raises(Conflict):
            an_administration(entrance).add(A_PATIENT, PASSWORD)

    def test_nobody_is_linked_to_what_is_not_there(self, entrance):
        from dataclasses import replace

        with pytest.raises(NotFound, match="Patient/p9"):
            an_administration(entrance).add(replace(A_PATIENT, fhir_user="Patient/p9"), PASSWORD)

    def test_a_short_password_is_refused(self, entrance, transactions):
        with pytest.raises(Invalid):
            an_administration(entrance).add(A_PATIENT, "short")
        assert People(transactions).everyone() == []

    def test_unlocking_lets_the_right_password_in_again(self, entrance, amara):
        fail(entrance, 6)
        an_administration(entrance).unlock("amara")
        entered(entrance, "amara")

    def test_each_change_is_recorded_with_who_made_it(self, entrance, amara, database):
        office = an_administration(entrance)
        office.disable("amara")
        office.disable("amara", disabled=False)
        office.reset("amara", "another password 2")
        office.unlock("amara")
        office.link("amara", "https://issuer.example", "sub-1")
        found = records(database.app_url, "actor", "detail", interaction="access-control")
        assert {actor for actor, _ in found} == {"Practitioner/operator"}
        assert [detail.partition(": ")[2].partition(",")[0] for _, detail in found] == [
            "added as patient Patient/p1", "disabled", "enabled", "password and second factor reset", "unlocked",
            "linked to a subject of https://issuer.example",
        ]  # fmt: skip

    def test_a_subject_of_an_outside_provider_is_one_person(self, entrance, amara, mara, transactions):
        office, people = an_administration(entrance), People(transactions)
        office.link("amara", "https://issuer.example", "sub-1")
        assert people.find_linked("https://issuer.example", "sub-1") == amara
        assert people.find_linked("https://other.example", "sub-1") is None
        with pytest.raises(Conflict):
            office.link("mara", "https://issuer.example", "sub-1")
