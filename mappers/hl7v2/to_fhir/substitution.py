"""What may be dispensed instead (RXO-9) and what was (RXE-9, RXD-11, RXG-10): tables 0161 and 0167."""

from typing import Any

from mappers.hl7v2.message import Segment
from mappers.hl7v2.pharmacy_tables import ALLOWED, SUBSTITUTED, SUBSTITUTION, V2
from mappers.hl7v2.to_fhir.concepts import NOT_OF_TABLE
from mappers.mapped import Resource


def allowed(order: Segment | None, encoded: Segment | None) -> Resource:
    """MedicationRequest.substitution; {} where nothing is said.

    RXO-9 is the prescriber's permission. RXE-9 says what was dispensed and is taken only without one: that something
    else was dispensed says that it might be.
    """
    if order is not None and (code := order.text(9)):
        if code in ALLOWED:
            return {"allowedCodeableConcept": _concept(*ALLOWED[code], table="0161", code=code)}
        order.value(9).leave(1, NOT_OF_TABLE)
    if encoded is not None and (code := encoded.text(9)):
        if code in SUBSTITUTED:
            _, own, own_display, display = SUBSTITUTED[code]
            return {"allowedCodeableConcept": _concept(own, own_display, display, table="0167", code=code)}
        encoded.value(9).leave(1, NOT_OF_TABLE)
    return {}


def done(segment: Segment, number: int) -> Resource:
    """MedicationDispense.substitution; the digits of the table are the reason why there was none."""
    code = segment.text(number)
    if code not in SUBSTITUTED:
        if code:
            segment.value(number).leave(1, NOT_OF_TABLE)
        return {}
    was, own, own_display, display = SUBSTITUTED[code]
    concept = _concept(own, own_display, display, table="0167", code=code)
    return {"wasSubstituted": was} | ({"type": concept} if own else {"reason": [concept]})


def _concept(own: str, own_display: str, display: str, *, table: str, code: str) -> dict[str, Any]:
    codings = [{"system": f"{V2}{table}", "code": code, "display": display}]
    if own:
        codings.insert(0, {"system": SUBSTITUTION, "code": own, "display": own_display})
    return {"coding": codings}
