"""The search rows, their side tables, and the sets of search parameters they are made by."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from fhir_server.tables.columns import INSTANT, code, metadata, written_by

PENDING = {"fastupdate": "on", "gin_pending_list_limit": "256"}
"""Of indexes with many entries a row: they are gathered, 256 kB at most, and entered together."""

search = Table(  # one row per resource that is not deleted
    "search",
    metadata,
    Column("rid", BigInteger, nullable=False, autoincrement=False),
    Column("type", SmallInteger, nullable=False),
    code("id"),
    Column("last_updated", INSTANT, nullable=False),
    Column("patient", Text(collation="C")),  # search/columns.py says which parameter fills
    Column("status", Text(collation="C")),  # these four for each type
    Column("date_low", INSTANT),
    Column("date_high", INSTANT),
    Column("tokens", ARRAY(BigInteger), nullable=False),
    Column("compartments", ARRAY(Text(collation="C")), nullable=False),
    Column("labels", ARRAY(Text(collation="C")), nullable=False),
    Column("index_version", SmallInteger, nullable=False),
    written_by(),
    Column("self", BigInteger),  # the resource's half of the tokens of links to it: search/keys.py
    Column("grams", ARRAY(Integer)),  # trigrams of all strings, for :contains; null where there are none
    Column("words", ARRAY(BigInteger)),  # keyed hashes of the words of all texts, for _text and _content
    Column("orders", JSONB),  # the values of tokens, references and uris that _sort needs
    Column("generation", Integer, nullable=False, server_default=text("0")),  # of the search parameters it was made by
    PrimaryKeyConstraint("rid", name="search_pk"),
    Index("search_type_last_updated_idx", "type", "last_updated", "rid"),
    Index("search_tokens_idx", "tokens", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
    Index("search_compartments_idx", "compartments", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
    Index("search_self_idx", "self"),
    Index(
        "search_grams_idx",
        "grams",
        postgresql_using="gin",
        postgresql_with=PENDING,
        postgresql_where=text("grams IS NOT NULL"),
    ),
    Index(
        "search_words_idx",
        "words",
        postgresql_using="gin",
        postgresql_with=PENDING,
        postgresql_where=text("words IS NOT NULL"),
    ),
    Index("search_date_idx", "type", "date_low", "rid"),
    Index(
        "search_long_date_idx", "type", "date_high", postgresql_where=text("date_high - date_low > interval '1 day'")
    ),
    Index("search_patient_idx", "patient", "type", "date_low", "rid", postgresql_where=text("patient IS NOT NULL")),
    Index("search_status_idx", "type", "status", "date_low", "rid", postgresql_where=text("status IS NOT NULL")),
)


def _side_table(name: str, *values: Column[Any], indexes: tuple[Index, ...]) -> Table:
    """Values of a resource that are compared, not looked up; `key` is the hash of type and name."""
    rid = Column("rid", BigInteger, nullable=False)
    key = Column("key", BigInteger, nullable=False)
    return Table(name, metadata, rid, key, *values, *indexes, Index(f"{name}_rid_idx", "rid"))


search_string = _side_table(
    "search_string",
    Column("value", Text(collation="C"), nullable=False),  # folded: search/types/string.py
    indexes=(Index("search_string_value_idx", "key", "value", "rid"),),
)

search_date = _side_table(  # half-open, [low, high)
    "search_date",
    Column("low", INSTANT, nullable=False),
    Column("high", INSTANT, nullable=False),
    indexes=(
        Index("search_date_low_idx", "key", "low", "rid"),
        Index("search_date_long_idx", "key", "high", postgresql_where=text("high - low > interval '1 day'")),
    ),
)

search_number = _side_table(  # closed, [low, high], infinite where open
    "search_number",
    Column("low", Numeric, nullable=False),
    Column("high", Numeric, nullable=False),
    indexes=(
        Index("search_number_low_idx", "key", "low", "rid"),
        Index("search_number_range_idx", "key", "high", postgresql_where=text("high <> low")),
    ),
)

SIDE_TABLES = (search_string, search_date, search_number)

index_key = Table(  # one row: proof of the key the token hashes were made with
    "index_key",
    metadata,
    Column("single", Boolean, nullable=False, server_default=text("true")),
    Column("proof", BigInteger, nullable=False),
    PrimaryKeyConstraint("single", name="index_key_pk"),
)


search_generation = Table(  # sets of search parameters beyond R4's own: storage/generations.py
    "search_generation",
    metadata,
    Column("generation", Integer, nullable=False, autoincrement=False),
    Column("definitions", JSONB, nullable=False),
    code("state"),
    Column("created", INSTANT, nullable=False, server_default=text("clock_timestamp()")),
    PrimaryKeyConstraint("generation", name="search_generation_pk"),
    Index("search_generation_state_key", "state", unique=True, postgresql_where=text("state <> 'superseded'")),
)
