"""Patient/$everything: a patient's compartment, and what its resources refer to. docs/operations/everything.md.

https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from fhir_server.auth.compartments import PATIENT_FREE
from fhir_server.errors import Gone, Invalid, NotFound
from fhir_server.model.resource_types import NUMBERS
from fhir_server.rest.message import Request, Response
from fhir_server.rest.operations.asking import asked as parameters_of
from fhir_server.rest.operations.asking import once, refused
from fhir_server.rest.operations.related import related
from fhir_server.rest.permission import sight, visible
from fhir_server.rest.search import position
from fhir_server.rest.searchset import CURSOR, Answer, searchset
from fhir_server.rest.server import Server
from fhir_server.search.boolean import flat
from fhir_server.search.care_dates import CaredFor
from fhir_server.search.criteria import Criteria
from fhir_server.search.parse import parse_count
from fhir_server.search.predicate import Predicate
from fhir_server.search.query import Query
from fhir_server.search.resource import InCompartment, OfTypes
from fhir_server.search.sight import EVERYTHING
from fhir_server.search.types.date import EARLIEST, LATEST, Ends, span
from fhir_server.storage.database import Connection
from fhir_server.storage.pages import Searcher
from fhir_server.storage.read import current_versions
from fhir_server.storage.version import Version

OPERATION: Final = "$everything"

VALUES: Final = {
    "start": "valueDate",
    "end": "valueDate",
    "_since": "valueInstant",
    "_type": "valueCode",
    "_count": "valueInteger",
}
"""The parameters, and the element of Parameters.parameter each has its value in."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`types` are those that are shown (none: all), `since` when the oldest of them was updated."""

    query: Query
    types: frozenset[str]
    since: datetime | None

    def shows(self, version: Version) -> bool:
        recent = self.since is None or version.last_updated >= self.since
        return recent and (not self.types or version.type_name in self.types)


async def everything(server: Server, request: Request) -> Response:
    """A searchset Bundle, page by page; `NotFound` and `Gone` for the patient, `Invalid` for parameters."""
    if request.type_name != "Patient":
        raise NotFound(f"There is no operation $everything on {request.type_name}")
    asked = _asked(server, request, parameters_of(server, request, OPERATION, VALUES))
    path = f"Patient/{request.id}/$everything"
    begun = Answer(path, asked.query, cursor=request.parameter(CURSOR))
    after, snapshot = position(server, begun)
    async with server.database.connection() as connection:
        await _check_patient(connection, server, request)
        found = await Searcher(connection, server.finder).page(asked.query, after, snapshot)
        included = await related(connection, server, request, found.versions)
    shown = replace(found, versions=[one for one in found.versions if asked.shows(one)])
    included = replace(included, versions=[one for one in included.versions if asked.shows(one)])
    done = replace(begun, found=shown, included=included)
    return Response(200, {}, searchset(server, done), released=done.released)


async def _check_patient(connection: Connection, server: Server, request: Request) -> None:
    current = await current_versions(connection, [("Patient", request.id)])
    found = await visible(connection, server, request, current.values())
    if not found:
        raise NotFound(f"There is no Patient/{request.id}")
    if found[0].deleted:
        raise Gone(f"Patient/{request.id} was deleted")


def _asked(server: Server, request: Request, pairs: Sequence[tuple[str, str]]) -> Asked:
    named = once(OPERATION, pairs, "_type")
    types = frozenset(one for name, text in pairs if name == "_type" for one in text.split(","))
    if unknown := sorted(types - NUMBERS.keys()):
        raise _invalid("_type", f"names '{unknown[0][:60]}', which is no resource type")
    since = _span("_since", named["_since"]) if "_since" in named else None
    count = parse_count(named["_count"], server.limits.page_size_max) if "_count" in named else server.limits.page_size
    if count == 0:
        raise _invalid("_count", "is 1 or more")
    applied = (*(pair for pair in pairs if pair[0] != "_count"), ("_count", str(count)))
    seen = sight(server, request, "r")
    where = flat((*_where(server, request.id, named, types), seen.of("")))
    query = Query("", where, applied, count=count, sight=seen)
    return Asked(query, types, since[0] if since else None)


def _where(server: Server, patient_id: str, named: dict[str, str], types: frozenset[str]) -> Iterator[Predicate]:
    """What a member of the answer satisfies. Where types are shown that others bring along, all of those are read."""
    yield InCompartment((f"Patient/{patient_id}",))
    if types and types.isdisjoint(PATIENT_FREE):
        yield OfTypes(tuple(sorted(types)))
    if "_since" in named:
        options = server.parse_options(None, EVERYTHING)
        criteria = Criteria(server.indexer.registry, server.base_url, options.now)
        yield criteria.of_type("", "_lastUpdated", f"ge{named['_since']}")
    low = _span("start", named["start"])[0] if "start" in named else EARLIEST
    high = _span("end", named["end"])[1] if "end" in named else LATEST
    if "start" in named or "end" in named:
        yield CaredFor(low, high)


def _span(name: str, text: str) -> Ends:
    found = span(text)
    if found is None:
        raise _invalid(name, "is a date or time such as 2024-02-29")
    return found


def _invalid(name: str, problem: str) -> Invalid:
    return refused(OPERATION, name, problem)
