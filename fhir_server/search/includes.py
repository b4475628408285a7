"""`_include` and `_revinclude`. https://hl7.org/fhir/R4/search.html#include."""

from fhir_server.errors import Invalid, Issue, NotSupported
from fhir_server.model.resource_types import NUMBERS
from fhir_server.search.query import Include
from fhir_server.search.registry import Registry

ITERATE = frozenset({"iterate", "recurse"})
"""R4 renamed `:recurse`; clients still send it."""


def parse_include(registry: Registry, name: str, text: str) -> Include:
    """`Type:parameter`, `Type:parameter:Target`, `Type:*` or `*`; raises `Invalid` and `NotSupported`."""
    control, _, modifier = name.partition(":")
    if modifier and modifier not in ITERATE:
        message = f"{control} has no modifier ':{modifier[:60]}'"
        raise NotSupported(message, [Issue("not-supported", message, control)])
    reverse, iterate = control == "_revinclude", bool(modifier)
    if text == "*":
        return Include("", (), "", reverse, iterate)
    source, _, rest = text.partition(":")
    code, _, target = rest.partition(":")
    if source not in NUMBERS or not code or (target and target not in NUMBERS):
        raise _malformed(control, f"{control} is written Type:parameter or Type:parameter:Target")
    return Include(source, _parameters(registry, control, source, code), target, reverse, iterate)


def _parameters(registry: Registry, control: str, source: str, code: str) -> tuple[str, ...]:
    """The codes asked for; none: all that are references."""
    if code == "*":
        return ()
    parameter = registry.parameters(source).get(code)
    if parameter is None or parameter.type != "reference":
        raise _malformed(control, f"{control}: {source} has no reference parameter '{code[:60]}'")
    return (code,)


def _malformed(control: str, message: str) -> Invalid:
    return Invalid(message, [Issue("invalid", message, control)])
