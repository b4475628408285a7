"""The authorization server: clients, what was asked and granted, codes, tokens, launches, signing keys.

Whatever a client or a browser carries about is stored as its SHA-256 only.
"""

from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from fhir_server.tables.columns import INSTANT, NO_TEXTS, code, metadata


def _text(name: str) -> Column[str]:
    return Column(name, Text(collation="C"))


def _texts(name: str) -> Column[list[str]]:
    return Column(name, ARRAY(Text(collation="C")), nullable=False, server_default=NO_TEXTS)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))


def _created() -> Column[Any]:
    return Column("created", INSTANT, nullable=False, server_default=text("clock_timestamp()"))


def _expires() -> Column[Any]:
    return Column("expires", INSTANT, nullable=False)


def _hash() -> Column[bytes]:
    return Column("hash", LargeBinary, nullable=False)  # SHA-256


client = Table(
    "client",
    metadata,
    code(),
    code("name"),
    code("kind"),
    _texts("redirect_uris"),
    _text("launch_uri"),
    _text("uri"),  # where people learn about the app
    _text("logo_uri"),
    code("scopes"),  # the most it may be granted, separated by blanks
    Column("jwks", JSONB),
    _text("jwks_uri"),
    _text("secret_hash"),  # argon2id
    _texts("origins"),  # of its pages, for CORS
    _flag("may_introspect"),
    _flag("may_launch"),  # is an EHR: mints launch ids
    _text("role"),  # what it is when it acts for itself; None: it never does
    _flag("self_registered"),
    _created(),
    Column("disabled", INSTANT),
    PrimaryKeyConstraint("id", name="client_pk"),
    CheckConstraint("kind IN ('public', 'confidential-symmetric', 'confidential-asymmetric')", name="client_kind"),
)

launch = Table(  # an EHR's launch ids
    "launch",
    metadata,
    _hash(),
    code("client_id"),
    code("actor"),  # whom it is for, a FHIR reference
    Column("context", JSONB, nullable=False),  # patient, encounter, fhirContext, need_patient_banner, intent, tenant
    _created(),
    _expires(),
    Column("used", INSTANT),
    PrimaryKeyConstraint("hash", name="launch_pk"),
    Index("launch_expires_idx", "expires"),
)

authorization_request = Table(  # what an app asked for, until a person decides
    "authorization_request",
    metadata,
    _hash(),
    code("client_id"),
    code("redirect_uri"),
    code("scopes"),
    _text("state"),
    code("code_challenge"),
    _text("nonce"),
    _text("login_hint"),
    code("prompt"),
    Column("max_age", Integer),  # seconds
    _text("launch_actor"),
    Column("context", JSONB, nullable=False),
    _created(),
    _expires(),
    Column("decided", INSTANT),
    PrimaryKeyConstraint("hash", name="authorization_request_pk"),
    Index("authorization_request_expires_idx", "expires"),
)

token_family = Table(  # one decision, and all tokens that descend from it
    "token_family",
    metadata,
    Column("id", Uuid, nullable=False),
    code("client_id"),
    Column("person_id", Uuid),  # null: a system
    code("actor"),
    code("role"),
    code("scopes"),
    _texts("patients"),
    Column("context", JSONB, nullable=False),
    _text("session_id"),
    code("purpose"),
    code("reason"),
    _text("nonce"),
    _created(),
    Column("revoked", INSTANT),
    _text("revoked_because"),
    PrimaryKeyConstraint("id", name="token_family_pk"),
    Index("token_family_person_id_idx", "person_id"),
)

authorization_code = Table(
    "authorization_code",
    metadata,
    _hash(),
    Column("family", Uuid, nullable=False),
    code("client_id"),
    code("redirect_uri"),
    code("code_challenge"),
    _created(),
    _expires(),
    Column("used", INSTANT),
    PrimaryKeyConstraint("hash", name="authorization_code_pk"),
    Index("authorization_code_expires_idx", "expires"),
    Index("authorization_code_family_idx", "family"),
)

access_token = Table(
    "access_token",
    metadata,
    _hash(),
    Column("id", Uuid, nullable=False),  # its name in the audit trail
    Column("family", Uuid, nullable=False),
    code("scopes"),
    _created(),
    _expires(),
    Column("revoked", INSTANT),
    PrimaryKeyConstraint("hash", name="access_token_pk"),
    Index("access_token_expires_idx", "expires"),
    Index("access_token_family_idx", "family"),
)

refresh_token = Table(
    "refresh_token",
    metadata,
    _hash(),
    Column("family", Uuid, nullable=False),
    Column("generation", Integer, nullable=False),
    _created(),
    _expires(),
    Column("used", INSTANT),
    PrimaryKeyConstraint("hash", name="refresh_token_pk"),
    Index("refresh_token_family_key", "family", "generation", unique=True),
    Index("refresh_token_expires_idx", "expires"),
)

used_jti = Table(  # assertions of clients that were accepted
    "used_jti",
    metadata,
    code("client_id"),
    _hash(),
    _expires(),
    PrimaryKeyConstraint("client_id", "hash", name="used_jti_pk"),
    Index("used_jti_expires_idx", "expires"),
)

signing_key = Table(  # keys of id_tokens
    "signing_key",
    metadata,
    code("id"),
    code("state"),
    Column("public_jwk", JSONB, nullable=False),
    Column("private_key", LargeBinary, nullable=False),  # AES-256-GCM: nonce, then ciphertext; the key's id is bound in
    _created(),
    Column("retired", INSTANT),
    PrimaryKeyConstraint("id", name="signing_key_pk"),
    CheckConstraint("state IN ('next', 'active', 'retired')", name="signing_key_state"),
    Index("signing_key_state_key", "state", unique=True, postgresql_where=text("state <> 'retired'")),
)
