"""People of tests, and what logging in works with; argon2 at its least cost, for tests log in often."""

import time
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pyotp
from argon2 import PasswordHasher

from fhir_server.identity.administration import Administration
from fhir_server.identity.lockout import Lockout, LockoutLimits
from fhir_server.identity.passwords import Passwords
from fhir_server.identity.people import NewPerson
from fhir_server.identity.second_factor import SecondFactors
from fhir_server.identity.sessions import SessionLimits, Sessions
from fhir_server.identity.sign_in import Entrance
from fhir_server.identity.trail import Visitor
from fhir_server.model.resource_types import type_number

KEY = bytes(range(32))
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse battery"
VISITOR = Visitor("192.0.2.1", "request-1")

A_PATIENT = NewPerson("Amara", "Amara Fenwick", "patient", "Patient/p1")
A_CAREGIVER = NewPerson("jo", "Jo Carer", "caregiver", "RelatedPerson/r1", ("p1", "p2"))
A_PHARMACIST = NewPerson("mara", "Mara Castellano", "pharmacist", "Practitioner/d1")
A_PRESCRIBER = NewPerson("ines", "Ines Okonjo", "prescriber", "Practitioner/d2")
AN_ADMINISTRATOR = NewPerson("root", "Ada Min", "administrator", "Practitioner/d3")
RESOURCES = ("Patient/p1", "Patient/p2", "RelatedPerson/r1", "Practitioner/d1", "Practitioner/d2", "Practitioner/d3")


def an_entrance(transactions, limits=None, session_limits=None, key=KEY, now=time.time):
    return Entrance(
        transactions,
        Passwords(CHEAP),
        SecondFactors(key, now),
        Sessions(session_limits or SessionLimits()),
        Lockout(key, limits or LockoutLimits()),
    )


def an_administration(entrance):
    return Administration(
        entrance.transactions, entrance.passwords, entrance.second_factors, entrance.lockout, "Practitioner/operator"
    )


@contextmanager
def people_database(cluster, name):
    """A database with RESOURCES in it."""
    cluster.execute(f"CREATE DATABASE people_{name} TEMPLATE galenic")
    database = cluster.database(f"people_{name}")
    there_are(database.app_url, *RESOURCES)
    yield database
    cluster.execute(f"DROP DATABASE people_{name} WITH (FORCE)")


def forget_people(database):
    """Nobody is there, and nothing has happened."""
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("SET session_replication_role = replica")  # what guards the audit trail sleeps
        connection.execute("TRUNCATE person, login_failure, outside_login, audit CASCADE")


def there_are(url, *references):
    """Rows that make a reference resolve; nobody reads their bytes."""
    with psycopg.connect(url) as connection:
        for number, reference in enumerate(references, start=1_000_000):
            kind, _, key = reference.partition("/")
            values = {"type": type_number(kind), "id": key, "rid": number, "body": b"{}"}
            connection.execute("INSERT INTO directory (type, id, rid) VALUES (%(type)s, %(id)s, %(rid)s)", values)
            connection.execute(
                "INSERT INTO resource (rid, type, id, version, last_updated, interaction, body, codec)"
                " VALUES (%(rid)s, %(type)s, %(id)s, 1, now(), 'create', %(body)s, 0)",
                values,
            )


def code_of(secret, steps=0, now=None):
    """The authenticator app's code; `steps` away from now."""
    return pyotp.TOTP(secret).at(int(time.time() if now is None else now) + 30 * steps)


def records(url, *columns, interaction=None):
    """The audit trail in its order."""
    where = "" if interaction is None else f" WHERE interaction = '{interaction}'"
    with psycopg.connect(url) as connection:
        return connection.execute(f"SELECT {', '.join(columns)} FROM audit{where} ORDER BY number").fetchall()  # noqa: S608


def visiting(address):
    return replace(VISITOR, address=address)
