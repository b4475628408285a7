"""Subscriptions, and what each is to be told: storage/subscriptions.py."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, PrimaryKeyConstraint, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from fhir_server.tables.columns import INSTANT, code, metadata


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


subscription = Table(  # one for each Subscription that is not deleted
    "subscription",
    metadata,
    Column("rid", BigInteger, nullable=False, autoincrement=False),
    code(),
    Column("version", Integer, nullable=False),  # of the resource, that the row is from
    code("state"),
    Column("access", JSONB),  # whoever wrote it, and may be told what they may see; null: without authorization
    Column("began", BigInteger, nullable=False),  # `seq` when it was made: one that is made again is another
    Column("since", BigInteger),  # events after this `seq` concern it; null: none do
    _count("events"),  # numbered so far
    _count("delivered"),  # of these, acknowledged or put off for good
    _count("sending"),  # the last number of the notification that is under way: a repetition is the same
    Column("attempts", Integer, nullable=False, server_default=text("0")),  # since the last success
    Column("failing_since", INSTANT),
    Column("told", INSTANT),  # when something was last acknowledged
    Column("heartbeat_seconds", Integer),
    Column("ends", INSTANT),
    Column("problem", Text(collation="C"), nullable=False, server_default=text("''")),
    Column("secrets", Integer, nullable=False, server_default=text("1")),  # generation of the signing secret
    PrimaryKeyConstraint("rid", name="subscription_pk"),
    CheckConstraint("state IN ('requested', 'active', 'error', 'off')", name="subscription_state"),
)

notification = Table(  # what a subscription is told, by its own numbers without gaps
    "notification",
    metadata,
    Column("subscription", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),  # of the event
    Column("recorded", INSTANT, nullable=False),  # when the event was sequenced
    Column("rid", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    code("interaction"),
    PrimaryKeyConstraint("subscription", "number", name="notification_pk"),
    Index("notification_recorded_idx", "recorded"),
)

consumer = Table(  # how far each reader of `event` has come
    "consumer",
    metadata,
    code("name"),
    _count("seq"),
    PrimaryKeyConstraint("name", name="consumer_pk"),
)
