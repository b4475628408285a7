"""What patients' Consents say, as rules every query is held to.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

RULES = """
CREATE TABLE consent_rule (
    rid bigint NOT NULL,
    patient text COLLATE "C" NOT NULL,
    permits boolean NOT NULL,
    path smallint[] NOT NULL,
    actors text[] COLLATE "C",
    purposes text[] COLLATE "C",
    types smallint[],
    labels text[] COLLATE "C",
    low timestamptz NOT NULL,
    high timestamptz NOT NULL
);
CREATE INDEX consent_rule_patient_idx ON consent_rule (patient);
CREATE INDEX consent_rule_rid_idx ON consent_rule (rid);
GRANT SELECT, INSERT, DELETE ON consent_rule TO galenic_app;
"""


def upgrade() -> None:
    op.execute("SET ROLE galenic_owner")
    op.execute(RULES)
    op.execute("RESET ROLE")


def downgrade() -> None:
    """Without the rules what a patient has denied would be shown."""
    raise RuntimeError("restore the backup that was made before the upgrade")
