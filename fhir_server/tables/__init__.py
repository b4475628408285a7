"""The tables of the store; `alembic/versions` makes them, a test holds both equal.

What may not change later, and why, is in docs/decisions/0003-the-store.md.
"""

from fhir_server.tables.audit import audit, audit_expiry, audit_report, audit_seal
from fhir_server.tables.columns import INSTANT, NO_TEXTS, THIS_TRANSACTION, XID8, metadata
from fhir_server.tables.consent import consent_rule
from fhir_server.tables.events import event, event_head, outbox
from fhir_server.tables.exchange import message, partner
from fhir_server.tables.jobs import job
from fhir_server.tables.oauth import (
    access_token,
    authorization_code,
    authorization_request,
    client,
    launch,
    refresh_token,
    signing_key,
    token_family,
    used_jti,
)
from fhir_server.tables.people import (
    identity_link,
    launch_choice,
    login_failure,
    login_session,
    outside_login,
    person,
    recovery_code,
    second_factor,
)
from fhir_server.tables.search import (
    SIDE_TABLES,
    index_key,
    search,
    search_date,
    search_generation,
    search_number,
    search_string,
)
from fhir_server.tables.store import directory, history, resource, resource_type
from fhir_server.tables.subscriptions import consumer, notification, subscription

__all__ = [
    "INSTANT",
    "NO_TEXTS",
    "SIDE_TABLES",
    "THIS_TRANSACTION",
    "XID8",
    "access_token",
    "audit",
    "audit_expiry",
    "audit_report",
    "audit_seal",
    "authorization_code",
    "authorization_request",
    "client",
    "consent_rule",
    "consumer",
    "directory",
    "event",
    "event_head",
    "history",
    "identity_link",
    "index_key",
    "job",
    "launch",
    "launch_choice",
    "login_failure",
    "login_session",
    "message",
    "metadata",
    "notification",
    "outbox",
    "outside_login",
    "partner",
    "person",
    "recovery_code",
    "refresh_token",
    "resource",
    "resource_type",
    "search",
    "search_date",
    "search_generation",
    "search_number",
    "search_string",
    "second_factor",
    "signing_key",
    "subscription",
    "token_family",
    "used_jti",
]  # fmt: skip

APPEND_ONLY = (history, event, audit, audit_seal, audit_expiry, audit_report)
"""Tables on which the application role has no UPDATE, DELETE or TRUNCATE."""
