"""One thing that happened, as the audit trail keeps it."""

from dataclasses import dataclass

from fhir_server.auth.context import Context


@dataclass(frozen=True, slots=True)
class Record:
    """An interaction with FHIR, a login, a grant, an export: what was asked, of what, and how it ended.

    `interaction` is a code of R4's restful-interaction (`read`, `search-type`), or ours (`login`, `token`,
    `break-glass`; audit/interactions.py lists them); `status` the HTTP status. `patients` are the ids of those whose
    data left or changed.
    """

    context: Context
    interaction: str
    status: int
    type_name: str = ""
    id: str = ""
    version: int | None = None
    patients: tuple[str, ...] = ()
    query: str = ""
    """What a search or history asked, as the path and query below the base: `Observation?code=8480-6`.

    It may name patients: it is in the audit trail and nowhere else.
    """
    count: int = 1
    """How many alike this one stands for."""
    detail: str = ""
    """What the columns cannot say: whose password was changed, which scopes were granted. Never a secret."""
