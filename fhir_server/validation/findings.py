"""What a check reports, and what it knows about the resource around it.

A check returns None when all is well, so the path of an element is never built for a valid one: on the way
out each level adds its own segment to the findings from below.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from fhir_server.errors import Issue

MAX_ISSUES: Final = 200
"""Issues reported about one resource (count); what is past them is said to exist."""

EXCERPT_LENGTH_MAX: Final = 60
"""Characters of an offending value that are quoted."""


@dataclass(slots=True)
class Finding:
    """A problem whose path grows from the inside out."""

    code: str
    diagnostics: str
    severity: str = "error"
    segments: list[str] = field(default_factory=list)

    def as_issue(self, root: str) -> Issue:
        path = root + "".join(reversed(self.segments))
        return Issue(self.code, self.diagnostics, path, self.severity)


Findings = list[Finding]


@dataclass(slots=True)
class Scope:
    """One resource under validation, a contained one with its container as `container`.

    `contained` are the types of the contained resources by id; `fragments` the `#id` links met so far, in it
    and in what it contains; `element_ids` the ids of its elements; `links_back` the places in `contained`
    that refer to their container.
    """

    contained: dict[str, str]
    container: "Scope | None" = None
    fragments: set[str] = field(default_factory=set)
    element_ids: set[str] = field(default_factory=set)
    links_back: set[int] = field(default_factory=set)


class State:
    """One run over one resource."""

    __slots__ = ("count", "scope")

    def __init__(self) -> None:
        self.count = 0
        self.scope = Scope({})

    def report(self, code: str, diagnostics: str, *segments: str, severity: str = "error") -> Findings:
        """The finding in a list; an empty list, which still says "not valid", past `MAX_ISSUES`.

        `segments` run from the inside out.
        """
        self.count += 1
        if self.count > MAX_ISSUES:
            return []
        return [Finding(code, diagnostics, severity, list(segments))]


Check = Callable[[Any, dict[str, Any], State], Findings | None]
"""(value, the object that holds it, run) -> what is wrong, or None."""

Rule = Callable[[dict[str, Any], State], Findings | None]
"""A rule between the elements of one object whose elements are each checked already."""


def joined(found: Findings | None, more: Findings | None, segment: str = "") -> Findings | None:
    """`found` and, placed under `segment`, `more`."""
    if more is None:
        return found
    if segment:
        for finding in more:
            finding.segments.append(segment)
    if found is None:
        return more
    found.extend(more)
    return found


def excerpt(value: Any) -> str:
    """A value as a diagnostic may show it."""
    if isinstance(value, str):
        short = value if len(value) <= EXCERPT_LENGTH_MAX else value[: EXCERPT_LENGTH_MAX - 3] + "..."
        return ascii(short)
    return json_type(value)


def json_type(value: Any) -> str:
    if value is None:
        return "null"
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    return names.get(type(value), "a number")
