"""Coverage as IN1. The other way round: `to_fhir/coverage.py`."""

from collections.abc import Mapping, Sequence
from typing import Final

from mappers.hl7v2.from_fhir.concepts import code_of, cwe
from mappers.hl7v2.from_fhir.identifiers import cx
from mappers.hl7v2.from_fhir.sending import Sending
from mappers.hl7v2.message import Field
from mappers.hl7v2.tables import RELATIONSHIP
from mappers.hl7v2.times import timestamp
from mappers.mapped import Resource

LAST: Final = 36


def in1(coverages: Sequence[Resource], payors: Mapping[str, Resource], sending: Sending) -> list[list[Field]]:
    """`payors` are the Organizations that `Coverage.payor` refers to, by reference."""
    return [_in1(one, number, payors, sending) for number, one in enumerate(coverages, start=1)]


def _in1(coverage: Resource, number: int, payors: Mapping[str, Resource], sending: Sending) -> list[Field]:
    payor = coverage["payor"][0]
    company = payors.get(payor.get("reference", ""), {})
    identifier = next(iter(company.get("identifier", ())), payor.get("identifier"))
    plan, group = _class(coverage, "plan"), _class(coverage, "group")
    relationship = code_of(coverage.get("relationship", {}), RELATIONSHIP)
    period = coverage.get("period", {})
    fields: dict[int, Field] = {
        1: str(number),
        2: (plan.get("value", ""), plan.get("name", "")),
        3: cx(identifier, sending) if identifier else "",
        4: str(company.get("name") or payor.get("display", "")),
        8: str(group.get("value", "")),
        9: str(group.get("name", "")),
        12: timestamp(period.get("start", ""))[:8],
        13: timestamp(period.get("end", ""))[:8],
        15: cwe(coverage.get("type", {})),
        17: relationship,
        36: str(coverage.get("subscriberId", "")),
    }
    return ["IN1", *(fields.get(field, "") for field in range(1, LAST + 1))]


def _class(coverage: Resource, kind: str) -> Resource:
    for one in coverage.get("class", ()):
        if any(coding.get("code") == kind for coding in one["type"].get("coding", ())):
            return dict(one)
    return {}
