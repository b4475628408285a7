"""Work in the background: storage/jobs.py."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from fhir_server.tables.columns import INSTANT, code, metadata

job = Table(  # work in the background: storage/jobs.py
    "job",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    code("kind"),
    code("key"),  # idempotency: asked for twice, it is the same job
    Column("state", Text(collation="C"), nullable=False, server_default=text("'waiting'")),
    Column("payload", JSONB, nullable=False),  # ids and numbers, never a patient's data
    Column("position", BigInteger, nullable=False, server_default=text("0")),
    Column("total", BigInteger, nullable=False, server_default=text("0")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),  # since the last progress
    Column("fence", BigInteger, nullable=False, server_default=text("0")),  # who claims raises it, others cannot write
    Column("lease_until", INSTANT),
    Column("heartbeat", INSTANT),
    Column("created", INSTANT, nullable=False, server_default=text("clock_timestamp()")),
    Column("started", INSTANT),
    Column("finished", INSTANT),
    Column("problem", Text(collation="C")),  # the class of what went wrong
    Column("due", INSTANT, nullable=False, server_default=text("now()")),  # not before
    PrimaryKeyConstraint("id", name="job_pk"),
    UniqueConstraint("key", name="job_key_key"),
    Index("job_queue_idx", "kind", "due", postgresql_where=text("state IN ('waiting', 'running')")),
)
