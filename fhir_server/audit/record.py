"""One thing that happened, as the audit trail keeps it."""

from dataclasses import dataclass

from fhir_server.auth.context import Context


@dataclass(frozen=True, slots=True)
class Record:
    """An interaction with FHIR, a login, a grant, an export: what was asked, of what, and how it ended.

    `interaction` is a code of R4's restful-interaction (`read`, `search-type`), or ours (`login`, `token`,
    `break-glass`); `status` the HTTP status. `patients` are the ids of those whose data left or changed. `query` is the
    query of a search as it was asked, which may name patients: it is in the audit trail and nowhere else.
    """

    context: Context
    interaction: str
    status: int
    type_name: str = ""
    id: str = ""
    version: int | None = None
    patients: tuple[str, ...] = ()
    query: str = ""
    count: int = 1
    """How many alike this one stands for."""
