"""What the audit trail says of a notification: it is there before the notification leaves. docs/audit/events.md."""

from typing import Final
from uuid import uuid4

from fhir_server.audit.record import Record
from fhir_server.auth.access import TREATMENT
from fhir_server.auth.context import Context
from fhir_server.notifications.telling import Message
from fhir_server.storage.subscriptions import SUBSCRIPTION, Row

PATIENT: Final = "Patient/"
NOBODY: Final = {"actor": "anonymous", "client": "anonymous", "purpose": TREATMENT, "role": ""}
"""Who is told by a server without authorization."""


def record_of(row: Row, message: Message) -> Record:
    """Of events that are told from `row.delivered` on, to whoever wrote the Subscription."""
    access = row.access or NOBODY
    context = Context(access["actor"], access["client"], access["purpose"], str(uuid4()), access["role"])
    patients = tuple(sorted(one.removeprefix(PATIENT) for one in message.patients if one.startswith(PATIENT)))
    detail = f"events {row.delivered + 1} to {message.last}"
    return Record(context, "notification", 200, SUBSCRIPTION, row.id, patients=patients, detail=detail)
