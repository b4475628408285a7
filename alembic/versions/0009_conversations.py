"""What was sent to a partner is found by its control id: an answer names it.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SENT = "CREATE INDEX message_sent_idx ON message (partner, control_id) WHERE direction = 'out'"


def upgrade() -> None:
    op.execute("SET ROLE galenic_owner")
    op.execute(SENT)
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("DROP INDEX message_sent_idx")
