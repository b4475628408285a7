"""What a partner asks of the store by a message: a search of the FHIR API, held to Consents and recorded."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from fhir_server.auth.context import Context
from fhir_server.storage.intents import Resource


@dataclass(frozen=True, slots=True)
class Found:
    """`patients` are the ids of those whose data are in the resources."""

    resources: Sequence[Resource]
    patients: tuple[str, ...]


Search = Callable[[Context, str, str], Awaitable[Found]]
"""Resources of a type that match a query (`patient.identifier=…`), and what it includes, as one who sees what a
system may; raises what a search raises."""
