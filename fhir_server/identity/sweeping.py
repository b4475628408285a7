"""What is over is removed, a little with whatever is made: tables of things that live for minutes stay small.

Codes and refresh tokens stay for some time after they are over, so that one that is shown again is known for stolen.
"""

from typing import Final

from fhir_server.identity.transactions import Transaction

ROWS: Final = 20
"""Rows that are removed at once (rows): more than one request makes."""

REQUESTS: Final = """
DELETE FROM authorization_request WHERE hash IN (
    SELECT hash FROM authorization_request WHERE expires < clock_timestamp() - interval '1 day'
    ORDER BY expires LIMIT %(rows)s FOR UPDATE SKIP LOCKED)
"""
LAUNCHES: Final = """
DELETE FROM launch WHERE hash IN (
    SELECT hash FROM launch WHERE expires < clock_timestamp() - interval '1 day'
    ORDER BY expires LIMIT %(rows)s FOR UPDATE SKIP LOCKED)
"""
JTIS: Final = """
DELETE FROM used_jti WHERE (client_id, hash) IN (
    SELECT client_id, hash FROM used_jti WHERE expires < clock_timestamp()
    ORDER BY expires LIMIT %(rows)s FOR UPDATE SKIP LOCKED)
"""
CODES: Final = """
DELETE FROM authorization_code WHERE hash IN (
    SELECT hash FROM authorization_code WHERE expires < clock_timestamp() - interval '7 days'
    ORDER BY expires LIMIT %(rows)s FOR UPDATE SKIP LOCKED)
RETURNING family
"""
ACCESS_TOKENS: Final = """
DELETE FROM access_token WHERE hash IN (
    SELECT hash FROM access_token WHERE expires < clock_timestamp() - interval '1 day'
    ORDER BY expires LIMIT %(rows)s FOR UPDATE SKIP LOCKED)
RETURNING family
"""
REFRESH_TOKENS: Final = """
DELETE FROM refresh_token WHERE hash IN (
    SELECT hash FROM refresh_token WHERE expires < clock_timestamp() - interval '1 day'
    ORDER BY expires LIMIT %(rows)s FOR UPDATE SKIP LOCKED)
RETURNING family
"""
FAMILIES: Final = """
DELETE FROM token_family f WHERE f.id = ANY(%(families)s)
    AND NOT EXISTS (SELECT FROM access_token WHERE family = f.id)
    AND NOT EXISTS (SELECT FROM refresh_token WHERE family = f.id)
    AND NOT EXISTS (SELECT FROM authorization_code WHERE family = f.id)
    AND NOT EXISTS (SELECT FROM subscription WHERE access ->> 'family' = f.id::text)
"""
"""A Subscription rests on the decision of its family for as long as it is there, though its token has expired."""


def requests(transaction: Transaction) -> None:
    transaction.execute(REQUESTS, {"rows": ROWS})


def launches(transaction: Transaction) -> None:
    transaction.execute(LAUNCHES, {"rows": ROWS})


def jtis(transaction: Transaction) -> None:
    """At once: an assertion that has expired is refused for that."""
    transaction.execute(JTIS, {"rows": ROWS})


def tokens(transaction: Transaction) -> None:
    """Codes and tokens, and families nothing is left of."""
    families = {
        row["family"]
        for statement in (CODES, ACCESS_TOKENS, REFRESH_TOKENS)
        for row in transaction.execute(statement, {"rows": ROWS})
    }
    if families:
        transaction.execute(FAMILIES, {"families": list(families)})
