"""Records of what the installation does by itself, with nobody asking."""

from fhir_server.audit.record import Record
from fhir_server.auth.context import system_context


def system_record(interaction: str, detail: str, *, status: int = 200, count: int = 1) -> Record:
    return Record(system_context(), interaction, status, count=count, detail=detail)
