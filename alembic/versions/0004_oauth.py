"""The authorization server: clients, requests, codes, tokens, signing keys.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

CLIENTS = """
CREATE TABLE client (
    id text COLLATE "C" NOT NULL CONSTRAINT client_pk PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    redirect_uris text[] COLLATE "C" NOT NULL DEFAULT '{}'::text[],
    launch_uri text COLLATE "C",
    uri text COLLATE "C",
    logo_uri text COLLATE "C",
    scopes text COLLATE "C" NOT NULL,
    jwks jsonb,
    jwks_uri text COLLATE "C",
    secret_hash text COLLATE "C",
    origins text[] COLLATE "C" NOT NULL DEFAULT '{}'::text[],
    may_introspect boolean NOT NULL DEFAULT false,
    may_launch boolean NOT NULL DEFAULT false,
    role text COLLATE "C",
    self_registered boolean NOT NULL DEFAULT false,
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    disabled timestamptz,
    CONSTRAINT client_kind CHECK (kind IN ('public', 'confidential-symmetric', 'confidential-asymmetric'))
);

CREATE TABLE launch (
    hash bytea NOT NULL CONSTRAINT launch_pk PRIMARY KEY,
    client_id text COLLATE "C" NOT NULL,
    actor text COLLATE "C" NOT NULL,
    context jsonb NOT NULL,
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires timestamptz NOT NULL,
    used timestamptz
);
-- These and the other indexes on `expires` are for whoever removes what is over.
CREATE INDEX launch_expires_idx ON launch (expires);
"""

REQUESTS = """
CREATE TABLE authorization_request (
    hash bytea NOT NULL CONSTRAINT authorization_request_pk PRIMARY KEY,
    client_id text COLLATE "C" NOT NULL,
    redirect_uri text COLLATE "C" NOT NULL,
    scopes text COLLATE "C" NOT NULL,
    state text COLLATE "C",
    code_challenge text COLLATE "C" NOT NULL,
    nonce text COLLATE "C",
    login_hint text COLLATE "C",
    prompt text COLLATE "C" NOT NULL,
    max_age integer,
    launch_actor text COLLATE "C",
    context jsonb NOT NULL,
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires timestamptz NOT NULL,
    decided timestamptz
);
CREATE INDEX authorization_request_expires_idx ON authorization_request (expires);
"""

# What kills a decision kills all that descends from it: one row says so.
TOKENS = """
CREATE TABLE token_family (
    id uuid NOT NULL CONSTRAINT token_family_pk PRIMARY KEY,
    client_id text COLLATE "C" NOT NULL,
    person_id uuid,
    actor text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    scopes text COLLATE "C" NOT NULL,
    patients text[] COLLATE "C" NOT NULL DEFAULT '{}'::text[],
    context jsonb NOT NULL,
    session_id text COLLATE "C",
    purpose text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    nonce text COLLATE "C",
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked timestamptz,
    revoked_because text COLLATE "C"
);
CREATE INDEX token_family_person_id_idx ON token_family (person_id);

CREATE TABLE authorization_code (
    hash bytea NOT NULL CONSTRAINT authorization_code_pk PRIMARY KEY,
    family uuid NOT NULL,
    client_id text COLLATE "C" NOT NULL,
    redirect_uri text COLLATE "C" NOT NULL,
    code_challenge text COLLATE "C" NOT NULL,
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires timestamptz NOT NULL,
    used timestamptz
);
CREATE INDEX authorization_code_expires_idx ON authorization_code (expires);
CREATE INDEX authorization_code_family_idx ON authorization_code (family);

CREATE TABLE access_token (
    hash bytea NOT NULL CONSTRAINT access_token_pk PRIMARY KEY,
    id uuid NOT NULL,
    family uuid NOT NULL,
    scopes text COLLATE "C" NOT NULL,
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires timestamptz NOT NULL,
    revoked timestamptz
);
CREATE INDEX access_token_expires_idx ON access_token (expires);
CREATE INDEX access_token_family_idx ON access_token (family);

CREATE TABLE refresh_token (
    hash bytea NOT NULL CONSTRAINT refresh_token_pk PRIMARY KEY,
    family uuid NOT NULL,
    generation integer NOT NULL,
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires timestamptz NOT NULL,
    used timestamptz
);
-- One successor, whatever races: a generation exists once.
CREATE UNIQUE INDEX refresh_token_family_key ON refresh_token (family, generation);
CREATE INDEX refresh_token_expires_idx ON refresh_token (expires);

CREATE TABLE used_jti (
    client_id text COLLATE "C" NOT NULL,
    hash bytea NOT NULL,
    expires timestamptz NOT NULL,
    CONSTRAINT used_jti_pk PRIMARY KEY (client_id, hash)
);
CREATE INDEX used_jti_expires_idx ON used_jti (expires);
"""

KEYS = """
CREATE TABLE signing_key (
    id text COLLATE "C" NOT NULL CONSTRAINT signing_key_pk PRIMARY KEY,
    state text COLLATE "C" NOT NULL,
    public_jwk jsonb NOT NULL,
    private_key bytea NOT NULL,
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    retired timestamptz,
    CONSTRAINT signing_key_state CHECK (state IN ('next', 'active', 'retired'))
);
-- One key signs, one more at most is announced to come.
CREATE UNIQUE INDEX signing_key_state_key ON signing_key (state) WHERE state <> 'retired';
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON client, signing_key TO galenic_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON launch, authorization_request, token_family, authorization_code, access_token,
    refresh_token, used_jti TO galenic_app;
"""


def upgrade() -> None:
    op.execute("SET ROLE galenic_owner")
    op.execute("SET LOCAL lock_timeout = '2s'")
    for step in (CLIENTS, REQUESTS, TOKENS, KEYS, GRANTS):
        op.execute(step)
    op.execute("RESET ROLE")


def downgrade() -> None:
    """Clients, and who let them in, would be lost."""
    raise RuntimeError("restore the backup that was made before the upgrade")
