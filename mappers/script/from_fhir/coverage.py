"""Coverage -> BenefitsCoordination."""

from typing import Any

from mappers.mapped import Resource
from mappers.script.benefits_rows import CLASS_CODES, CLASSES, COVERAGE
from mappers.script.from_fhir.sending import Sending, joined
from mappers.script.tree import Node, grown


def coverages(sending: Sending, references: list[Any]) -> list[Node]:
    """One element for each coverage that is at hand, in their order."""
    found = [resource for one in references if (resource := sending.at(one))]
    return [_coverage(sending, resource) for resource in found]


def _coverage(sending: Sending, resource: Resource) -> Node:
    classes = [one for one in resource.get("class", ()) if one.get("type")]
    by_code = {
        coding.get("code", ""): one
        for one in classes
        for coding in one["type"].get("coding", ())
        if coding.get("system") == CLASSES
    }
    texts = [(path, str(by_code[code].get("value", ""))) for path, code in CLASS_CODES.items() if code in by_code]
    texts.append(("GroupName", str(by_code.get("rxgroup", {}).get("name", ""))))
    system = sending.making.system_of("PayerID")
    payers = [one.get("identifier", {}) for one in resource.get("payor", ())]
    texts += [("PayerIdentification/PayerID", one.get("value", "")) for one in payers if one.get("system") == system][
        :1
    ]
    rows = sending.node("", COVERAGE, resource)
    if rows.value("PayerName") == "Not named":
        rows = Node("", children=tuple(one for one in rows.children if one.name != "PayerName"))
    return joined("BenefitsCoordination", grown("", texts), rows)
