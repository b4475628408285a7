"""Every way a request can fail, named; `outcome.py` says how each looks on the wire."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Issue:
    """One problem: `code` is an IssueType, `expression` the FHIRPath of its place ("" when there is none).

    https://hl7.org/fhir/R4/operationoutcome.html
    """

    code: str
    diagnostics: str
    expression: str = ""
    severity: str = "error"


class GalenicError(Exception):
    """A failure with a sentence for the caller; never holds another patient's data."""

    def __init__(self, message: str, issues: Sequence[Issue] = (), headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.issues = tuple(issues)
        self.headers = headers or {}


class Malformed(GalenicError):
    """The bytes are not the JSON we accept."""


class Invalid(GalenicError):
    """The request or resource breaks a rule of the R4 specification."""


class Unprocessable(GalenicError):
    """The resource is valid R4 and breaks a rule of this server (referential integrity, ...)."""


class Unauthorized(GalenicError):
    """The request has no access token, or one that is unknown, expired or revoked."""


class Forbidden(GalenicError):
    """The access token does not allow this."""


class NotFound(GalenicError):
    """There is no such resource, version, type or operation for this caller."""


class Gone(GalenicError):
    """The resource was deleted."""


class Conflict(GalenicError):
    """The request collides with the state of the resource."""


class Stale(GalenicError):
    """If-Match names a version that is not the current one."""


class Ambiguous(GalenicError):
    """A conditional interaction matches more than one resource."""


class MethodNotAllowed(GalenicError):
    """The route exists, this method on it does not."""


class NotAcceptable(GalenicError):
    """No representation the client accepts is one we have."""


class UnsupportedMedia(GalenicError):
    """The body is in a format or coding we do not read."""


class TooLarge(GalenicError):
    """The body, URL or header is past its limit."""


class TooCostly(GalenicError):
    """The request is past a limit of depth, count or time."""


class TooSlow(GalenicError):
    """The body did not arrive within its time."""


class TooMany(GalenicError):
    """The client makes more requests than it may."""


class NotSupported(GalenicError):
    """The specification has it, this server does not have it yet."""


class WrongIndexKey(GalenicError):
    """The search index was made with another GALENIC_INDEX_KEY: with this one nothing in it would be found."""


class Unavailable(GalenicError):
    """A part the request needs (database) is away; trying again later may work."""
