"""Audit records by what matters to a test."""

from typing import Any

from fhir_server.audit.record import Record
from fhir_server.auth.context import Context

CONTEXT = {"actor": "Practitioner/1", "client": "app", "purpose": "TREAT", "request_id": "request"}


def a_context(**fields: Any) -> Context:
    return Context(**CONTEXT | fields)


def a_record(interaction: str = "read", status: int = 200, *, context: Context | None = None, **fields: Any) -> Record:
    return Record(context or a_context(), interaction, status, **fields)
