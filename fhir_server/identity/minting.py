"""Access tokens for systems, made at the machine by who administers it, without the system's key."""

from typing import Final

from fhir_server.errors import Invalid
from fhir_server.identity import clients, families
from fhir_server.identity.granting import for_role, within, words
from fhir_server.identity.opaque import fresh
from fhir_server.identity.transactions import Transaction

SECONDS_MAX: Final = 3_600
"""Longest life of such a token (seconds)."""


def mint(transaction: Transaction, client_id: str, scopes: str, seconds: int) -> tuple[str, str]:
    """The token, and the scopes it has: those asked for ("": all) that the client may have; raises `Invalid`."""
    client = clients.find(transaction, client_id)
    if client is None or client.role is None:
        raise Invalid(f"There is no system {client_id}: only clients with a role act for themselves")
    granted = for_role(within(words(scopes or client.scopes), words(client.scopes)), client.role)
    if not granted:
        raise Invalid(f"None of these scopes is one that {client_id} may have: {client.scopes}")
    token = fresh()
    new = families.NewFamily(client.id, f"Client/{client.id}", client.role, granted)
    family = families.add(transaction, new)
    families.add_access(transaction, token, family, " ".join(granted), min(seconds, SECONDS_MAX))
    return token, " ".join(granted)
