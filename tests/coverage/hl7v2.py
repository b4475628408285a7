"""The golden cases of HL7 v2, leaf by leaf, in both directions."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from mappers.hl7v2.faults import Hl7Fault
from mappers.mapped import Resource
from tests.coverage.effects import Fact, Leaf, Output, other_texts
from tests.coverage.fhir import Labels, facts, leaves
from tests.coverage.rows import Case
from tests.golden.hl7v2_cases import RECEIVED, SENT, entries_of, is_compared, mapped, stage, text_of, written

NO_LABELS: Final[Labels] = {}
HEADER: Final = "MSH"
"""Its first two fields are delimiters: they say nothing."""


def received() -> Iterator[Case]:
    for case in RECEIVED:
        yield Case(case.name, partial(_fhir, stage(case, "2_fhir.json")), text_of(case), tuple(_leaves(text_of(case))))


def sent() -> Iterator[Case]:
    for case in SENT:
        resources = stage(case, "1_fhir.json")
        yield Case(case.name, partial(_message, case), resources, tuple(_leaves_of_resources(resources)))


def _fhir(expected: Resource, text: str) -> Output | None:
    try:
        found = mapped(text)
    except Hl7Fault:
        return None
    said = [(name, fact) for name, one in entries_of(found).items() for fact in _facts(one)]
    return Output(
        tuple(fact for name, fact in said if is_compared(name, expected)),
        tuple(sorted(note.place for note in found.notes)),
        tuple(fact for name, fact in said if not is_compared(name, expected)),
    )


def _facts(entry: Resource) -> Iterator[Fact]:
    type_name = entry["resource"]["resourceType"]
    yield from facts(type_name, entry["resource"], NO_LABELS)
    parameter, _, value = entry.get("condition", "").partition("=")
    if value:
        yield Fact(f"{type_name}?{parameter}", f"{type_name}?{parameter}", value)
    for name in entry.get("cleared", ()):
        yield Fact(f"{type_name}.{name} cleared", f"{type_name}.{name}, emptied", name)


def _message(case: Path, resources: list[Resource]) -> Output | None:
    try:
        found = written(case.name, resources)
    except Hl7Fault:
        return None
    lines = found.message.decode().rstrip("\r").split("\r")
    said = tuple(Fact(place, place, text) for line in lines for place, text in _texts(line))
    return Output(said, tuple(sorted(note.place for note in found.notes)))


def _leaves_of_resources(resources: list[Resource]) -> Iterator[Leaf]:
    for number, resource in enumerate(resources):

        def put(changed: Resource, number: int = number) -> list[Resource]:
            return [*resources[:number], changed, *resources[number + 1 :]]

        yield from leaves(resource, NO_LABELS, put)


def _leaves(text: str) -> Iterator[Leaf]:
    """Each text between delimiters."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        segment = _numbered(lines, number)
        for index, (place, said) in enumerate(_texts(line)):
            changed = partial(_with, lines, number, index)
            yield Leaf(
                place,
                partial(changed, ""),
                tuple(partial(changed, one) for one in _others(said)),
                _covers(segment, place),
            )


def _numbered(lines: list[str], number: int) -> str:
    """A segment as notes name it: `RXE`, or `RXE[2]` where the message has several."""
    names = [line[:3] for line in lines]
    name = names[number]
    return f"{name}[{names[: number + 1].count(name)}]" if names.count(name) > 1 else name


def _covers(segment: str, place: str) -> frozenset[str]:
    """A note about a segment, a field, its first component or that of the leaf is about whatever it says."""
    field, *components = place.partition("-")[2].split(".")
    return frozenset(
        {segment, *(f"{segment}-{one}" for one in (field, f"{field}.1", ".".join([field, *components[:1]])))}
    )


def _others(text: str) -> Iterator[str]:
    return iter(()) if text == '""' else other_texts(text)


def _texts(line: str) -> list[tuple[str, str]]:
    """Place and text of whatever a segment says: `RXE-2.1`, `IN1-3.4.2`."""
    found: list[tuple[str, str]] = []

    def look(place: str, text: str) -> str:
        found.append((place, text))
        return text

    _walked(line, look)
    return found


def _with(lines: list[str], number: int, index: int, text: str) -> str:
    """The message with another text at one place of a line."""
    count = iter(range(len(lines[number])))
    line = _walked(lines[number], lambda _, said: text if next(count) == index else said)
    return "\n".join([*lines[:number], line, *lines[number + 1 :]])


def _walked(line: str, visit: Callable[[str, str], str]) -> str:
    name, *fields = line.split("|")
    skipped = 1 if name == HEADER else 0
    first = 1 + 2 * skipped
    walked = [_field(f"{name}-{number}", text, visit) for number, text in enumerate(fields[skipped:], first)]
    return "|".join([name, *fields[:skipped], *walked])


def _field(place: str, text: str, visit: Callable[[str, str], str]) -> str:
    return "~".join(_parts(place, one, visit, "^&") for one in text.split("~"))


def _parts(place: str, text: str, visit: Callable[[str, str], str], dividers: str) -> str:
    if not text:
        return text
    if not any(one in text for one in dividers):
        return visit(place, text)
    parts = text.split(dividers[0])
    if len(parts) == 1:
        return _parts(f"{place}.1" if dividers[0] == "^" else place, text, visit, dividers[1:])
    return dividers[0].join(_parts(f"{place}.{n}", one, visit, dividers[1:]) for n, one in enumerate(parts, 1))
