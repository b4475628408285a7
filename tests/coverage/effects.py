"""What a leaf of a message or a resource is mapped to: whatever of the output changes with it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any, Final, NamedTuple, TypeVar

Given = TypeVar("Given")
FEW: Final = 2
"""Other values that are tried of what nothing comes of: more would take long, and find nothing."""
ALPHABETS: Final = (digits, ascii_uppercase, ascii_lowercase)
FOLLOWING: Final = {one: other for row in ALPHABETS for one, other in pairwise(row + row[0])}
"""The next digit or letter; after the last comes the first."""
WORDS: Final = {
    "true": ("false",),
    "false": ("true",),
    "day": ("week",),
    "258703001": ("258705008",),
    "A": ("D", "I"),
    "MAD": ("MDL",),
    "MUP": ("MDL",),
    "PH": ("FX",),
    "phone": ("fax",),
    "RE": ("CA",),
    "CM": ("CA",),
    "CP": ("PA",),
    "N": ("I",),
    "Y": ("N",),
    "kg": ("g",),
    "mg": ("g",),
}
"""Codes whose neighbours in the alphabet mean no other thing to a mapping, and one that does."""


class Fact(NamedTuple):
    """Something that an output says: `Fact("Patient.telecom.value", "Patient.telecom[phone].value", "555")`."""

    place: str
    """Without what tells it from others of its list."""
    name: str
    """As it is shown."""
    value: str


@dataclass(frozen=True, slots=True)
class Output:
    facts: tuple[Fact, ...]
    """What the case compares."""
    notes: tuple[str, ...]
    """Their places."""
    others: tuple[Fact, ...] = ()
    """What comes of it as well, and the case does not compare."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """`without` is the input without it, `others` are inputs that say something else there."""

    place: str
    without: Callable[[], Any]
    others: Sequence[Callable[[], Any]]
    covers: frozenset[str] = frozenset()
    """Places whose notes are about this leaf as well: its segment, its field."""


@dataclass(slots=True)
class Effect:
    carried: set[str] = field(default_factory=set)
    """What changes with the leaf, by the names of facts."""
    is_noted: bool = False
    is_elsewhere: bool = False
    """Whether something changes that the case does not compare."""
    is_refused: bool = False
    """Whether nothing is mapped without it."""


def other_texts(text: str) -> Iterator[str]:
    """What might stand in its place: another code that is known, another digit or letter at an end."""
    yield from WORDS.get(text, ())
    places = [place for place, character in enumerate(text) if character in FOLLOWING]
    for place in dict.fromkeys((*places[-1:], *places[:1], *places[-2:-1])):
        yield text[:place] + FOLLOWING[text[place]] + text[place + 1 :]


def effect(before: Output, leaf: Leaf, run: Callable[[Any], Output | None]) -> Effect:
    """`run` maps an input; None where it is refused.

    What changes both without the leaf and with another value is what holds it: without the code of a drug more is
    missing than the code. Where nothing is missing then, it is what comes in addition.
    """
    without = run(leaf.without())
    changed = _changed(before, leaf.others[: FEW if without == before else None], run)
    after = [one for one in (without, changed) if one]
    return Effect(
        _common([_lost(before.facts, one.facts) for one in after])
        or _common([_lost(one.facts, before.facts) for one in after]),
        _is_noted(before, leaf, without, changed),
        any(one.others != before.others for one in after),
        without is None,
    )


def _is_noted(before: Output, leaf: Leaf, without: Output | None, changed: Output | None) -> bool:
    """Whether a note goes with the leaf, comes with another value, or is about more than the leaf."""
    gone = Counter(before.notes) - Counter(without.notes if without else before.notes)
    come = Counter(changed.notes if changed else ()) - Counter(before.notes)
    return bool(gone or come) or not leaf.covers.isdisjoint(before.notes)


def _changed(before: Output, others: Sequence[Callable[[], Any]], run: Callable[[Any], Output | None]) -> Output | None:
    """The first that is taken and alters something, else the first that is taken."""
    taken: list[Output] = []
    for other in others:
        found = run(other())
        if found is not None and found != before:
            return found
        taken += [found] if found is not None else []
    return taken[0] if taken else None


def _common(changes: list[set[str]]) -> set[str]:
    said = [one for one in changes if one]
    return set.intersection(*said) or set.union(*said) if said else set()


def _lost(before: tuple[Fact, ...], after: tuple[Fact, ...]) -> set[str]:
    """The names of what is no longer said."""
    was, still = (Counter((one.place, one.value) for one in facts) for facts in (before, after))
    return {one.name for one in before if was[one.place, one.value] > still[one.place, one.value]}
