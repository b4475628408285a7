"""Who did what to whose data."""

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from fhir_server.tables.columns import INSTANT, NO_TEXTS, code, metadata, written_by

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
    PrimaryKeyConstraint("number", "recorded", name="audit_pk"),
    Index("audit_patients_idx", "patients", postgresql_using="gin"),
    Index("audit_request_id_idx", "request_id"),
    postgresql_partition_by="RANGE (recorded)",
)
