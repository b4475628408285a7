"""The store: roles, resources with history and search rows, outbox, events, audit.

Revision ID: 0001
Revises:
"""

from alembic import op

from fhir_server.model.resource_types import RESOURCE_TYPES

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROLES = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'galenic_owner') THEN
        CREATE ROLE galenic_owner LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'galenic_app') THEN
        CREATE ROLE galenic_app LOGIN;
    END IF;
    EXECUTE format('GRANT galenic_owner TO %I', current_user);
    EXECUTE format('GRANT CONNECT, CREATE ON DATABASE %I TO galenic_owner', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO galenic_app', current_database());
END $$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO galenic_owner;
GRANT USAGE ON SCHEMA public TO galenic_app;
"""

VERSION_COLUMNS = """
    rid bigint NOT NULL,
    type smallint NOT NULL,
    id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    last_updated timestamptz NOT NULL,
    interaction text COLLATE "C" NOT NULL,
    body bytea,
    codec smallint NOT NULL,
    key_id integer,
    compartments text[] COLLATE "C" NOT NULL DEFAULT '{}'::text[],
    labels text[] COLLATE "C" NOT NULL DEFAULT '{}'::text[],
    xid xid8 NOT NULL DEFAULT pg_current_xact_id()
"""

EVENT_COLUMNS = """
    rid bigint NOT NULL,
    type smallint NOT NULL,
    id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    previous_version integer,
    interaction text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL
"""

RESOURCES = f"""
CREATE TABLE resource_type (
    number smallint NOT NULL CONSTRAINT resource_type_pk PRIMARY KEY,
    name text COLLATE "C" NOT NULL CONSTRAINT resource_type_name_key UNIQUE
);

CREATE TABLE directory (
    type smallint NOT NULL,
    id text COLLATE "C" NOT NULL,
    rid bigint NOT NULL,
    CONSTRAINT directory_pk PRIMARY KEY (type, id)
);

-- Blocks of 1,024 resource ids: a process takes one and deals them out without asking again.
CREATE SEQUENCE rid_block;

-- Bodies up to 8 kB stay in the row, larger ones go to TOAST, none is compressed: a page of 50 is read as it lies.
CREATE TABLE resource ({VERSION_COLUMNS}, CONSTRAINT resource_pk PRIMARY KEY (rid))
    WITH (toast_tuple_target = 8160);
ALTER TABLE resource ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX resource_type_last_updated_idx ON resource (type, last_updated, rid);
CREATE INDEX resource_last_updated_idx ON resource (last_updated, rid);

CREATE TABLE history ({VERSION_COLUMNS}, CONSTRAINT history_pk PRIMARY KEY (rid, version))
    WITH (toast_tuple_target = 8160);
ALTER TABLE history ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX history_type_last_updated_idx ON history (type, last_updated, rid);
CREATE INDEX history_last_updated_idx ON history (last_updated, rid);

CREATE TABLE search (
    rid bigint NOT NULL CONSTRAINT search_pk PRIMARY KEY,
    type smallint NOT NULL,
    id text COLLATE "C" NOT NULL,
    last_updated timestamptz NOT NULL,
    patient text COLLATE "C",
    status text COLLATE "C",
    date_low timestamptz,
    date_high timestamptz,
    tokens bigint[] NOT NULL,
    compartments text[] COLLATE "C" NOT NULL,
    labels text[] COLLATE "C" NOT NULL,
    index_version smallint NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);
-- The planner must know rare tokens from common ones.
ALTER TABLE search ALTER COLUMN tokens SET STATISTICS 1000;
CREATE INDEX search_type_last_updated_idx ON search (type, last_updated, rid);
-- No pending list: a reader would pay for it, and a write would stall when it is flushed.
CREATE INDEX search_tokens_idx ON search USING gin (tokens) WITH (fastupdate = off);
CREATE INDEX search_compartments_idx ON search USING gin (compartments) WITH (fastupdate = off);

CREATE TABLE index_key (
    single boolean NOT NULL DEFAULT true CONSTRAINT index_key_pk PRIMARY KEY,
    proof bigint NOT NULL,
    CONSTRAINT index_key_one_row CHECK (single)
);
"""

EVENTS = f"""
CREATE TABLE outbox (
    number bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT outbox_pk PRIMARY KEY,
    {EVENT_COLUMNS}
);

CREATE TABLE event (
    seq bigint NOT NULL,
    recorded timestamptz NOT NULL,
    {EVENT_COLUMNS},
    CONSTRAINT event_pk PRIMARY KEY (seq, recorded)
) PARTITION BY RANGE (recorded);

CREATE TABLE event_head (
    single boolean NOT NULL DEFAULT true CONSTRAINT event_head_pk PRIMARY KEY,
    seq bigint NOT NULL,
    CONSTRAINT event_head_one_row CHECK (single)
);
INSERT INTO event_head (seq) VALUES (0);
"""

AUDIT = """
CREATE TABLE audit (
    number bigint GENERATED ALWAYS AS IDENTITY,
    recorded timestamptz NOT NULL DEFAULT clock_timestamp(),
    request_id text COLLATE "C" NOT NULL,
    interaction text COLLATE "C" NOT NULL,
    actor text COLLATE "C" NOT NULL,
    client text COLLATE "C" NOT NULL,
    purpose text COLLATE "C" NOT NULL,
    type smallint,
    id text COLLATE "C",
    version integer,
    patients text[] COLLATE "C" NOT NULL DEFAULT '{}'::text[],
    outcome smallint NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT audit_pk PRIMARY KEY (number, recorded)
) PARTITION BY RANGE (recorded);
CREATE INDEX audit_patients_idx ON audit USING gin (patients);
CREATE INDEX audit_request_id_idx ON audit (request_id);
"""

# The application may not run DDL. It may ask for the partitions of the time to come, and for events past their
# retention to be dropped, never sooner than after a day; audit partitions are the owner's alone.
# Events live for days, audit records for years: a partition is a day of the first, a month of the second.
PARTITIONS = """
CREATE FUNCTION galenic_make_partitions(parent regclass, days_ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    utc timestamp := now() AT TIME ZONE 'UTC';
    unit text := CASE parent WHEN 'event'::regclass THEN 'day' ELSE 'month' END;
    span interval := ('1 ' || unit)::interval;
    low timestamp;
    partition_name text;
    made integer := 0;
BEGIN
    IF parent NOT IN ('event'::regclass, 'audit'::regclass) OR days_ahead NOT BETWEEN 0 AND 60 THEN
        RAISE EXCEPTION 'no partitions are made for % and % days', parent, days_ahead;
    END IF;
    PERFORM pg_advisory_xact_lock(7, parent::oid::integer);
    FOR low IN SELECT generate_series(date_trunc(unit, utc - span), utc + days_ahead * interval '1 day', span) LOOP
        partition_name := format('%s_%s', parent, to_char(low, 'YYYYMMDD'));
        IF to_regclass(partition_name) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF %s FOR VALUES FROM (%L) TO (%L)', partition_name, parent,
                           low AT TIME ZONE 'UTC', (low + span) AT TIME ZONE 'UTC');
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;

CREATE FUNCTION galenic_drop_expired_events(retention_days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    expired record;
    dropped integer := 0;
    oldest text := to_char((now() AT TIME ZONE 'UTC')::date - greatest(retention_days, 1), '"event_"YYYYMMDD');
BEGIN
    FOR expired IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                   WHERE i.inhparent = 'event'::regclass AND c.relname < oldest COLLATE "C" LOOP
        EXECUTE format('DROP TABLE %I', expired.relname);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;

REVOKE EXECUTE ON FUNCTION galenic_make_partitions, galenic_drop_expired_events FROM PUBLIC;
GRANT EXECUTE ON FUNCTION galenic_make_partitions, galenic_drop_expired_events TO galenic_app;
SELECT galenic_make_partitions('event', 7), galenic_make_partitions('audit', 7);
"""

GRANTS = """
GRANT SELECT ON resource_type, directory, resource, history, search, index_key, outbox, event, event_head, audit
    TO galenic_app;
GRANT INSERT ON directory, resource, history, search, index_key, outbox, event, audit TO galenic_app;
GRANT UPDATE ON resource, search, event_head TO galenic_app;
GRANT DELETE ON search, outbox TO galenic_app;
GRANT USAGE ON SEQUENCE rid_block TO galenic_app;
"""


def upgrade() -> None:
    op.execute(ROLES)
    op.execute("SET ROLE galenic_owner")
    op.execute(RESOURCES)
    for number, name in enumerate(RESOURCE_TYPES, start=1):
        op.execute(f"INSERT INTO resource_type VALUES ({number}, '{name}')")
    for step in (EVENTS, AUDIT, PARTITIONS, GRANTS):
        op.execute(step)
    op.execute("RESET ROLE")
    op.execute("ALTER TABLE alembic_version OWNER TO galenic_owner")
    op.execute("GRANT SELECT ON alembic_version TO galenic_app")


def downgrade() -> None:
    """There is nothing before the first migration to go back to."""
    raise RuntimeError("the first migration is not taken back: drop the database instead")
