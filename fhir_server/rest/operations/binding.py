"""$get-ws-binding-token: what a websocket is bound to Subscriptions with. docs/operations/get-ws-binding-token.md.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-get-ws-binding-token.html
"""

from typing import Final

from fhir_server.clock import instant
from fhir_server.errors import Forbidden, Invalid, TooCostly, Unprocessable
from fhir_server.model.parser import write
from fhir_server.notifications.passes import Holder, Pass, holder_of
from fhir_server.notifications.rights import grants
from fhir_server.notifications.sockets import BINDINGS_MAX
from fhir_server.notifications.speaking import ENDED
from fhir_server.rest.message import Request, Response
from fhir_server.rest.operations.asking import asked
from fhir_server.rest.operations.subscription import refuse_other_types, seen, unknown
from fhir_server.rest.server import Server
from fhir_server.storage.subscriptions import SUBSCRIPTION, Row, access_of
from subscriptions.request import Requested

OPERATION: Final = "$get-ws-binding-token"
PARAMETERS: Final = {"id": "valueId"}


async def get_ws_binding_token(server: Server, request: Request) -> Response:
    """200 with Parameters that have a token; `NotFound`, `Invalid`, `Forbidden`, `TooCostly`, `Unprocessable`."""
    refuse_other_types(request, OPERATION)
    ids = _ids(server, request)
    async with server.database.connection() as connection:
        found = await seen(connection, server, request, ids)
        holder = holder_of(await access_of(connection, request.context.token_id))
        told = await grants(connection, [row for row, _ in found], is_open=server.access is None)
    rows = {row.id: row for row, _ in found}
    for missing in [one for one in ids if one not in rows]:
        raise unknown(missing)
    for row, asks in found:
        _check(row, asks, holder)
        if row.rid in told and not request.grant.includes(told[row.rid], "r"):
            raise Forbidden(f"{SUBSCRIPTION}/{row.id} was written with a token that may read more, or other patients")
    one = Pass(holder, request.context.token_id, tuple((row.rid, row.began) for row in rows.values()))
    token, expires = server.passes.seal(one)
    return Response(200, {}, write(_parameters(token, instant(expires), list(rows), server.websocket_url)))


def _ids(server: Server, request: Request) -> list[str]:
    """Of one Subscription, or of those that are named; each once."""
    pairs = asked(server, request, OPERATION, PARAMETERS)
    ids = [request.id] if request.id else [one for _, text in pairs for one in text.split(",")]
    if not ids:
        raise Invalid(f"{OPERATION}: name the Subscriptions by id")
    if len(set(ids)) > BINDINGS_MAX:
        raise TooCostly(f"{OPERATION}: a token is for {BINDINGS_MAX} Subscriptions at most")
    return list(dict.fromkeys(ids))


def _check(row: Row, asks: Requested, holder: Holder) -> None:
    """A socket is told what the writer of the Subscription may see: nobody else is given a token."""
    name = f"{SUBSCRIPTION}/{row.id}"
    if not holder.has_written(row):
        raise Forbidden(f"{name} was written by another client, or for another person")
    if asks.channel != "websocket":
        raise Unprocessable(f"{name} is not told by websocket")
    if row.state in ENDED:
        raise Unprocessable(f"{name} is {row.state}: it has to be requested again")


def _parameters(token: str, expiration: str, ids: list[str], url: str) -> dict[str, object]:
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "token", "valueString": token},
            {"name": "expiration", "valueDateTime": expiration},
            *({"name": "subscription", "valueString": one} for one in ids),
            {"name": "websocket-url", "valueUrl": url},
        ],
    }
