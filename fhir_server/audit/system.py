"""Records of what the installation does by itself, with nobody asking."""

from typing import Final
from uuid import uuid4

from fhir_server.audit.record import Record
from fhir_server.auth.context import Context

SYSTEM: Final = "system"
OPERATIONS: Final = "HOPERAT"
"""PurposeOfUse: healthcare operations. https://terminology.hl7.org/ValueSet-v3-PurposeOfUse.html."""


def system_record(interaction: str, detail: str, *, status: int = 200, count: int = 1) -> Record:
    context = Context(SYSTEM, SYSTEM, OPERATIONS, str(uuid4()))
    return Record(context, interaction, status, count=count, detail=detail)
