"""Every failure's face, in one place: error -> HTTP status and OperationOutcome.

https://hl7.org/fhir/R4/operationoutcome.html, https://hl7.org/fhir/R4/http.html#status-codes
"""

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from fhir_server import errors
from fhir_server.errors import GalenicError, Issue

RESPONSES: Final[dict[type[Exception], tuple[int, str]]] = {
    errors.Malformed: (400, "structure"),
    errors.Invalid: (400, "invalid"),
    errors.NotSupported: (400, "not-supported"),
    errors.Unauthorized: (401, "login"),
    errors.Forbidden: (403, "forbidden"),
    errors.TooCostly: (403, "too-costly"),
    errors.NotFound: (404, "not-found"),
    errors.MethodNotAllowed: (405, "not-supported"),
    errors.NotAcceptable: (406, "not-supported"),
    errors.TooSlow: (408, "timeout"),
    errors.Conflict: (409, "conflict"),
    errors.Gone: (410, "deleted"),
    errors.Stale: (412, "conflict"),
    errors.Ambiguous: (412, "multiple-matches"),
    errors.TooLarge: (413, "too-long"),
    errors.UnsupportedMedia: (415, "not-supported"),
    errors.Unprocessable: (422, "processing"),
    errors.TooMany: (429, "throttled"),
    errors.Unavailable: (503, "transient"),
}

INTERNAL_ERROR: Final = (500, "exception")


def status_and_issues(error: Exception) -> tuple[int, tuple[Issue, ...]]:
    """What the client is told; an error that is not ours says nothing of itself."""
    status, code = next((RESPONSES[kind] for kind in type(error).__mro__ if kind in RESPONSES), INTERNAL_ERROR)
    if status == INTERNAL_ERROR[0] or not isinstance(error, GalenicError):
        return status, (Issue(code, "The server failed; the request id finds the cause in its log", severity="fatal"),)
    return status, error.issues or (Issue(code, error.message),)


def outcome_resource(issues: Iterable[Issue]) -> dict[str, Any]:
    """An OperationOutcome; without issues it says that all is well."""
    listed = [_issue(issue) for issue in issues]
    return {"resourceType": "OperationOutcome", "issue": listed or [_issue(ALL_WELL)]}


def outcome_body(issues: Iterable[Issue]) -> bytes:
    return msgspec.json.encode(outcome_resource(issues))


ALL_WELL: Final = Issue("informational", "All is well", severity="information")


_NO_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""What a FHIR string may not hold; a message that repeats the client's words might."""


def _issue(issue: Issue) -> dict[str, Any]:
    text = _NO_CHARACTERS.sub("\N{REPLACEMENT CHARACTER}", issue.diagnostics)
    shown: dict[str, Any] = {
        "severity": issue.severity,
        "code": issue.code,
        "details": {"text": text},
        "diagnostics": text,
    }
    if issue.expression:
        shown["expression"] = [_NO_CHARACTERS.sub("\N{REPLACEMENT CHARACTER}", issue.expression)]
    return shown
