"""NCPDP SCRIPT messages, read in any version and written in three.

Inside, elements are called as version 2017071 calls them (`spellings.py`), so nothing else asks for a version. 2022011
and 2023011 were not verified against the licensed schema. Names of transactions:
https://www.ecfr.gov/current/title-42/section-423.160.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from lxml import etree

from mappers.mapped import Note
from mappers.script.faults import ScriptFault
from mappers.script.kinds import APPROVALS, KINDS, OLD_NAMES, OUTCOMES, REQUIRED, REQUIRED_OF_APPROVAL
from mappers.script.order import ordered
from mappers.script.renaming import renamed
from mappers.script.spellings import (
    KINDS_WRITTEN,
    NO_PLACE,
    ONE_ONLY,
    READING,
    ROOT_ATTRIBUTES,
    VALUES,
    VERSIONS,
    WRITING,
)
from mappers.script.tree import NO_ATTRIBUTES, Node, element, tree
from mappers.script.xml import parse_xml

LATEST: Final = "2023011"
DEFAULT: Final = "2017071"
MESSAGE_ID_MAX: Final = 200
"""Longest MessageID that is read (characters); SCRIPT's are 35 at most, and senders are not strict."""
_LATER_SIGNS: Final = ("Names", "GenderAndSex", "Product")
"""Elements that only the versions since 2022011 have."""
_LONELY_ATTRIBUTES: Final = (("version", "release"), ("version",), ("TransactionVersion",), ("DatatypesVersion",))


@dataclass(frozen=True, slots=True)
class Party:
    """Who sends or receives: `Party("6557744", "P")`.

    Qualifiers: P pharmacy, D prescriber, C clearinghouse, M mailbox, REMS administrator, ZZZ mutually defined.
    """

    value: str
    qualifier: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """What a message says of itself; "" where it says nothing. `other` are elements that have no name of their own."""

    to: Party
    from_: Party
    message_id: str
    relates_to: str = ""
    sent_time: str = ""
    prescriber_order_number: str = ""
    rx_reference_number: str = ""
    test: bool = False
    digital_signature_indicator: bool = False
    other: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """One transaction. `body` is the element that has its name, in the names of 2017071."""

    header: Header
    kind: str
    """`NewRx`"""
    version: str
    """`10.6`, `2017071`, `2022011` or `2023011`: what it says it is, or what it looks like."""
    body: Node
    notes: tuple[Note, ...] = ()
    """Doubts of reading; a mapping hands them on."""

    @property
    def outcome(self) -> str:
        """`Approved`, `Denied`, … of an answer to a request; "" of anything else."""
        response = self.body.first("Response")
        return next((one.name for one in response.children if one.name in OUTCOMES), "") if response else ""


@dataclass(frozen=True, slots=True)
class Adapted:
    """A message in the names of a version, and what that version has no place for."""

    root: Node
    notes: tuple[Note, ...] = field(default=())


def read(raw: bytes) -> Message:
    """Any message as one model; raises ScriptFault for what cannot be carried out, whoever sent it."""
    root = tree(parse_xml(raw))
    if root.name != "Message":
        raise ScriptFault("The root element is not Message", root.name)
    message = _message(root)
    for fault in faults(message):
        raise fault
    return message


def header_of(raw: bytes) -> Header | None:
    """The header of what `read` refuses, so that it can be answered; None where there is nothing to answer to."""
    try:
        root = tree(parse_xml(raw))
    except ScriptFault:
        return None
    node = renamed(root, READING).first("Header")
    return _header(node) if node and node.value("MessageID") else None


def _message(root: Node) -> Message:
    version, notes = _version(root)
    root = renamed(root, READING)
    header, body = root.first("Header"), root.first("Body")
    if header is None or body is None:
        raise ScriptFault("The message has no Header or no Body")
    if len(body.children) != 1:
        raise ScriptFault("The Body does not have exactly one transaction", "Body")
    transaction = body.children[0]
    kind = OLD_NAMES.get(transaction.name, transaction.name)
    if kind not in KINDS:
        raise ScriptFault("The transaction is none of SCRIPT", "Body")
    return Message(_header(header), kind, version, replace(transaction, name=kind), notes)


def _version(root: Node) -> tuple[str, tuple[Note, ...]]:
    for names in _LONELY_ATTRIBUTES:
        said = "".join(root.attributes.get(name, "") for name in names)
        if said in VERSIONS:
            unlike = () if said != "2024011" else (_note("The version is not known; it was read as 2023011"),)
            return VERSIONS[said], unlike
    if any(root.attributes.get(name) for names in _LONELY_ATTRIBUTES for name in names):
        raise ScriptFault("The version is none of 10.6, 2017071, 2022011 and 2023011")
    guessed = LATEST if _has(root, _LATER_SIGNS) else DEFAULT
    return guessed, (_note(f"The message names no version; by its elements it was read as {guessed}"),)


def _has(node: Node, names: tuple[str, ...]) -> bool:
    return any(child.name in names or _has(child, names) for child in node.children)


def _note(text: str, place: str = "Message") -> Note:
    return Note("warning", place, text)


