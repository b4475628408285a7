"""A request and a response of the FHIR API, free of ASGI: batch entries are made of the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fhir_server.audit.record import Record
from fhir_server.auth.context import Context
from fhir_server.auth.grant import NOTHING, Grant
from fhir_server.errors import Issue
from fhir_server.storage.version import Version

FHIR_JSON = "application/fhir+json"

Return = Literal["minimal", "representation", "OperationOutcome"]
Handling = Literal["strict", "lenient"]


@dataclass(frozen=True, slots=True)
class Preferences:
    """The `Prefer` header; None where the client has none. https://hl7.org/fhir/R4/http.html#ops."""

    returning: Return | None = None
    handling: Handling | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """`parameters` are the query's pairs in their order, `resource` a body that was parsed before.

    `place` is the entry of the Bundle this request stands in, `new_id` the id a new resource gets,
    `member` the type that is searched in the compartment `type_name`/`id`.
    """

    method: str
    context: Context
    type_name: str = ""
    id: str = ""
    version_id: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    resource: Any = None
    validated: bool = False
    preferences: Preferences = Preferences()
    place: str = ""
    new_id: str = ""
    member: str = ""
    grant: Grant = NOTHING

    def parameter(self, name: str) -> str | None:
        """The last value of a control parameter."""
        return next((value for key, value in reversed(self.parameters) if key == name), None)


@dataclass(frozen=True, slots=True)
class Response:
    """`body` is JSON as it is sent, None for none; `version` the one it speaks of.

    `released` are the compartments (`Patient/1`) of all resources in the body: whose data leaves. `recorded`: the
    transaction of a write has put it into the audit trail; `records` are those of a Bundle's entries.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    version: Version | None = None
    warnings: tuple[Issue, ...] = ()
    released: frozenset[str] = frozenset()
    recorded: bool = False
    records: tuple[Record, ...] = ()
