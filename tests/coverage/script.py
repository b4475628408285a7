"""The golden cases of SCRIPT, leaf by leaf, in both directions."""

import re
from collections.abc import Iterator
from copy import deepcopy
from functools import partial
from typing import Final, cast

from lxml import etree

from mappers.mapped import Mapped, Resource
from mappers.script.faults import ScriptFault
from mappers.script.message import Message, header_node, read
from mappers.script.tree import Node
from tests.coverage.effects import Fact, Leaf, Output, other_texts
from tests.coverage.fhir import Labels, facts, leaves
from tests.coverage.rows import Case
from tests.golden.script_cases import CASES, mapped, raw_of, resources_of, written, written_cases

LABELS: Final[Labels] = {"identifier": ("system",), "telecom": ("system", "use", "rank")}
ROOT: Final = "Message"
NUMBER: Final = re.compile(r"\[\d+\]")
"""In a place of the mapping: which of several."""
DERIVED: Final = re.compile(r"[0-9a-f]{32}")
"""A number that is drawn from much of what a message says; test_identity.py says from what."""
ABOUT: Final = ("MessageHeader", "Provenance")
"""What tells of a message; no message is written from it."""


def received() -> Iterator[Case]:
    for case in CASES:
        raw = raw_of(case)
        yield Case(case, _fhir, raw, tuple(_leaves(etree.fromstring(raw))))


def sent() -> Iterator[Case]:
    for case in written_cases():
        message, resources = read(raw_of(case)), resources_of(case)
        yield Case(case, partial(_message, message), resources, tuple(_leaves_of_resources(resources)))


def _fhir(raw: bytes) -> Output | None:
    try:
        found = mapped(raw)
    except ScriptFault:
        return None
    return Output(tuple(_facts(found)), tuple(sorted(note.place for note in found.notes)))


def _facts(found: Mapped) -> Iterator[Fact]:
    for entry in found.entries:
        known = facts(entry.type_name, entry.resource, LABELS)
        yield from (fact._replace(value="") if DERIVED.fullmatch(fact.value) else fact for fact in known)
        parameter, _, value = entry.condition.partition("=")
        if DERIVED.sub("", value):
            yield Fact(f"{entry.type_name}?{parameter}", f"{entry.type_name}?{parameter}", DERIVED.sub("", value))


def _message(message: Message, resources: dict[str, Resource]) -> Output | None:
    try:
        found = written(message, resources)
    except ScriptFault:
        return None
    header = header_node(found.message.header)
    said = (one for node, place in ((header, "Header"), (found.message.body, "")) for one in _said(node, place))
    return Output(tuple(said), tuple(sorted(note.place for note in found.notes)))


def _said(node: Node, start: str) -> Iterator[Fact]:
    for numbered, leaf in node.leaves(start):
        place = NUMBER.sub("", numbered)
        yield from (Fact(f"{place}@{name}", f"{place}@{name}", text) for name, text in leaf.attributes.items())
        yield from [Fact(place, place, leaf.text)] if leaf.text else []


def _leaves_of_resources(resources: dict[str, Resource]) -> Iterator[Leaf]:
    for full_url, resource in resources.items():
        if resource["resourceType"] in ABOUT:
            continue

        def put(changed: Resource, full_url: str = full_url) -> dict[str, Resource]:
            return resources | {full_url: changed}

        yield from leaves(resource, LABELS, put)


def _leaves(root: etree._Element) -> Iterator[Leaf]:
    kind = etree.QName(root.findall("{*}Body/*")[0]).localname
    for one, name, place in list(_places(root)):
        without = partial(_without, root, one, name)
        others = tuple(partial(_with, root, one, name, text) for text in other_texts(_text(one, name)))
        yield Leaf(place, without, others, frozenset({f"{kind}/{place.partition('/')[0]}"}))


def _with(root: etree._Element, element: etree._Element, attribute: str, text: str) -> bytes:
    """The message with another text in an element or an attribute."""
    before = _text(element, attribute)
    _put(element, attribute, text)
    raw = etree.tostring(root)
    _put(element, attribute, before)
    return raw


def _put(element: etree._Element, attribute: str, text: str) -> None:
    if attribute:
        element.set(attribute, text)
    else:
        element.text = text


def _without(root: etree._Element, element: etree._Element, attribute: str) -> bytes:
    """The message without an attribute, or without the element."""
    copy = deepcopy(root)
    twin = next(other for one, other in zip(root.iter(), copy.iter(), strict=True) if one is element)
    if attribute:
        del twin.attrib[attribute]
    else:
        cast("etree._Element", twin.getparent()).remove(twin)
    return etree.tostring(copy)


def _text(element: etree._Element, attribute: str) -> str:
    return str(element.get(attribute)) if attribute else (element.text or "").strip()


def _places(root: etree._Element) -> Iterator[tuple[etree._Element, str, str]]:
    """Element, name of an attribute or "", and place: `Header/To@Qualifier`, `Patient/HumanPatient/Gender`."""
    for element in root.iter(etree.Element):
        place = _place(element)
        for name in element.attrib:
            yield element, str(name), f"{place}@{name!s}"
        if (element.text or "").strip():
            yield element, "", place


def _place(element: etree._Element) -> str:
    """Within the transaction, whichever it is; the header is a place of its own."""
    names = [etree.QName(one).localname for one in (*reversed(list(element.iterancestors())), element)]
    return "/".join(names[3:] if names[1:2] == ["Body"] else names[1:]) or ROOT
