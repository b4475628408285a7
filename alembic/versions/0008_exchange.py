"""Partners, and the ledger of every message that came from them or went to them.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PARTNERS = """
CREATE TABLE partner (
    id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    senders text[] COLLATE "C" DEFAULT '{}'::text[] NOT NULL,
    kinds text[] COLLATE "C" DEFAULT '{}'::text[] NOT NULL,
    networks text[] COLLATE "C" DEFAULT '{}'::text[] NOT NULL,
    certificate text COLLATE "C" DEFAULT '' NOT NULL,
    secret_hash text COLLATE "C",
    zone text COLLATE "C" DEFAULT '' NOT NULL,
    authorities jsonb DEFAULT '{}'::jsonb NOT NULL,
    address text COLLATE "C" DEFAULT '' NOT NULL,
    location text COLLATE "C" DEFAULT '' NOT NULL,
    created timestamptz DEFAULT clock_timestamp() NOT NULL,
    disabled timestamptz,
    CONSTRAINT partner_pk PRIMARY KEY (id)
);
GRANT SELECT, INSERT, UPDATE ON partner TO galenic_app;
"""
MESSAGES = """
CREATE TABLE message (
    id uuid NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    received timestamptz DEFAULT clock_timestamp() NOT NULL,
    partner text COLLATE "C" DEFAULT '' NOT NULL,
    wire text COLLATE "C" NOT NULL,
    direction text COLLATE "C" NOT NULL,
    kind text COLLATE "C" DEFAULT '' NOT NULL,
    sender text COLLATE "C" DEFAULT '' NOT NULL,
    control_id text COLLATE "C" DEFAULT '' NOT NULL,
    digest bytea NOT NULL,
    raw bytea NOT NULL,
    state text COLLATE "C" NOT NULL,
    code text COLLATE "C" DEFAULT '' NOT NULL,
    answer bytea,
    notes jsonb DEFAULT '[]'::jsonb NOT NULL,
    resources text[] COLLATE "C" DEFAULT '{}'::text[] NOT NULL,
    attempts integer DEFAULT 1 NOT NULL,
    due timestamptz DEFAULT clock_timestamp() NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT message_pk PRIMARY KEY (id),
    CONSTRAINT message_direction CHECK (direction IN ('in', 'out')),
    CONSTRAINT message_state CHECK (state IN ('received', 'mapped', 'answered', 'failed', 'dead'))
);
CREATE UNIQUE INDEX message_control_idx ON message (direction, sender, control_id) WHERE control_id <> '';
CREATE UNIQUE INDEX message_number_idx ON message (number);
CREATE INDEX message_partner_idx ON message (partner, number);
CREATE INDEX message_open_idx ON message (number) WHERE state IN ('received', 'mapped', 'failed');
GRANT SELECT, INSERT ON message TO galenic_app;
GRANT UPDATE (state, code, answer, notes, resources, attempts, due, partner) ON message TO galenic_app;
"""


def upgrade() -> None:
    op.execute("SET ROLE galenic_owner")
    op.execute(PARTNERS)
    op.execute(MESSAGES)
    op.execute("RESET ROLE")


def downgrade() -> None:
    """The ledger is the record of what was received and answered."""
    raise RuntimeError("restore the backup that was made before the upgrade")
