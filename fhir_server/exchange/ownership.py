"""What a partner may touch: what is known by its own identifiers, or by those an operator has said are its own.

Anybody can write another's number into a message. By a number that is not the partner's own nothing is changed, nothing
of a patient is referred to, and nobody is taken for somebody who is there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl

from fhir_server.errors import Issue, Unprocessable
from fhir_server.exchange.partners import Partner
from mappers.making import LOCAL_SYSTEM
from mappers.mapped import Entry, Mapped, Note

SHARED: Final = frozenset({"Practitioner", "PractitionerRole", "Organization", "Location", "Medication"})
"""Types of what is nobody's own: a partner refers to them by whatever they are known by, such as an NPI."""

IDENTIFIERS: Final = ("identifier", "patient.identifier")
"""Parameters of conditions that name an identifier."""


def kept_to(partner: Partner, mapped: Mapped) -> Mapped:
    """The mapping as far as the partner may do it; raises `Unprocessable` where it may not.

    Who is known by a foreign number alone is made anew; what is shared is used and not changed.
    """
    notes: list[Note] = []
    entries = tuple(_kept(partner, entry, notes) for entry in mapped.entries)
    return replace(mapped, entries=entries, notes=(*mapped.notes, *notes))


def _kept(partner: Partner, entry: Entry, notes: list[Note]) -> Entry:
    if entry.how == "create" or owns(partner, entry.condition):
        return entry
    if entry.type_name in SHARED and entry.how != "find":
        return replace(entry, how="match", cleared=())
    if entry.how == "match":
        text = "whose number is not the partner's own is taken for nobody who is there; `--authority` makes it its own"
        notes.append(Note("warning", entry.place or entry.type_name, text))
        return replace(entry, how="create", condition="")
    raise _foreign(entry.place)


def check_query(partner: Partner, query: str) -> None:
    """Raises `Unprocessable` where a partner asks about somebody by a number that is not its own."""
    if not owns(partner, query):
        raise _foreign("QPD-3")


def owns(partner: Partner, condition: str) -> bool:
    """Whether all identifiers that a condition names are of the partner's systems."""
    named = [value for name, value in parse_qsl(condition) if name in IDENTIFIERS]
    return bool(named) and all(is_own(partner, value.partition("|")[0]) for value in named)


def is_own(partner: Partner, system: str) -> bool:
    authorities: Mapping[str, str] = partner.authorities or {}
    own = f"{LOCAL_SYSTEM}:{partner.id}"
    return system == own or system.startswith(f"{own}:") or system in _systems(authorities.values())


def _systems(systems: Iterable[str]) -> frozenset[str]:
    return frozenset(system for system in systems if not system.startswith(f"{LOCAL_SYSTEM}:"))


def _foreign(place: str) -> Unprocessable:
    message = "the number is of a system that is not this partner's"
    return Unprocessable(f"{place}: {message}" if place else message, [Issue("forbidden", message, place)])
