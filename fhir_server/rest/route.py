"""What a route is, and how the one for a request is found."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fhir_server.errors import MethodNotAllowed, NotFound
from fhir_server.rest.message import Request, Response
from fhir_server.rest.paths import Target

Handler = Callable[[Any, Request], Awaitable[Response]]
"""(Server, Request) -> Response; the server knows its routes, so the type is closed here."""


OPERATION: Final = "operation"

NEEDS: Final = {
    "read": "r",
    "vread": "r",
    "history-instance": "r",
    "history-type": "s",
    "history-system": "s",
    "search-type": "s",
    "search-system": "s",
    "create": "c",
    "update": "u",
    "patch": "u",
    "delete": "d",
}
"""https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources"""


@dataclass(frozen=True, slots=True)
class Route:
    """`interaction` is the code of R4's TypeRestfulInteraction or SystemRestfulInteraction, or OPERATION.

    `needs_all` are interactions and types that must be granted on all resources. An operation says itself what it
    needs; the entries of a Bundle are judged one by one.
    https://hl7.org/fhir/R4/valueset-type-restful-interaction.html
    """

    method: str
    template: str
    interaction: str
    handler: Handler
    operation_needs: str = ""
    needs_all: tuple[tuple[str, str], ...] = ()

    @property
    def needs(self) -> str:
        """The letters of SMART's scopes that have to be granted on the type."""
        return self.operation_needs or NEEDS.get(self.interaction, "")


class RouteTable:
    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        self._by_key = {(route.method, route.template): route for route in routes}

    def find(self, method: str, target: Target) -> Route:
        """The route; HEAD goes where GET goes.

        Raises `NotFound` for an operation there is none of, `MethodNotAllowed` with the methods that are.
        """
        route = self._by_key.get(("GET" if method == "HEAD" else method, target.template))
        if route is not None:
            return route
        allowed = {r.method for r in self.routes if r.template == target.template}
        if not allowed:
            raise NotFound(f"There is no operation {target.template.rpartition('/')[2][:60]} here")
        allowed |= {"HEAD"} if "GET" in allowed else set()
        raise MethodNotAllowed(f"{method[:10]} is not allowed here", headers={"Allow": ", ".join(sorted(allowed))})
