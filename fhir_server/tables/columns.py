"""What the tables have in common."""

from sqlalchemy import Column, DateTime, MetaData, Text, text
from sqlalchemy.types import UserDefinedType


class XID8(UserDefinedType[int]):
    """A 64-bit transaction id: says in which snapshots a row is visible."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


metadata = MetaData()

THIS_TRANSACTION = text("pg_current_xact_id()")
NO_TEXTS = text("'{}'::text[]")
INSTANT = DateTime(timezone=True)


def code(name: str = "id") -> Column[str]:
    return Column(name, Text(collation="C"), nullable=False)


def written_by() -> Column[int]:
    return Column("xid", XID8, nullable=False, server_default=THIS_TRANSACTION)
