"""Jobs: found by their kind and the moment they are due, and removed when they have long ended.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

QUEUE = "CREATE INDEX job_queue_idx ON job (kind, due) WHERE state IN ('waiting', 'running')"
OLD_INDEX = "DROP INDEX job_open_idx"
RETENTION = "GRANT DELETE ON job TO galenic_app"


def upgrade() -> None:
    op.execute("SET ROLE galenic_owner")
    op.execute("SET LOCAL lock_timeout = '2s'")
    for step in (QUEUE, OLD_INDEX, RETENTION):
        op.execute(step)
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("SET ROLE galenic_owner")
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("REVOKE DELETE ON job FROM galenic_app")
    op.execute("DROP INDEX job_queue_idx")
    op.execute("CREATE INDEX job_open_idx ON job (created) WHERE state IN ('waiting', 'running')")
    op.execute("RESET ROLE")
