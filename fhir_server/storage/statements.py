"""SQL templates, compiled once from SQLAlchemy Core to the text psycopg runs."""

from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql.compiler import SQLCompiler

_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]


def compile_template(statement: Executable) -> str:
    """SQL with `%(name)s` placeholders; every value is a bind parameter, none is written into the text."""
    compiled = statement.compile(dialect=_DIALECT)  # type: ignore[attr-defined]
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 - narrows the type
    return str(compiled)
