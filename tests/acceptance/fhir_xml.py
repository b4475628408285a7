"""FHIR XML to JSON, as far as the public patch suite needs it. https://hl7.org/fhir/R4/xml.html."""

import re
import xml.etree.ElementTree as ET
from typing import Any

from fhir_server.model.definitions import Definitions, Property

FHIR = "{http://hl7.org/fhir}"
XHTML = "{http://www.w3.org/1999/xhtml}"

_READ = {"boolean": lambda text: text == "true", "integer": int, "unsignedInt": int, "positiveInt": int}


def resource_of(definitions: Definitions, element: ET.Element) -> dict[str, Any]:
    name = element.tag.removeprefix(FHIR)
    return {"resourceType": name, **members_of(definitions, element, name)}


def members_of(definitions: Definitions, element: ET.Element, type_name: str) -> dict[str, Any]:
    members: dict[str, Any] = {key: value for key, value in element.attrib.items() if key in ("id", "url")}
    for child in element:
        found = definitions.property_of(type_name, child.tag.removeprefix(FHIR).removeprefix(XHTML))
        assert found is not None, f"{type_name} has no {child.tag}"
        add(members, found, *value_of(definitions, child, found.type.name))
    return members


def value_of(definitions: Definitions, element: ET.Element, type_name: str) -> tuple[Any, Any]:
    """The JSON value, and beside a primitive its id and extensions."""
    if type_name == "xhtml":
        return markup(element), None
    if type_name == "Resource":
        return resource_of(definitions, element[0]), None
    if not definitions.is_primitive(type_name):
        return members_of(definitions, element, type_name), None
    text = element.get("value")
    value = None if text is None else _READ.get(type_name, str)(text)
    return value, members_of(definitions, element, type_name) or None


def add(members: dict[str, Any], found: Property, value: Any, sibling: Any) -> None:
    if found.element.max is not None:
        members.update({k: v for k, v in ((found.name, value), ("_" + found.name, sibling)) if v is not None})
        return
    values, siblings = members.setdefault(found.name, []), members.pop("_" + found.name, [])
    siblings += [None] * (len(values) - len(siblings))
    values.append(value)
    if sibling is not None or any(siblings):
        members["_" + found.name] = [*siblings, sibling]


def markup(element: ET.Element) -> str:
    """The markup of a narrative, on one line: the suite indents the same text in several ways."""
    ET.register_namespace("", XHTML.strip("{}"))
    return one_line(ET.tostring(element, encoding="unicode"))


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
