"""Search by every parameter type: side tables of strings, dates and numbers; ordered ways through the search rows.

New columns are empty in rows that were written before; re-indexing fills them (docs/operations/reindex.md).

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE search
    ADD COLUMN self bigint,
    ADD COLUMN grams integer[],
    ADD COLUMN words bigint[],
    ADD COLUMN orders jsonb,
    ADD COLUMN generation integer NOT NULL DEFAULT 0;
"""

# Each index is a way to walk matching rows in order, or to find few of them; docs/decisions/0007 has the figures.
INDEXES = """
CREATE INDEX search_self_idx ON search (self);
CREATE INDEX search_grams_idx ON search USING gin (grams)
    WITH (fastupdate = on, gin_pending_list_limit = 256) WHERE grams IS NOT NULL;
CREATE INDEX search_words_idx ON search USING gin (words)
    WITH (fastupdate = on, gin_pending_list_limit = 256) WHERE words IS NOT NULL;
CREATE INDEX search_date_idx ON search (type, date_low, rid);
CREATE INDEX search_long_date_idx ON search (type, date_high) WHERE date_high - date_low > interval '1 day';
CREATE INDEX search_patient_idx ON search (patient, type, date_low, rid) WHERE patient IS NOT NULL;
CREATE INDEX search_status_idx ON search (type, status, date_low, rid) WHERE status IS NOT NULL;
"""

# What the planner of the database, and ours, should know: how common words and trigrams are, how long spans are.
STATISTICS = """
ALTER TABLE search ALTER COLUMN words SET STATISTICS 1000, ALTER COLUMN grams SET STATISTICS 1000;
CREATE STATISTICS search_span_stats ON (date_high - date_low) FROM search;
CREATE STATISTICS search_date_span_stats ON (high - low) FROM search_date;
"""

SIDE_TABLES = """
CREATE TABLE search_string (
    rid bigint NOT NULL,
    key bigint NOT NULL,
    value text COLLATE "C" NOT NULL
);
CREATE INDEX search_string_value_idx ON search_string (key, value, rid);
CREATE INDEX search_string_rid_idx ON search_string (rid);

CREATE TABLE search_date (
    rid bigint NOT NULL,
    key bigint NOT NULL,
    low timestamptz NOT NULL,
    high timestamptz NOT NULL
);
CREATE INDEX search_date_low_idx ON search_date (key, low, rid);
CREATE INDEX search_date_long_idx ON search_date (key, high) WHERE high - low > interval '1 day';
CREATE INDEX search_date_rid_idx ON search_date (rid);

CREATE TABLE search_number (
    rid bigint NOT NULL,
    key bigint NOT NULL,
    low numeric NOT NULL,
    high numeric NOT NULL
);
CREATE INDEX search_number_low_idx ON search_number (key, low, rid);
CREATE INDEX search_number_range_idx ON search_number (key, high) WHERE high <> low;
CREATE INDEX search_number_rid_idx ON search_number (rid);

GRANT SELECT, INSERT, DELETE ON search_string, search_date, search_number TO galenic_app;
"""


def upgrade() -> None:
    op.execute("SET ROLE galenic_owner")
    op.execute("SET LOCAL lock_timeout = '2s'")
    for step in (COLUMNS, INDEXES, SIDE_TABLES, STATISTICS):
        op.execute(step)
    op.execute("RESET ROLE")


def downgrade() -> None:
    """What search finds by the new tables is found by nothing else: going back would lose answers, not data."""
    raise RuntimeError("restore the backup that was made before the upgrade")
