"""An error as the client sees it, and as the log does."""

import logging
import traceback
from typing import Final

from fhir_server.errors import GalenicError
from fhir_server.outcome import outcome_body, status_and_issues
from fhir_server.rest.message import Response

LOG = logging.getLogger(__name__)

RETRY_AFTER_SECONDS: Final = 1


def failure(error: Exception, request_id: str) -> Response:
    """The OperationOutcome of an error."""
    status, issues = status_and_issues(error)
    headers = dict(error.headers) if isinstance(error, GalenicError) else {}
    if status == 503:  # noqa: PLR2004 - Service Unavailable
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    log_unexpected(error, request_id)
    return Response(status, headers, outcome_body(issues))


def log_unexpected(error: Exception, request_id: str) -> None:
    """An error that is not ours is logged by its kind and place, never by its values."""
    if status_and_issues(error)[0] == 500:  # noqa: PLR2004 - Internal Server Error
        place = "".join(traceback.format_tb(error.__traceback__)[-4:])
        LOG.error("request %s failed with %s\n%s", request_id, type(error).__name__, place)
