"""The interactions that are recorded: how an AuditEvent calls each, and which of them a daily review lists.

R4's restful-interactions and ours. https://hl7.org/fhir/R4/valueset-audit-event-sub-type.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Action = Literal["C", "R", "U", "D", "E"]

REST: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
RESTFUL: Final = "http://hl7.org/fhir/restful-interaction"
DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
OURS: Final = "urn:x-galenic:audit-interaction"

Coding = tuple[str, str, str]
"""System, code, display."""

RESTFUL_OPERATION: Final = (REST, "rest", "RESTful Operation")
AUTHENTICATION: Final = (DICOM, "110114", "User Authentication")
SECURITY_ALERT: Final = (DICOM, "110113", "Security Alert")
AUDIT_LOG_USED: Final = (DICOM, "110101", "Audit Log Used")
EXPORTED: Final = (DICOM, "110106", "Export")
RECEIVED: Final = (DICOM, "110107", "Import")
APPLICATION: Final = (DICOM, "110100", "Application Activity")


@dataclass(frozen=True, slots=True)
class Interaction:
    """`kind` and `subtype` as AuditEvent.type and .subtype, `what` a sentence's worth of words for a report."""

    kind: Coding
    subtype: Coding
    action: Action
    what: str


def _rest(code: str, action: Action, what: str) -> Interaction:
    return Interaction(RESTFUL_OPERATION, (RESTFUL, code, code), action, what)


def _own(kind: Coding, code: str, action: Action, what: str) -> Interaction:
    return Interaction(kind, (OURS, code, what), action, what)


INTERFERENCE: Final = "audit-interference"
RETENTION: Final = "audit-retention"
VERIFICATION: Final = "audit-verify"
LOGIN: Final = "login"
LOCK_OUT: Final = "lock-out"
REFUSED: Final = "refused"
ACCESS_CONTROL: Final = "access-control"
BREAK_GLASS: Final = "break-glass"

INTERACTIONS: Final[Mapping[str, Interaction]] = {
    "read": _rest("read", "R", "read"),
    "vread": _rest("vread", "R", "read of a version"),
    "create": _rest("create", "C", "create"),
    "update": _rest("update", "U", "update"),
    "patch": _rest("patch", "U", "patch"),
    "delete": _rest("delete", "D", "delete"),
    "search-type": _rest("search-type", "E", "search"),
    "search-system": _rest("search-system", "E", "search of all types"),
    "history-instance": _rest("history-instance", "R", "history of a resource"),
    "history-type": _rest("history-type", "R", "history of a type"),
    "history-system": _rest("history-system", "R", "history of all types"),
    "batch": _rest("batch", "E", "batch"),
    "transaction": _rest("transaction", "E", "transaction"),
    "capabilities": _rest("capabilities", "R", "capabilities"),
    "operation": _rest("operation", "E", "operation"),
    LOGIN: Interaction(AUTHENTICATION, (DICOM, "110122", "Login"), "E", "login"),
    "logout": Interaction(AUTHENTICATION, (DICOM, "110123", "Logout"), "E", "logout"),
    LOCK_OUT: _own(SECURITY_ALERT, LOCK_OUT, "E", "lock-out"),
    REFUSED: _own(SECURITY_ALERT, REFUSED, "E", "refused credentials"),
    "authorize": _own(AUTHENTICATION, "authorize", "E", "authorization of an app"),
    "consent": _own(AUTHENTICATION, "consent", "E", "decision on what an app asked for"),
    "token": _own(AUTHENTICATION, "token", "E", "issue of a token"),
    "introspect": _own(AUTHENTICATION, "introspect", "R", "introspection of a token"),
    "revoke": _own(AUTHENTICATION, "revoke", "D", "revocation of a token"),
    ACCESS_CONTROL: _own(SECURITY_ALERT, ACCESS_CONTROL, "U", "change of access control"),
    BREAK_GLASS: Interaction(SECURITY_ALERT, (DICOM, "110127", "Emergency Override Started"), "E", "emergency access"),
    "export": _own(EXPORTED, "export", "E", "export"),
    "export-download": _own(EXPORTED, "export-download", "R", "download of an export"),
    "notification": _own(EXPORTED, "notification", "E", "delivery to a subscriber"),
    "message": _own(RECEIVED, "message", "C", "message received"),
    VERIFICATION: _own(AUDIT_LOG_USED, VERIFICATION, "R", "verification of the audit trail"),
    RETENTION: _own(AUDIT_LOG_USED, RETENTION, "D", "expiry of audit records"),
    INTERFERENCE: _own(SECURITY_ALERT, INTERFERENCE, "E", "interference with the audit trail"),
}

UNKNOWN: Final = _own(APPLICATION, "other", "E", "other activity")


def interaction(code: str) -> Interaction:
    """How a recorded interaction is shown; one of a later release is other activity."""
    return INTERACTIONS.get(code, UNKNOWN)
