"""Partners, and the ledger of every message that came from them or went to them: exchange/."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from fhir_server.tables.columns import INSTANT, NO_TEXTS, code, metadata, written_by


def _texts(name: str) -> Column[list[str]]:
    return Column(name, ARRAY(Text(collation="C")), nullable=False, server_default=NO_TEXTS)


def _word(name: str) -> Column[str]:
    """Empty where there is nothing to say."""
    return Column(name, Text(collation="C"), nullable=False, server_default=text("''"))


partner = Table(  # who may send what, by which wire
    "partner",
    metadata,
    code(),
    code("name"),
    _texts("senders"),  # `MSH-3|MSH-4` of HL7 v2, `D:123` (qualifier and id) of SCRIPT
    _texts("kinds"),  # of messages: `RDE^O11`, `NewRx`; one ending in `*` is all that begin so
    _texts("networks"),  # addresses it may come from; none: any
    _word("certificate"),  # SHA-256 of its client certificate, hex
    Column("secret_hash", Text(collation="C")),  # argon2id, for HTTP
    _word("zone"),  # of its clocks, tz database
    Column("authorities", JSONB, nullable=False, server_default=text("'{}'::jsonb")),  # namespace id to system
    _word("address"),  # where it listens: mllp://host:port
    _word("location"),  # where what it sends belongs: Location/1
    Column("created", INSTANT, nullable=False, server_default=text("clock_timestamp()")),
    Column("disabled", INSTANT),
    PrimaryKeyConstraint("id", name="partner_pk"),
)

message = Table(  # every message in or out, byte for byte
    "message",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("number", BigInteger, Identity(always=True), nullable=False),
    Column("received", INSTANT, nullable=False, server_default=text("clock_timestamp()")),
    _word("partner"),
    code("wire"),
    code("direction"),
    _word("kind"),
    _word("sender"),
    _word("control_id"),
    Column("digest", LargeBinary, nullable=False),  # SHA-256 of raw
    Column("raw", LargeBinary, nullable=False),
    code("state"),
    _word("code"),  # what it was answered with: AA, AE, 000, 900
    Column("answer", LargeBinary),
    Column("notes", JSONB, nullable=False, server_default=text("'[]'::jsonb")),  # what was not carried
    _texts("resources"),  # Type/id of what it made or changed
    Column("attempts", Integer, nullable=False, server_default=text("1")),
    Column("due", INSTANT, nullable=False, server_default=text("clock_timestamp()")),  # what leaves: not before
    written_by(),
    PrimaryKeyConstraint("id", name="message_pk"),
    CheckConstraint("direction IN ('in', 'out')", name="message_direction"),
    CheckConstraint("state IN ('received', 'mapped', 'answered', 'failed', 'dead')", name="message_state"),
    Index(  # the same message twice is one
        "message_control_idx",
        "direction",
        "sender",
        "control_id",
        unique=True,
        postgresql_where=text("control_id <> ''"),
    ),
    Index("message_number_idx", "number", unique=True),
    Index("message_partner_idx", "partner", "number"),
    Index("message_sent_idx", "partner", "control_id", postgresql_where=text("direction = 'out'")),
    Index("message_open_idx", "number", postgresql_where=text("state IN ('received', 'mapped', 'failed')")),
)
