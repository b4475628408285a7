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
ABOUT: Final = ("MessageHeader", "Provenance")
"""What tells of a message; no message is written from it."""


def received() -> Iterator[Case]:
    for case in CASES:
        root = etree.fromstring(raw_of(case))
        yield Case(case, _fhir, root, tuple(_leaves(root)))


def sent() -> Iterator[Case]:
    for case in written_cases():
        message, resources = read(raw_of(case)), resources_of(case)
        yield Case(case, partial(_message, message), resources, tuple(_leaves_of_resources(resources)))


def _fhir(root: etree._Element) -> Output | None:
    try:
        found = mapped(etree.tostring(root))
    except ScriptFault:
        return None
    return Output(tuple(_facts(found)), tuple(sorted(note.place for note in found.notes)))


def _facts(found: Mapped) -> Iterator[Fact]:
    for entry in found.entries:
        yield from facts(entry.type_name, entry.resource, LABELS)
        parameter, _, value = entry.condition.partition("=")
        if value:
            yield Fact(f"{entry.type_name}?{parameter}", f"{entry.type_name}?{parameter}", value)


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
    for index, (one, name, place) in enumerate(_places(root)):
        changed = partial(_with, root, index)
        covers = frozenset({f"{kind}/{place.partition('/')[0]}"})
        yield Leaf(
            place, partial(changed, ""), tuple(partial(changed, text) for text in other_texts(_text(one, name))), covers
        )


def _with(root: etree._Element, index: int, text: str) -> etree._Element:
    """The message with another text at one of its places; without the element or attribute where it is ""."""
    copy = deepcopy(root)
    element, name, _ = list(_places(copy))[index]
    if name and text:
        element.set(name, text)
    elif name:
        del element.attrib[name]
    elif text:
        element.text = text
    else:
        cast("etree._Element", element.getparent()).remove(element)
    return copy


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
