"""What identity records in the audit trail: each record in the transaction of its effect."""

from dataclasses import dataclass
from typing import Final

from fhir_server.audit.record import Record
from fhir_server.audit.statements import INSERT, parameters
from fhir_server.auth.access import TREATMENT
from fhir_server.auth.context import Context
from fhir_server.identity.people import Person
from fhir_server.identity.transactions import Transaction

PAGES: Final = "galenic-pages"
"""The client of whoever is on the server's own pages."""

NOBODY: Final = "anonymous"
"""Who has not said who they are, or said so without proof and is nobody."""

OK: Final = 200
REFUSED: Final = 401
LOCKED: Final = 429


@dataclass(frozen=True, slots=True)
class Visitor:
    """A request of a browser: its network address, and the id of the request."""

    address: str
    request_id: str

    def context(self, person: Person | None) -> Context:
        actor, role = (person.fhir_user, person.role) if person else (NOBODY, "")
        return Context(actor, PAGES, TREATMENT, self.request_id, role=role, address=self.address)


def record(transaction: Transaction, what: Record) -> None:
    transaction.execute(INSERT, parameters(what))
