"""Subscriptions: what each is to be told, and how far it has been told; jobs may wait for a moment.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SUBSCRIPTIONS = """
CREATE TABLE subscription (
    rid bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    state text COLLATE "C" NOT NULL,
    access jsonb,
    began bigint NOT NULL,
    since bigint,
    events bigint DEFAULT 0 NOT NULL,
    delivered bigint DEFAULT 0 NOT NULL,
    sending bigint DEFAULT 0 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    failing_since timestamptz,
    told timestamptz,
    heartbeat_seconds integer,
    ends timestamptz,
    problem text COLLATE "C" DEFAULT '' NOT NULL,
    secrets integer DEFAULT 1 NOT NULL,
    CONSTRAINT subscription_pk PRIMARY KEY (rid),
    CONSTRAINT subscription_state CHECK (state IN ('requested', 'active', 'error', 'off'))
);
GRANT SELECT, INSERT, UPDATE, DELETE ON subscription TO galenic_app;
"""
NOTIFICATIONS = """
CREATE TABLE notification (
    subscription bigint NOT NULL,
    number bigint NOT NULL,
    seq bigint NOT NULL,
    recorded timestamptz NOT NULL,
    rid bigint NOT NULL,
    version integer NOT NULL,
    interaction text COLLATE "C" NOT NULL,
    CONSTRAINT notification_pk PRIMARY KEY (subscription, number)
);
CREATE INDEX notification_recorded_idx ON notification (recorded);
GRANT SELECT, INSERT, DELETE ON notification TO galenic_app;
"""
CONSUMERS = """
CREATE TABLE consumer (
    name text COLLATE "C" NOT NULL,
    seq bigint DEFAULT 0 NOT NULL,
    CONSTRAINT consumer_pk PRIMARY KEY (name)
);
GRANT SELECT, INSERT, UPDATE ON consumer TO galenic_app;
INSERT INTO consumer (name, seq) SELECT 'subscriptions', seq FROM event_head;
"""
DUE = "ALTER TABLE job ADD COLUMN due timestamptz DEFAULT now() NOT NULL"


def upgrade() -> None:
    op.execute("SET ROLE galenic_owner")
    op.execute("SET LOCAL lock_timeout = '2s'")
    for step in (SUBSCRIPTIONS, NOTIFICATIONS, CONSUMERS, DUE):
        op.execute(step)
    op.execute("RESET ROLE")


def downgrade() -> None:
    """How far subscribers have been told is in no other place."""
    raise RuntimeError("restore the backup that was made before the upgrade")
