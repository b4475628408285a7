"""A SCRIPT message as a plain tree: names without namespaces, texts without the white space around them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from lxml import etree

NO_ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType({})
CODES: Final = (
    "Code",
    "Qualifier",
    "PriorAuthorizationStatus",
    "PrescriberCheckedREMS",
    "Specialty",
    "VitalSign",
    "FinalCompoundPharmaceuticalDosageForm",
)
"""Ends of names of what is a code: within one there is at most one space. https://hl7.org/fhir/R4/datatypes.html#code"""
SIGNATURE: Final = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_OF_XML: Final = {
    "http://www.w3.org/2001/XMLSchema-instance": "schemaLocation noNamespaceSchemaLocation type nil",
    "http://www.w3.org/XML/1998/namespace": "lang space id base",
}
OF_XML: Final = frozenset(f"{{{namespace}}}{name}" for namespace, names in _OF_XML.items() for name in names.split())
"""Attributes that speak of XML and of schemas, not of what the message is about."""


@dataclass(frozen=True, slots=True)
class Node:
    """An element. Paths are names with slashes, `DrugCoded/ProductCode/Code`; the first of several is meant."""

    name: str
    text: str = ""
    children: tuple["Node", ...] = ()
    attributes: Mapping[str, str] = field(default_factory=lambda: NO_ATTRIBUTES)

    def all(self, path: str) -> tuple["Node", ...]:
        """The elements at a path, in the order of the message."""
        found: tuple[Node, ...] = (self,)
        for name in path.split("/"):
            found = tuple(child for node in found for child in node.children if child.name == name)
        return found

    def first(self, path: str) -> "Node | None":
        return next(iter(self.all(path)), None)

    def value(self, path: str) -> str:
        """The text of the first element at a path that has one; "" where there is none."""
        return next((node.text for node in self.all(path) if node.text), "")

    def having(self, *children: "Node") -> "Node":
        return replace(self, children=self.children + children)

    def leaves(self, place: str = "") -> Iterator[tuple[str, "Node"]]:
        """What has a text or an attribute, with its place: `Patient/HumanPatient/Name[2]/LastName`."""
        if self.text or self.attributes:
            yield place, self
        several = Counter(child.name for child in self.children)
        numbers: Counter[str] = Counter()
        for child in self.children:
            numbers[child.name] += 1
            number = f"[{numbers[child.name]}]" if several[child.name] > 1 else ""
            yield from child.leaves(f"{place}/{child.name}{number}".strip("/"))


def tree(element: etree._Element) -> Node:
    """What the parser made, as a tree of our own, without signatures and without attributes that point at schemas.

    Signatures are about bytes: `signature.py` has them. Whatever else has a namespace is kept: an element under its
    local name, an attribute under its whole one, `{urn:example}Code`.
    """
    children = tuple(tree(child) for child in element if child.tag != SIGNATURE)
    attributes = {str(name): str(value) for name, value in element.attrib.items() if str(name) not in OF_XML}
    name = etree.QName(element).localname
    text = "".join([element.text or "", *(child.tail or "" for child in element)]).strip()
    text = " ".join(text.split()) if name.endswith(CODES) else text
    return Node(name, text, children, attributes or NO_ATTRIBUTES)


def element(node: Node) -> etree._Element:
    """The way back; raises ValueError for a text that XML cannot hold (control characters)."""
    made = etree.Element(node.name, dict(node.attributes))
    made.text = node.text or None
    made.extend(element(child) for child in node.children)
    return made


def grown(name: str, values: Iterable[tuple[str, str]]) -> Node:
    """A tree of paths and texts; a path may say which of several is meant: `Allergies[2]/EffectiveDate/Date`."""
    node = Node(name)
    for path, text in values:
        if text:
            node = _with(node, path.split("/"), text)
    return node


def _with(node: Node, path: list[str], text: str) -> Node:
    if not path:
        return replace(node, text=text)
    name, _, number = path[0].rstrip("]").partition("[")
    wanted = int(number or 1)
    places = [at for at, child in enumerate(node.children) if child.name == name]
    children = list(node.children)
    while len(places) < wanted:
        places.append(len(children))
        children.append(Node(name))
    children[places[wanted - 1]] = _with(children[places[wanted - 1]], path[1:], text)
    return replace(node, children=tuple(children))
