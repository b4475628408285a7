"""The table of routes: what the dispatcher follows and the CapabilityStatement is computed from.

https://hl7.org/fhir/R4/http.html#summary
"""

from typing import Final

from fhir_server.rest.batch import batch_or_transaction
from fhir_server.rest.capabilities import capabilities
from fhir_server.rest.create import create
from fhir_server.rest.delete import delete
from fhir_server.rest.history import history
from fhir_server.rest.operations.binding import get_ws_binding_token
from fhir_server.rest.operations.convert import convert
from fhir_server.rest.operations.everything import everything
from fhir_server.rest.operations.job_status import job_status
from fhir_server.rest.operations.process_message import process_message
from fhir_server.rest.operations.reindex import reindex
from fhir_server.rest.operations.subscription import subscription_events, subscription_status
from fhir_server.rest.patch import patch
from fhir_server.rest.read import read
from fhir_server.rest.route import OPERATION, Route
from fhir_server.rest.search import search, search_by_post
from fhir_server.rest.update import update
from fhir_server.rest.vread import vread

ROUTES: Final = (
    Route("GET", "/metadata", "capabilities", capabilities),
    Route("POST", "/", "transaction", batch_or_transaction),
    Route("GET", "/_history", "history-system", history),
    Route("GET", "/", "search-system", search),
    Route("POST", "/_search", "search-system", search_by_post),
    Route("POST", "/$reindex", OPERATION, reindex, needs_all=(("u", "SearchParameter"),)),
    Route("POST", "/$convert", OPERATION, convert),
    Route("POST", "/$process-message", OPERATION, process_message),
    Route("GET", "/$job-status", OPERATION, job_status, needs_all=(("r", "SearchParameter"),)),
    Route("GET", "/{type}", "search-type", search),
    Route("POST", "/{type}/_search", "search-type", search_by_post),
    Route("POST", "/{type}", "create", create),
    Route("PUT", "/{type}", "update", update),
    Route("PATCH", "/{type}", "patch", patch),
    Route("DELETE", "/{type}", "delete", delete),
    Route("GET", "/{type}/_history", "history-type", history),
    Route("GET", "/{type}/{id}", "read", read),
    Route("PUT", "/{type}/{id}", "update", update),
    Route("PATCH", "/{type}/{id}", "patch", patch),
    Route("DELETE", "/{type}/{id}", "delete", delete),
    Route("GET", "/{type}/{id}/{member}", "search-type", search),
    Route("POST", "/{type}/{id}/{member}/_search", "search-type", search_by_post),
    Route("GET", "/{type}/{id}/$everything", OPERATION, everything, "r"),
    Route("POST", "/{type}/{id}/$everything", OPERATION, everything, "r"),
    Route("GET", "/{type}/$status", OPERATION, subscription_status, "r"),
    Route("POST", "/{type}/$status", OPERATION, subscription_status, "r"),
    Route("GET", "/{type}/{id}/$status", OPERATION, subscription_status, "r"),
    Route("POST", "/{type}/{id}/$status", OPERATION, subscription_status, "r"),
    Route("GET", "/{type}/{id}/$events", OPERATION, subscription_events, "r"),
    Route("POST", "/{type}/{id}/$events", OPERATION, subscription_events, "r"),
    Route("GET", "/{type}/$get-ws-binding-token", OPERATION, get_ws_binding_token, "r"),
    Route("POST", "/{type}/$get-ws-binding-token", OPERATION, get_ws_binding_token, "r"),
    Route("GET", "/{type}/{id}/$get-ws-binding-token", OPERATION, get_ws_binding_token, "r"),
    Route("POST", "/{type}/{id}/$get-ws-binding-token", OPERATION, get_ws_binding_token, "r"),
    Route("GET", "/{type}/{id}/_history", "history-instance", history),
    Route("GET", "/{type}/{id}/_history/{vid}", "vread", vread),
)
