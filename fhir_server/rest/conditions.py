"""The criteria of conditional interactions. https://hl7.org/fhir/R4/http.html#ccreate."""

from collections.abc import Sequence

from fhir_server.errors import Invalid, Issue
from fhir_server.rest.parameters import parse_pairs
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


def condition(server: Server, type_name: str, pairs: Sequence[tuple[str, str]]) -> Query:
    """The query; raises `Invalid` where there are no criteria, or unknown ones: they would match everything."""
    query, warnings = parse(server.indexer.registry, type_name, pairs, server.parse_options(None))
    if warnings or any(name.partition(":")[0] in RESULTS for name, _ in pairs):
        message = f"A condition may only use search parameters of {type_name}, and none of results such as _count"
        raise Invalid(message, [Issue("invalid", message)])
    if not query.where:
        raise Invalid(f"A conditional interaction on {type_name} needs search criteria")
    return query


def if_none_exist(server: Server, type_name: str, header: str) -> Query:
    """The header's query; a leading `Type?` is allowed and must be the right type."""
    prefix, separator, text = header.partition("?")
    if not separator or "=" in prefix:  # a question mark in a value
        text = header
    elif prefix.strip("/").rpartition("/")[2] != type_name:
        raise Invalid(f"If-None-Exist asks for another type than {type_name}")
    return condition(server, type_name, parse_pairs(text))
