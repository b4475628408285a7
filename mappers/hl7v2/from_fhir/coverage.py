"""Coverage as IN1; the other way round as to_fhir/coverage.py."""

from collections.abc import Sequence
from typing import Final

from mappers.hl7v2.from_fhir.concepts import code_of, cwe
from mappers.hl7v2.from_fhir.identifiers import cx
from mappers.hl7v2.from_fhir.sending import Row, Sending, moment, row
from mappers.hl7v2.message import Field
from mappers.hl7v2.tables import RELATIONSHIP
from mappers.mapped import Resource

SELF: Final = frozenset({"self", "ONESELF"})
"""Of https://hl7.org/fhir/R4/valueset-subscriber-relationship.html, and of the role codes that 0063 becomes."""


def coverage_rows(coverages: Sequence[Resource], sending: Sending) -> list[Row]:
    return [_in1(one, number, sending) for number, one in enumerate(coverages, start=1)]


def _in1(coverage: Resource, number: int, sending: Sending) -> Row:
    payors = coverage.get("payor", [])
    if len(payors) > 1:
        sending.note("IN1-3", "several who pay: the first is written")
    payor: Resource = next(iter(payors), {})
    company = sending.at(payor)
    identifier = payor.get("identifier") or next(iter(company.get("identifier", ())), None)
    plan, group, period = _class(coverage, "plan"), _class(coverage, "group"), coverage.get("period", {})
    fields: dict[int, Field] = {
        1: str(number),
        2: (plan.get("value", ""), plan.get("name", "")),
        3: cx(identifier, sending.making) if identifier else "",
        4: payor.get("display") or company.get("name", ""),
        8: group.get("value", ""),
        9: group.get("name", ""),
        12: moment(period.get("start"))[:8],
        13: moment(period.get("end"))[:8],
        15: cwe(coverage["type"], sending.making) if "type" in coverage else "",
        17: _relationship(coverage.get("relationship", {})),
        36: coverage.get("subscriberId", ""),
    }
    return row("IN1", fields)


def _relationship(concept: Resource) -> str:
    """Table 0063."""
    said = {one.get("code") for one in concept.get("coding", ())}
    return "SEL" if said & SELF else code_of(concept, RELATIONSHIP)


def _class(coverage: Resource, kind: str) -> Resource:
    for one in coverage.get("class", ()):
        if any(coding.get("code") == kind for coding in one.get("type", {}).get("coding", ())):
            return dict(one)
    return {}
