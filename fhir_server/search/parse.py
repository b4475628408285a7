"""Query text to a `Query`; what is unknown or not supported yet is refused by name.

https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fhir_server.errors import Invalid, Issue, NotSupported, TooCostly
from fhir_server.search.query import Criterion, Query
from fhir_server.search.registry import KEYED_TYPES, Registry
from fhir_server.search.text import split_escaped, unescape

OR_VALUES_MAX = 200
"""Values of one parameter, separated by commas (values)."""

CRITERIA_MAX = 50
"""Parameters of one query (parameters)."""


NOT_YET = frozenset(
    "_contained _containedType _content _filter _has _include _list _query _revinclude _sort _text _total _type".split()
)
"""R4's parameters that filter, order or add: ignoring one would answer another question."""


@dataclass(frozen=True, slots=True)
class ParseOptions:
    """What a query may fall back on; `lenient` drops unknown parameters instead of refusing them."""

    base_url: str
    page_size: int
    page_size_max: int
    lenient: bool = False


def parse(
    registry: Registry, type_name: str, pairs: Sequence[tuple[str, str]], options: ParseOptions
) -> tuple[Query, list[Issue]]:
    """The query and warnings about what was left out of it; raises `Invalid`, `NotSupported`, `TooCostly`."""
    if len(pairs) > CRITERIA_MAX:
        raise TooCostly(f"A search may have {CRITERIA_MAX} parameters; this one has {len(pairs)}")
    criteria: list[Criterion] = []
    warnings: list[Issue] = []
    ids: frozenset[str] | None = None
    count = options.page_size
    for name, text in pairs:
        if name == "_count":
            count = parse_count(text, options.page_size_max)
        elif name == "_id":
            wanted = frozenset(unescape(part) for part in _values(name, text))
            ids = wanted if ids is None else ids & wanted
        elif criterion := _criterion(registry, type_name, name, text, options.base_url):
            criteria.append(criterion)
        else:
            warnings.append(_unknown(type_name, name, options))
    return Query(type_name, tuple(criteria), ids, count), warnings


def _criterion(registry: Registry, type_name: str, name: str, text: str, base_url: str) -> Criterion | None:
    code, _, modifier = name.partition(":")
    parameter = registry.parameters(type_name).get(code.partition(".")[0])
    if parameter is None and code not in NOT_YET:
        return None
    if parameter is None or "." in code or parameter.type not in KEYED_TYPES:
        message = f"Searching {type_name} by '{name[:60]}' is not supported yet"
        raise NotSupported(message, [Issue("not-supported", message)])
    keys = tuple(parameter.query_key(part, modifier, base_url) for part in _values(name, text))
    return Criterion(code, keys, name, text)


def _values(name: str, text: str) -> list[str]:
    parts = split_escaped(text, ",")
    if len(parts) > OR_VALUES_MAX:
        raise TooCostly(f"'{name[:60]}' has {len(parts)} values; at most {OR_VALUES_MAX} are allowed")
    if not all(parts):
        message = f"The search parameter '{name[:60]}' has an empty value"
        raise Invalid(message, [Issue("invalid", message)])
    return parts


def parse_count(text: str, page_size_max: int) -> int:
    """`_count`, clamped to the largest page; raises `Invalid`."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):  # noqa: PLR2004 - digits of a billion
        message = "_count is a number of entries, 0 or more"
        raise Invalid(message, [Issue("invalid", message)])
    return min(int(text), page_size_max)


def _unknown(type_name: str, name: str, options: ParseOptions) -> Issue:
    """Unknown control parameters are left out; other unknown names would silently widen the answer."""
    message = f"{type_name} has no search parameter '{name[:60]}'"
    if not name.startswith("_") and not options.lenient:
        raise Invalid(message, [Issue("not-supported", message)])
    return Issue("not-supported", message + ": it was ignored", severity="warning")
