"""Which of the scopes an app asks for it is granted: as much as its registration and the person's role allow.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from fhir_server.auth.roles import ALLOWANCES, GUARDED, Role
from fhir_server.auth.scopes import INTERACTIONS, V1, Level, Scope, granted, parse_scope

OPENID: Final = "openid"
FHIR_USER: Final = "fhirUser"
LAUNCH: Final = "launch"
LAUNCH_PATIENT: Final = "launch/patient"
LAUNCH_ENCOUNTER: Final = "launch/encounter"
ONLINE: Final = "online_access"
OFFLINE: Final = "offline_access"

WORDS: Final = (OPENID, FHIR_USER, LAUNCH, LAUNCH_PATIENT, LAUNCH_ENCOUNTER, ONLINE, OFFLINE)
"""Scopes of SMART that are not about FHIR resources."""

_V1_NAMES: Final = {interactions: name for name, interactions in V1.items()}


def words(text: str) -> tuple[str, ...]:
    """The scopes of a blank-separated list, each once, in their order."""
    return tuple(dict.fromkeys(text.split()))


def within(asked: Iterable[str], allowed: Iterable[str]) -> tuple[str, ...]:
    """What of `asked` is within `allowed`: narrower where it must be; what is unknown means nothing here."""
    limits = tuple(allowed)
    scopes = tuple(scope for scope in map(parse_scope, limits) if scope is not None)
    return _cut(asked, scopes, frozenset(WORDS).intersection(limits))


def for_role(asked: Iterable[str], role: Role) -> tuple[str, ...]:
    """What of `asked` a person or system in a role can be granted; guarded types only where the role names them."""
    named = {type_name for allowance in ALLOWANCES[role] for type_name in allowance.types}
    open_to_role = (word for word in asked if _type_name(word) not in GUARDED - named)
    return _cut(open_to_role, tuple(_limits(role)), frozenset(WORDS))


def _cut(asked: Iterable[str], limits: tuple[Scope, ...], also: frozenset[str]) -> tuple[str, ...]:
    kept = (piece for word in asked for piece in _pieces(word, limits, also))
    return tuple(dict.fromkeys(kept))


def _pieces(word: str, limits: tuple[Scope, ...], also: frozenset[str]) -> Iterator[str]:
    """A scope that is allowed as a whole stays as it was written, else what is left of it is in the same version."""
    scope = parse_scope(word)
    if scope is None:
        yield from (word,) if word in also else ()
        return
    found = _merged(granted([scope], limits))
    if scope in found:
        yield word
        return
    v1 = word.rpartition(".")[2] in V1
    yield from (_v1(piece) if v1 else str(piece) for piece in found)


def _merged(pieces: Iterable[Scope]) -> tuple[Scope, ...]:
    """Interactions on the same resources in one scope."""
    letters: dict[Scope, str] = {}
    for piece in pieces:
        of_what = replace(piece, interactions="")
        letters[of_what] = letters.get(of_what, "") + piece.interactions
    return tuple(
        replace(scope, interactions="".join(letter for letter in INTERACTIONS if letter in found))
        for scope, found in letters.items()
    )


def _v1(scope: Scope) -> str:
    """As v1 writes it, where v1 can."""
    name = _V1_NAMES.get(scope.interactions)
    return f"{scope.level}/{scope.type_name}.{name}" if name and not scope.criteria else str(scope)


def _limits(role: Role) -> Iterator[Scope]:
    levels: tuple[Level, ...] = ("system",) if role == "integration" else ("patient", "user")
    for level in levels:
        for allowance in ALLOWANCES[role]:
            for type_name in allowance.types:
                yield Scope(level, type_name, allowance.interactions)


def _type_name(word: str) -> str:
    scope = parse_scope(word)
    return scope.type_name if scope else ""


def needs_patient(scopes: Iterable[str]) -> bool:
    """Whether a patient has to be in the context: asked for, or needed by scopes that are about one patient."""
    return any(word == LAUNCH_PATIENT or word.startswith("patient/") for word in scopes)
