"""Who did what to whose data, sealed; what was reviewed; what has expired."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, INT8MULTIRANGE, JSONB

from fhir_server.tables.columns import INSTANT, NO_TEXTS, code, metadata, written_by

NOW = text("now()")


def _word(name: str) -> Column[str]:
    """Empty where there is nothing to say."""
    return Column(name, Text(collation="C"), nullable=False, server_default="")


audit = Table(  # who did what to whose data; FHIR AuditEvents are rendered from it
    "audit",
    metadata,
    Column("number", BigInteger, Identity(always=True), nullable=False),
    Column("recorded", INSTANT, nullable=False, server_default=text("clock_timestamp()")),
    code("request_id"),
    code("interaction"),
    code("actor"),
    code("client"),
    code("purpose"),
    Column("type", SmallInteger),
    Column("id", Text(collation="C")),
    Column("version", Integer),
    Column("patients", ARRAY(Text(collation="C")), nullable=False, server_default=NO_TEXTS),
    Column("outcome", SmallInteger, nullable=False),  # HTTP status
    written_by(),
    _word("role"),
    _word("reason"),
    _word("token_id"),
    _word("address"),
    _word("query"),
    Column("count", Integer, nullable=False, server_default=text("1")),
    _word("detail"),
    PrimaryKeyConstraint("number", "recorded", name="audit_pk"),
    Index("audit_patients_idx", "patients", postgresql_using="gin"),
    Index("audit_request_id_idx", "request_id"),
    Index("audit_xid_idx", "xid"),
    Index("audit_recorded_idx", "recorded", "number"),
    postgresql_partition_by="RANGE (recorded)",
)

audit_seal = Table(  # the chain: each batch names its records, their digests and the hash of the batch before
    "audit_seal",
    metadata,
    Column("batch", BigInteger, nullable=False, autoincrement=False),
    Column("sealed", INSTANT, nullable=False),
    Column("numbers", INT8MULTIRANGE, nullable=False),
    Column("count", Integer, nullable=False),
    Column("recorded_low", INSTANT, nullable=False),
    Column("recorded_high", INSTANT, nullable=False),
    code("snapshot"),  # a pg_snapshot: what is visible in it has been sealed
    Column("digests", LargeBinary, nullable=False),  # 32 bytes a record, in the order of their numbers
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("batch", name="audit_seal_pk"),
    Index("audit_seal_sealed_idx", "sealed"),
)

audit_expiry = Table(  # partitions of `audit` that were dropped after their retention, and which numbers they held
    "audit_expiry",
    metadata,
    code("name"),
    Column("dropped", INSTANT, nullable=False, server_default=NOW),
    Column("before", INSTANT, nullable=False),
    Column("numbers", INT8MULTIRANGE, nullable=False),
    PrimaryKeyConstraint("name", name="audit_expiry_pk"),
)

audit_report = Table(  # the review of each calendar day
    "audit_report",
    metadata,
    Column("day", Date, nullable=False),
    Column("made", INSTANT, nullable=False, server_default=NOW),
    Column("report", JSONB, nullable=False),
    PrimaryKeyConstraint("day", name="audit_report_pk"),
)
