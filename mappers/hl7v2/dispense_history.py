"""QBP^Q31 and RSP^K31: what was dispensed to a patient. https://www.hl7.eu/refactored/msgRSP_K31.html.

QPD-3 is the patient (CX), QPD-4 the drug (CWE), QPD-5 and 6 the first and the last day.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from mappers.hl7v2 import times
from mappers.hl7v2.acknowledgement import again, opening, written
from mappers.hl7v2.faults import (
    DATA_TYPE,
    EVENT_CODE,
    REQUIRED_FIELD_MISSING,
    SEGMENT_SEQUENCE,
    Hl7Fault,
)
from mappers.hl7v2.from_fhir.medication import medication_of
from mappers.hl7v2.from_fhir.patient import patient_rows
from mappers.hl7v2.from_fhir.rds import counted, dispense_rows
from mappers.hl7v2.from_fhir.sending import Row, Sending
from mappers.hl7v2.message import Message, Segment, Value
from mappers.hl7v2.to_fhir.concepts import codings
from mappers.hl7v2.to_fhir.identifiers import cx
from mappers.making import Making
from mappers.mapped import Resource, token

KIND: Final = "QBP^Q31"
REPLY: Final = "RSP^K31^RSP_K31"
INCLUDED: Final = ("patient", "medication", "performer", "destination", "prescription")
"""What an answer has beside the dispenses: _include of the search."""
DAYS: Final = ((5, "ge"), (6, "le"))


def query_of(message: Message, making: Making) -> str:
    """A search on MedicationDispense: `patient.identifier=…&whenhandedover=ge…&_include=…`.

    Raises Hl7Fault: 201 for another event, 100 without a QPD, 101 without a patient, 102 where a day is none.
    """
    if message.kind != KIND:
        raise Hl7Fault(EVENT_CODE, "MSH-9", "no query but Q31 is answered", reject=True, header=message.header)
    query = message.first("QPD")
    if query is None:
        raise Hl7Fault(SEGMENT_SEQUENCE, "QPD", "a query says what it asks", header=message.header)
    spans = [("whenhandedover", f"{prefix}{day}") for field, prefix in DAYS if (day := _day(query, field, message))]
    included = [("_include", f"MedicationDispense:{one}") for one in INCLUDED]
    return urlencode([("patient.identifier", _patient(query, message, making)), *spans, *included])


def history(
    message: Message,
    found: Sequence[Resource],
    faults: Sequence[Hl7Fault],
    *,
    now: datetime,
    control_id: str,
    making: Making,
) -> bytes:
    """RSP^K31 of what a search of `query_of` brought: dispenses, and whatever they refer to.

    Of the dispenses only those of the drug that QPD-4 names, if it names one.
    """
    query = message.first("QPD")
    sending = Sending({f"{one['resourceType']}/{one.get('id', '')}": one for one in found}, making)
    dispenses = [one for one in found if one["resourceType"] == "MedicationDispense"]
    told = [one for one in zip(dispenses, counted(dispenses), strict=True) if _wanted(one[0], query, sending)]
    code = "AA" if not faults else "AR" if any(one.reject for one in faults) else "AE"
    segments, charset = opening(message, REPLY, code, faults, now=now, control_id=control_id)
    rows = [*segments, _qak(query, len(told), failed=bool(faults)), *_repeated(message)]
    if told and not faults:
        rows += patient_rows(told[0][0].get("subject"), sending)
        rows += [row for one, count in told for row in dispense_rows(one, sending, count)]
    return written(rows, charset)


def _patient(query: Segment, message: Message, making: Making) -> str:
    """A token; some senders put the name of the field before the value: `@PID.3^123`."""
    value = query.value(3)
    if value.text(1).startswith("@PID.3"):
        value = value.rest(2)
    identifier = cx(value, making)
    if identifier is None:
        raise Hl7Fault(REQUIRED_FIELD_MISSING, query.place(3), "whose dispenses", header=message.header)
    return token(identifier["system"], identifier["value"])


def _day(query: Segment, field: int, message: Message) -> str | None:
    text = query.text(field)
    day = times.date(text) if text else None
    if text and day is None:
        raise Hl7Fault(DATA_TYPE, query.place(field), "no date", header=message.header)
    return day


def _wanted(dispense: Resource, query: Segment | None, sending: Sending) -> bool:
    asked: Value | None = query.value(4) if query else None
    if not asked:
        return True
    wanted = [(one["system"], one["code"]) for one in codings(asked, sending.making)]
    coded = medication_of(dispense, sending).get("code", {}).get("coding", ())
    return any((one.get("system"), one.get("code")) in wanted for one in coded)


def _qak(query: Segment | None, count: int, *, failed: bool) -> Row:
    """Table 0208: data found, none found, or an error."""
    status = "AE" if failed else "OK" if count else "NF"
    return ("QAK", query.text(2) if query else "", status, again(query, 1), str(count), str(count), "0")


def _repeated(message: Message) -> list[Row]:
    segments = [one for name in ("QPD", "RCP") if (one := message.first(name))]
    return [(one.name, *(again(one, field) for field in range(1, one.fields + 1))) for one in segments]