def _header(node: Node) -> Header:
    named = """To From MessageID RelatesToMessageID SentTime PrescriberOrderNumber RxReferenceNumber TestMessage
        DigitalSignature""".split()
    return Header(
        to=_party(node.first("To")),
        from_=_party(node.first("From")),
        message_id=node.value("MessageID"),
        relates_to=node.value("RelatesToMessageID"),
        sent_time=node.value("SentTime"),
        prescriber_order_number=node.value("PrescriberOrderNumber"),
        rx_reference_number=node.value("RxReferenceNumber"),
        test=node.value("TestMessage").lower() in ("true", "1"),
        digital_signature_indicator=node.value("DigitalSignature/DigitalSignatureIndicator").lower() in ("true", "1"),
        other=tuple(child for child in node.children if child.name not in named),
    )


def _party(node: Node | None) -> Party:
    return Party(node.text, node.attributes.get("Qualifier", "")) if node else Party("")


def faults(message: Message) -> Iterator[ScriptFault]:
    """Why a message cannot be carried out, the header first; nothing is said of what can."""
    if not message.header.message_id:
        yield ScriptFault("MessageID is missing", "Header/MessageID")
    if len(message.header.message_id) > MESSAGE_ID_MAX:
        yield ScriptFault(f"MessageID is longer than {MESSAGE_ID_MAX} characters", "Header/MessageID")
    if not message.header.from_.value:
        yield ScriptFault("From is missing: nobody could be answered", "Header/From")
    for path in _required(message):
        if not any(_said(message.body, one) for one in path.split("|")):
            yield ScriptFault(f"{path.replace('|', ' or ')} is missing", f"{message.kind}/{path.partition('|')[0]}")
    response = message.body.first("Response")
    answers = message.kind in ("RxRenewalResponse", "RxChangeResponse", "CancelRxResponse")
    if answers and len([one for one in (response.children if response else ()) if one.name in OUTCOMES]) != 1:
        yield ScriptFault("The Response does not have exactly one outcome", f"{message.kind}/Response")


def _required(message: Message) -> tuple[str, ...]:
    if message.outcome == "Denied":
        return ()
    needs_medication = message.outcome in APPROVALS and message.kind != "CancelRxResponse"
    return REQUIRED.get(message.kind, ()) + (REQUIRED_OF_APPROVAL if needs_medication else ())


def _said(body: Node, path: str) -> bool:
    return any(True for node in body.all(path) for _ in node.leaves()) or (
        path == "FillStatus" and any(node.children for node in body.all(path))
    )


def write(message: Message, version: str = "") -> bytes:
    """UTF-8 in the version asked for, else its own; raises ScriptFault for 10.6, which is only read.

    What the version has no place for is left out, and `adapted` says so.
    """
    root = element(adapted(message, version or message.version).root)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def adapted(message: Message, version: str) -> Adapted:
    """The message as `version` names and orders it. https://www.federalregister.gov/d/2024-12842 adopts 2023011."""
    if version not in WRITING:
        raise ScriptFault(f"SCRIPT {version} is read and not written")
    body = replace(message.body, name=KINDS_WRITTEN[version].get(message.kind, message.kind))
    body, notes = _fitted(body, version, body.name)
    said = ROOT_ATTRIBUTES[version]
    attributes = dict.fromkeys(("DatatypesVersion", "TransportVersion"), said) | {"TransactionDomain": "SCRIPT"}
    attributes |= dict.fromkeys(("TransactionVersion", "StructuresVersion", "ECLVersion"), said)
    children = (header_node(message.header), Node("Body", children=(body,)))
    root = ordered(renamed(Node("Message", children=children), WRITING[version]))
    return Adapted(replace(root, attributes=attributes), notes)


def _fitted(node: Node, version: str, place: str) -> tuple[Node, tuple[Note, ...]]:
    """The tree without what the version has no place for."""
    kept: list[Node] = []
    notes: list[Note] = []
    for child in node.children:
        there = f"{place}/{child.name}"
        again = child.name in ONE_ONLY[version] and any(one.name == child.name for one in kept)
        if child.name in NO_PLACE[version] or again:
            notes.append(_note(f"SCRIPT {version} has no place for it", there))
            continue
        fitted, inner = _fitted(child, version, there)
        nearest = VALUES[version].get(child.name, {}).get(child.text)
        if nearest:
            notes.append(_note(f"SCRIPT {version} does not have the code; the nearest was written", there))
        kept.append(replace(fitted, text=nearest or fitted.text))
        notes += inner
    return replace(node, children=tuple(kept)), tuple(notes)


def header_node(header: Header) -> Node:
    """A header as an element, in the names of 2017071."""
    texts = (
        ("MessageID", header.message_id),
        ("RelatesToMessageID", header.relates_to),
        ("SentTime", header.sent_time),
        ("TestMessage", "true" if header.test else ""),
        ("RxReferenceNumber", header.rx_reference_number),
        ("PrescriberOrderNumber", header.prescriber_order_number),
    )
    parties = (_party_node("To", header.to), _party_node("From", header.from_))
    children = (*parties, *(Node(name, text) for name, text in texts if text), *header.other)
    if header.digital_signature_indicator:
        indicator = Node("DigitalSignatureIndicator", "true")
        children = (*children, Node("DigitalSignature", children=(indicator,), attributes={"Version": "1.1"}))
    return Node("Header", children=tuple(children))


def _party_node(name: str, party: Party) -> Node:
    return Node(name, party.value, attributes={"Qualifier": party.qualifier} if party.qualifier else NO_ATTRIBUTES)
