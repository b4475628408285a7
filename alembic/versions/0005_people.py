"""People: who logs in, their second factors, sessions and lock-outs.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PERSON = """
CREATE TABLE person (
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT person_pk PRIMARY KEY,
    login text COLLATE "C" NOT NULL CONSTRAINT person_login_key UNIQUE,
    display_name text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    fhir_user text COLLATE "C" NOT NULL,
    patients text[] COLLATE "C" NOT NULL DEFAULT '{}',
    password_hash text COLLATE "C",
    disabled boolean NOT NULL DEFAULT false,
    created timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE identity_link (
    issuer text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    person uuid NOT NULL CONSTRAINT identity_link_person_fk REFERENCES person (id) ON DELETE CASCADE,
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT identity_link_pk PRIMARY KEY (issuer, subject)
);
-- What is linked to a person is listed with the person.
CREATE INDEX identity_link_person_idx ON identity_link (person);
"""

SECOND_FACTOR = """
CREATE TABLE second_factor (
    person uuid NOT NULL CONSTRAINT second_factor_pk PRIMARY KEY
        CONSTRAINT second_factor_person_fk REFERENCES person (id) ON DELETE CASCADE,
    secret bytea NOT NULL,
    last_step bigint NOT NULL DEFAULT 0,
    confirmed timestamptz
);
CREATE TABLE recovery_code (
    person uuid NOT NULL CONSTRAINT recovery_code_person_fk REFERENCES person (id) ON DELETE CASCADE,
    hash bytea NOT NULL,
    used timestamptz,
    CONSTRAINT recovery_code_pk PRIMARY KEY (person, hash)
);
"""

SESSION = """
CREATE TABLE login_session (
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT login_session_pk PRIMARY KEY,
    cookie_hash bytea NOT NULL CONSTRAINT login_session_cookie_hash_key UNIQUE,
    person uuid NOT NULL CONSTRAINT login_session_person_fk REFERENCES person (id) ON DELETE CASCADE,
    request text COLLATE "C" NOT NULL,
    authenticated timestamptz NOT NULL DEFAULT clock_timestamp(),
    second_factor timestamptz,
    last_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires timestamptz NOT NULL,
    ended timestamptz
);
-- Disabling a person, or a new password, ends all their sessions.
CREATE INDEX login_session_person_idx ON login_session (person);
-- Sessions long past are removed as new ones are made.
CREATE INDEX login_session_expires_idx ON login_session (expires);
CREATE TABLE launch_choice (
    session uuid NOT NULL CONSTRAINT launch_choice_session_fk REFERENCES login_session (id) ON DELETE CASCADE,
    request text COLLATE "C" NOT NULL,
    patient text COLLATE "C",
    encounter text COLLATE "C",
    CONSTRAINT launch_choice_pk PRIMARY KEY (session, request)
);
"""

FAILURE = """
CREATE TABLE login_failure (
    kind text COLLATE "C" NOT NULL,
    key bytea NOT NULL,
    failures integer NOT NULL,
    refused integer NOT NULL DEFAULT 0,
    last timestamptz NOT NULL DEFAULT clock_timestamp(),
    locked_until timestamptz,
    CONSTRAINT login_failure_pk PRIMARY KEY (kind, key),
    CONSTRAINT login_failure_kind CHECK (kind IN ('login', 'address', 'second-factor'))
);
-- Failures long past are forgotten as new ones are counted.
CREATE INDEX login_failure_last_idx ON login_failure (last);
"""

OUTSIDE = """
CREATE TABLE outside_login (
    state_hash bytea NOT NULL CONSTRAINT outside_login_pk PRIMARY KEY,
    visit_hash bytea NOT NULL,
    nonce text COLLATE "C" NOT NULL,
    verifier text COLLATE "C" NOT NULL,
    expires timestamptz NOT NULL
);
-- Logins that never came back are removed as others begin.
CREATE INDEX outside_login_expires_idx ON outside_login (expires);
"""

TABLES = (
    "person, identity_link, second_factor, recovery_code, login_session, launch_choice, login_failure, outside_login"
)
GRANTS = f"GRANT SELECT, INSERT, UPDATE, DELETE ON {TABLES} TO galenic_app"


def upgrade() -> None:
    op.execute("SET ROLE galenic_owner")
    op.execute("SET LOCAL lock_timeout = '2s'")
    for step in (PERSON, SECOND_FACTOR, SESSION, FAILURE, OUTSIDE, GRANTS):
        op.execute(step)
    op.execute("RESET ROLE")


def downgrade() -> None:
    """People would no longer get in: going back would lose them."""
    raise RuntimeError("restore the backup that was made before the upgrade")
