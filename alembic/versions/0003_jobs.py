"""Jobs in the background, and the generations of search parameters that one kind of them builds.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

JOBS = """
CREATE TABLE job (
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT job_pk PRIMARY KEY,
    kind text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL CONSTRAINT job_key_key UNIQUE,
    state text COLLATE "C" NOT NULL DEFAULT 'waiting',
    payload jsonb NOT NULL,
    position bigint NOT NULL DEFAULT 0,
    total bigint NOT NULL DEFAULT 0,
    attempts integer NOT NULL DEFAULT 0,
    fence bigint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    heartbeat timestamptz,
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    started timestamptz,
    finished timestamptz,
    problem text COLLATE "C",
    CONSTRAINT job_state CHECK (state IN ('waiting', 'running', 'done', 'failed', 'superseded'))
);
-- Workers look for what is to be done every second; what is finished stays and is not looked at again.
CREATE INDEX job_open_idx ON job (created) WHERE state IN ('waiting', 'running');
"""

# Rows of `search` are of generation 0 until the first re-indexing: R4's own search parameters and no others.
GENERATIONS = """
CREATE TABLE search_generation (
    generation integer NOT NULL CONSTRAINT search_generation_pk PRIMARY KEY,
    definitions jsonb NOT NULL,
    state text COLLATE "C" NOT NULL,
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT search_generation_state CHECK (state IN ('building', 'active', 'superseded'))
);
-- One generation is searched, and one more at most is being built.
CREATE UNIQUE INDEX search_generation_state_key ON search_generation (state) WHERE state <> 'superseded';
INSERT INTO search_generation (generation, definitions, state) VALUES (0, '[]', 'active');
"""

GRANTS = "GRANT SELECT, INSERT, UPDATE ON job, search_generation TO galenic_app"


def upgrade() -> None:
    op.execute("SET ROLE galenic_owner")
    op.execute("SET LOCAL lock_timeout = '2s'")
    for step in (JOBS, GENERATIONS, GRANTS):
        op.execute(step)
    op.execute("RESET ROLE")


def downgrade() -> None:
    """What the generations made searchable would be found by nothing else: going back would lose answers, not data."""
    raise RuntimeError("restore the backup that was made before the upgrade")
