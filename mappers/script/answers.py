"""Status, Error, Verify and the answers to requests: who is answered what, in the sender's own version.

Every answer has a MessageID of its own, the request's as RelatesToMessageID, and To and From swapped with their
qualifiers. A sender of 10.6, which is not written, is answered in 2017071.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mappers.script.faults import ScriptFault
from mappers.script.message import DEFAULT, Header, Message, Party, write
from mappers.script.spellings import WRITING
from mappers.script.tree import Node

RECEIVED: Final = "000"
"""Status: taken by this hop."""
ACCEPTED: Final = "010"
"""Status and Verify: taken by the one it was for."""
US: Final = Party("Galenic", "ZZZ")
"""Whom answers to unaddressed messages are from."""
UNKNOWN: Final = "Unknown"
"""To of an answer to what has no readable sender."""
NO_MESSAGE: Final = "0"
"""RelatesToMessageID of an answer to what has no readable MessageID."""
DESCRIPTION_MAX: Final = 250
"""Longest Description (characters) that is written."""


@dataclass(frozen=True, slots=True)
class Answering:
    """What an answer is made with: its own MessageID, when it is sent, and who we are where the request does not say.

    `now` needs its zone; SentTime is written in UTC.
    """

    message_id: str
    now: datetime
    us: Party = US
    version: str = DEFAULT
    """Of an answer to what could not be read at all."""


def status(request: Message, answering: Answering, code: str = RECEIVED, description: str = "") -> bytes:
    """A Status: 000 once the bytes of the request are kept, 010 once whom it is for has it."""
    return _written(request.header, request.version, answering, "Status", _coded(code, (), description))


def verify(request: Message, answering: Answering, code: str = ACCEPTED, description: str = "") -> bytes:
    """A Verify, for a request that asked for a receipt from whom it is for."""
    body = Node("VerifyStatus", children=_coded(code, (), description))
    return _written(request.header, request.version, answering, "Verify", (body,))


def error(
    request: Message | Header | None, answering: Answering, fault: ScriptFault, description_codes: Sequence[str] = ()
) -> bytes:
    """An Error about a message, its header, or about bytes that were no message: None. Never raises."""
    header = request.header if isinstance(request, Message) else request
    version = request.version if isinstance(request, Message) else answering.version
    described = f"{fault.place}: {fault.text}"
    body = _coded(fault.code, description_codes or (fault.description_code,), described)
    return _written(header, version, answering, "Error", body)


def cancel_rx_response(
    request: Message, answering: Answering, *, approved: bool, reason_codes: Sequence[str] = (), note: str = ""
) -> bytes:
    """Whether what was left of an order was cancelled; the note says why not, or what was dispensed until then."""
    outcome = Node("Approved" if approved else "Denied", children=_reasons(reason_codes, note, approved=approved))
    return _response(request, answering, "CancelRxResponse", outcome)


def denied(request: Message, answering: Answering, *, reason_codes: Sequence[str] = (), note: str = "") -> bytes:
    """No to a request for a renewal, a change or a new prescription; raises ScriptFault for any other transaction."""
    kind = DENIALS.get(request.kind)
    if kind is None:
        raise ScriptFault("It is no request that could be denied", request.kind)
    outcome = Node("Denied", children=_reasons(reason_codes, note, approved=False))
    return _response(request, answering, kind, outcome)


DENIALS: Final = {
    "RxRenewalRequest": "RxRenewalResponse",
    "RxChangeRequest": "RxChangeResponse",
    "NewRxRequest": "NewRxResponseDenied",
    "CancelRx": "CancelRxResponse",
}
"""Answers by request. Approvals carry a medication, and are written from FHIR."""


def header_of_answer(request: Header | None, answering: Answering) -> Header:
    """The header of whatever answers `request`."""
    sent = answering.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if request is None:
        return Header(Party(UNKNOWN), answering.us, answering.message_id, NO_MESSAGE, sent)
    return Header(
        to=request.from_ if request.from_.value else Party(UNKNOWN),
        from_=request.to if request.to.value else answering.us,
        message_id=answering.message_id,
        relates_to=request.message_id or NO_MESSAGE,
        sent_time=sent,
        prescriber_order_number=request.prescriber_order_number,
        rx_reference_number=request.rx_reference_number,
        test=request.test,
    )


def _written(
    request: Header | None, version: str, answering: Answering, kind: str, children: tuple[Node, ...]
) -> bytes:
    header = header_of_answer(request, answering)
    written = version if version in WRITING else DEFAULT
    return write(Message(header, kind, written, Node(kind, children=children)))


def _response(request: Message, answering: Answering, kind: str, outcome: Node) -> bytes:
    number = request.body.value("RequestReferenceNumber")
    reference = (Node("RequestReferenceNumber", number),) if number else ()
    children = (*reference, Node("Response", children=(outcome,)))
    return _written(request.header, request.version, answering, kind, children)


def _reasons(codes: Sequence[str], note: str, *, approved: bool) -> tuple[Node, ...]:
    texts = (Node("Note" if approved else "DenialReason", note),) if note else ()
    return (*(Node("ReasonCode", code) for code in codes), *texts)


def _coded(code: str, description_codes: Sequence[str], description: str) -> tuple[Node, ...]:
    clean = "".join(character if character.isprintable() else " " for character in description)[:DESCRIPTION_MAX]
    described = (Node("Description", clean),) if clean else ()
    return (Node("Code", code), *(Node("DescriptionCode", one) for one in description_codes), *described)
