"""What a client wants written, before it is known what that means for the store."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from fhir_server.errors import Issue
from fhir_server.search.index import IndexRow
from fhir_server.search.query import Query
from fhir_server.storage.version import Version

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Precondition:
    """`versions`: one of them must be current (If-Match); `present`: whether there must be a resource at all."""

    versions: frozenset[int] | None = None
    present: bool | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """One create, update, patch or delete, by id or by condition.

    `id` is the one the client names, `new_id` the one a new resource gets where it names none. `place` is where the
    intent stands in a Bundle ("Bundle.entry[3]", or ""); `delete_all`: a conditional delete may delete several;
    `index`: the search row of `resource` where it was computed already. `merge` makes of the current resource and
    `resource` what an update writes, where it is not to replace the whole.
    """

    kind: Literal["create", "update", "patch", "delete"]
    type_name: str
    new_id: str
    id: str | None = None
    condition: Query | None = None
    resource: Resource | None = None
    patch: Callable[[Resource], Resource] | None = None
    precondition: Precondition = Precondition()
    delete_all: bool = False
    place: str = ""
    index: IndexRow | None = None
    merge: Callable[[Resource, Resource], Resource] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """`version` is what is current now (None: nothing was there to delete); `written`: this request made it."""

    status: int
    version: Version | None
    written: bool = False
    warnings: tuple[Issue, ...] = ()
