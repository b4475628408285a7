"""The criteria of conditional interactions. https://hl7.org/fhir/R4/http.html#ccreate."""

from collections.abc import Sequence

from fhir_server.errors import Invalid, Issue
from fhir_server.rest.message import Request
from fhir_server.rest.parameters import parse_pairs
from fhir_server.rest.permission import refused, sight
from fhir_server.rest.server import Server
from fhir_server.search.parse import parse
from fhir_server.search.query import Query

FORMAT = frozenset({"_format", "_pretty"})
"""Parameters that say how to write an answer down."""

CONTROL = FORMAT | {"_summary", "_elements"}
"""Parameters that say how to answer, not what to look for."""

RESULTS = frozenset({"_count", "_sort", "_total", "_include", "_revinclude", "_explain", "_summary", "_elements"})
"""Parameters of the results of a search: a condition has none."""


def criteria_of(parameters: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for pair in parameters if pair[0] not in CONTROL]


def condition(server: Server, request: Request, pairs: Sequence[tuple[str, str]]) -> Query:
    """The query, which matches nothing its caller cannot see; what would match everything is `Invalid`.

    Raises `Forbidden` where no scope allows to search: whoever may not would learn by it what is there.
    """
    type_name = request.type_name
    if not request.grant.allows("s", type_name):
        raise refused("s", type_name)
    options = server.parse_options(None, sight(server, request, "s"))
    query, warnings = parse(server.indexer.registry, type_name, pairs, options)
    if warnings or any(name.partition(":")[0] in RESULTS for name, _ in pairs):
        message = f"A condition may only use search parameters of {type_name}, and none of results such as _count"
        raise Invalid(message, [Issue("invalid", message)])
    if not pairs:
        raise Invalid(f"A conditional interaction on {type_name} needs search criteria")
    return query


def if_none_exist(server: Server, request: Request, header: str) -> Query:
    """The header's query; a leading `Type?` is allowed and must be the right type."""
    prefix, separator, text = header.partition("?")
    if not separator or "=" in prefix:  # a question mark in a value
        text = header
    elif prefix.strip("/").rpartition("/")[2] != request.type_name:
        raise Invalid(f"If-None-Exist asks for another type than {request.type_name}")
    return condition(server, request, parse_pairs(text))
