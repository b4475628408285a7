"""The audit trail: what it records beyond the first migration, and the chain of its seals.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Every column has a default: the release before writes records as it did.
# The sealer asks once a second for what has become visible since, the review of a day for what was recorded in it.
RECORDS = """
ALTER TABLE audit
    ADD COLUMN role text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN reason text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN token_id text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN address text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN query text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN count integer NOT NULL DEFAULT 1,
    ADD COLUMN detail text COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX audit_xid_idx ON audit (xid);
CREATE INDEX audit_recorded_idx ON audit (recorded, number);
"""

# Digests are random bytes, 32 a record: nothing is won by compressing them.
SEALS = """
CREATE TABLE audit_seal (
    batch bigint NOT NULL CONSTRAINT audit_seal_pk PRIMARY KEY,
    sealed timestamptz NOT NULL,
    numbers int8multirange NOT NULL,
    count integer NOT NULL,
    recorded_low timestamptz NOT NULL,
    recorded_high timestamptz NOT NULL,
    snapshot text COLLATE "C" NOT NULL,
    digests bytea NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL
);
ALTER TABLE audit_seal ALTER COLUMN digests SET STORAGE EXTERNAL;
CREATE INDEX audit_seal_sealed_idx ON audit_seal (sealed);

CREATE TABLE audit_expiry (
    name text COLLATE "C" NOT NULL CONSTRAINT audit_expiry_pk PRIMARY KEY,
    dropped timestamptz NOT NULL DEFAULT now(),
    before timestamptz NOT NULL,
    numbers int8multirange NOT NULL
);

CREATE TABLE audit_report (
    day date NOT NULL CONSTRAINT audit_report_pk PRIMARY KEY,
    made timestamptz NOT NULL DEFAULT now(),
    report jsonb NOT NULL
);
"""

# Who owns a table needs no grant to change its rows; a mistake of the owner's is refused all the same.
REFUSALS = """
CREATE FUNCTION galenic_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION galenic_refuse_change();
CREATE TRIGGER audit_seal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seal
    FOR EACH STATEMENT EXECUTE FUNCTION galenic_refuse_change();
CREATE TRIGGER audit_expiry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_expiry
    FOR EACH STATEMENT EXECUTE FUNCTION galenic_refuse_change();
CREATE TRIGGER audit_report_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_report
    FOR EACH STATEMENT EXECUTE FUNCTION galenic_refuse_change();
"""

# HIPAA asks for six years (45 CFR 164.316(b)(2)), 21 CFR 1311.305 for two: nothing younger is ever dropped, whoever
# asks. A partition is a month, dropped when all of it is old enough; which numbers went stays on record.
RETENTION = """
CREATE FUNCTION galenic_drop_expired_audit(retention_years integer) RETURNS SETOF audit_expiry
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    expired record;
    made audit_expiry;
    oldest timestamptz := (date_trunc('month', now() AT TIME ZONE 'UTC')
                           - greatest(retention_years, 6) * interval '1 year') AT TIME ZONE 'UTC';
BEGIN
    FOR expired IN
        SELECT c.relname, (regexp_match(pg_get_expr(c.relpartbound, c.oid), $re$TO \\('([^']+)'\\)$re$))[1]::timestamptz
               AS high
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'audit'::regclass ORDER BY c.relname
    LOOP
        CONTINUE WHEN expired.high > oldest;
        EXECUTE format('INSERT INTO audit_expiry (name, before, numbers)
                        SELECT %L, %L, coalesce(range_agg(int8range(number, number + 1)), %L) FROM %I RETURNING *',
                       expired.relname, expired.high, '{}', expired.relname) INTO made;
        EXECUTE format('DROP TABLE %I', expired.relname);
        RETURN NEXT made;
    END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION galenic_drop_expired_audit FROM PUBLIC;
"""

# What the database says itself, the number, the time and the transaction of a record, the application may not say.
GRANTS = """
REVOKE INSERT ON audit FROM galenic_app;
GRANT INSERT (request_id, interaction, actor, client, purpose, type, id, version, patients, outcome,
              role, reason, token_id, address, query, count, detail) ON audit TO galenic_app;
GRANT SELECT, INSERT ON audit_seal, audit_report TO galenic_app;
GRANT SELECT ON audit_expiry TO galenic_app;
"""


def upgrade() -> None:
    op.execute("SET ROLE galenic_owner")
    op.execute("SET LOCAL lock_timeout = '2s'")
    for step in (RECORDS, SEALS, REFUSALS, RETENTION, GRANTS):
        op.execute(step)
    op.execute("RESET ROLE")


def downgrade() -> None:
    """Records would lose what only the new columns say of them, and their seals."""
    raise RuntimeError("restore the backup that was made before the upgrade")
