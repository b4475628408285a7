"""SMART's FHIR resource scopes, v2 and v1, and what two of them have in common.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, get_args
from urllib.parse import parse_qsl, urlencode

from fhir_server.model.resource_types import NUMBERS

Level = Literal["patient", "user", "system"]

ANY_TYPE: Final = "*"
INTERACTIONS: Final = "cruds"
"""create, read, update, delete, search: in this order in a scope."""

V1: Final = {"read": "rs", "write": "cud", "*": INTERACTIONS}
"""What the permissions of v1 are in v2. https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html."""

SCOPE_CHARACTERS_MAX: Final = 2_000
"""A longer scope is unknown (characters)."""

_SCOPE = re.compile(
    r"(?P<level>patient|user|system)/(?P<type>\*|[A-Za-z]+)\."
    r"(?:(?P<v1>read|write|\*)|(?P<v2>c?r?u?d?s?)(?:\?(?P<query>\S+))?)\Z"
)


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """`interactions` are letters of INTERACTIONS, in its order; `criteria` pairs of a search, sorted, that all hold.

    `level` says whose data: one patient's, what the user may see, or what the system is trusted with.
    """

    level: Level
    type_name: str
    interactions: str
    criteria: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """As v2 writes it."""
        query = f"?{urlencode(self.criteria, safe=':/|,')}" if self.criteria else ""
        return f"{self.level}/{self.type_name}.{self.interactions}{query}"


def parse_scope(text: str) -> Scope | None:
    """None for what is no scope of FHIR resources: `openid`, `launch/patient`, an unknown type or permission."""
    found = _SCOPE.match(text) if len(text) <= SCOPE_CHARACTERS_MAX else None
    if found is None or (found["type"] != ANY_TYPE and found["type"] not in NUMBERS):
        return None
    interactions = V1[found["v1"]] if found["v1"] else found["v2"]
    criteria = tuple(sorted(set(parse_qsl(found["query"] or "", keep_blank_values=True))))
    if not interactions or bool(found["query"]) is not bool(criteria) or not all(text for _, text in criteria):
        return None
    return Scope(_level(found["level"]), found["type"], interactions, criteria)


def parse_scopes(text: str) -> tuple[Scope, ...]:
    """Those of a blank-separated list that are understood, each once, in their order; the rest means nothing here."""
    found = (parse_scope(word) for word in text.split())
    return tuple(dict.fromkeys(scope for scope in found if scope is not None))


def _level(text: str) -> Level:
    return next(level for level in get_args(Level) if level == text)


def common(one: Scope, other: Scope) -> Scope | None:
    """What both allow, where they are of the same level; None where that is nothing."""
    types = {one.type_name, other.type_name} - {ANY_TYPE}
    interactions = shared(one.interactions, other.interactions)
    if one.level != other.level or len(types) > 1 or not interactions:
        return None
    criteria = tuple(sorted({*one.criteria, *other.criteria}))
    return Scope(one.level, next(iter(types), ANY_TYPE), interactions, criteria)


def granted(asked: Iterable[Scope], allowed: Iterable[Scope]) -> tuple[Scope, ...]:
    """As much of what is asked for as is allowed; what is broader than that is cut, not refused."""
    limits = tuple(allowed)
    return tuple(dict.fromkeys(_common_with(asked, limits)))


def _common_with(asked: Iterable[Scope], limits: tuple[Scope, ...]) -> Iterator[Scope]:
    for scope in asked:
        for limit in limits:
            both = common(scope, limit)
            if both is not None:
                yield both


def shared(one: str, other: str) -> str:
    """The interactions that stand in both."""
    return "".join(letter for letter in INTERACTIONS if letter in one and letter in other)
