"""Which SCRIPT messages may follow which, as docs/messages/script/conversations.md has it.

An answer names by RelatesToMessageID what was sent to the partner, and ends it once. That the ledger alone can tell, in
the transaction that accepts the message: of two answers at once one is taken. What an order has to be is told by the
transaction that writes what the message means.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from fhir_server.exchange import ledger
from fhir_server.exchange.ledger import Entry
from fhir_server.storage.database import Connection
from fhir_server.storage.find import load
from fhir_server.storage.read import current_versions
from mappers.mapped import Mapped
from mappers.script.faults import ScriptFault
from mappers.script.kinds import APPROVALS
from mappers.script.message import Message, read

SCRIPT: Final = "script"
RELATES_TO: Final = "Header/RelatesToMessageID"
PENDING: Final = "Pending"
OPEN: Final = ("", PENDING)
"""Codes in the ledger of a request that may still be answered."""

VALIDATED: Final = "Validated"
UNDECIDED: Final = ("Denied", PENDING)
AUTHORISATION: Final = "U"
"""MessageRequestCode of a RxChangeRequest about the prescriber's own authorisation: it is validated, never approved."""


class Answer(NamedTuple):
    """What a message answers."""

    requests: tuple[str, ...] = ()
    """One of these; () is anything that was sent."""
    outcomes: tuple[str, ...] = ()
    """It ends the request, unless it is Pending, with one of these: the first where it says none. () ends nothing."""
    comes_unasked: bool = False
    """It may name no request at all."""


ANSWERS: Final = {
    **dict.fromkeys(("Status", "Error", "Verify"), Answer()),
    "NewRxResponseDenied": Answer(("NewRxRequest",), ("Denied",)),
    "RxRenewalResponse": Answer(("RxRenewalRequest",), (*APPROVALS, "Denied", PENDING)),
    "RxChangeResponse": Answer(("RxChangeRequest",), ("Approved", "ApprovedWithChanges", VALIDATED, *UNDECIDED)),
    "CancelRxResponse": Answer(("CancelRx",), ("Approved", "Denied")),
    "RxTransfer": Answer(("RxTransferInitiationRequest",), ("Approved", "Denied"), comes_unasked=True),
    "RxTransferConfirm": Answer(("RxTransfer",), ("Confirmed",)),
    "RxHistoryResponse": Answer(("RxHistoryRequest",)),
    "REMSInitiationResponse": Answer(("REMSInitiationRequest",)),
    "REMSResponse": Answer(("REMSRequest",)),
    "PAInitiationResponse": Answer(("PAInitiationRequest",)),
    "PAResponse": Answer(("PARequest",)),
    "PAAppealResponse": Answer(("PAAppealRequest",)),
    "PACancelResponse": Answer(("PACancelRequest",)),
}
"""What comes in answer to what. Any other message may come at any time."""

OF_AN_ORDER: Final = ("CancelRx", "RxFillIndicatorChange")
"""They change an order that is there, and have to say which."""

AUTHORISING: Final = ("RxChangeResponse", "RxRenewalResponse")
"""Their approval makes an order in place of another."""


async def check_place(connection: Connection, message: Message, raw: bytes, partner: str) -> None:
    """In the transaction that accepts the message: raises `ScriptFault` where it has no place in what went before."""
    answer, header = ANSWERS.get(message.kind), message.header
    if message.kind in OF_AN_ORDER and not (header.prescriber_order_number or header.relates_to):
        raise ScriptFault("the message names no order: neither its number nor its message", RELATES_TO)
    if answer is None or (answer.comes_unasked and not header.relates_to and message.outcome != "Denied"):
        return
    request = await ledger.sent(connection, partner, SCRIPT, header.relates_to)
    if request is None or (answer.requests and request.kind not in answer.requests):
        raise ScriptFault("the message answers nothing that was sent to this partner and is answered so", RELATES_TO)
    if answer.outcomes:
        await _end(connection, message, raw, answer, request)
    else:
        await ledger.taken(connection, partner, SCRIPT, header.relates_to)


async def _end(connection: Connection, message: Message, raw: bytes, answer: Answer, request: Entry) -> None:
    outcome = message.outcome or answer.outcomes[0]
    _check_outcome(message.kind, outcome, answer, request)
    _check_number(message, request)
    if not await ledger.replied(connection, request, outcome, raw, OPEN):
        raise ScriptFault("what the message answers was answered for good before", RELATES_TO)


def _check_outcome(kind: str, outcome: str, answer: Answer, request: Entry) -> None:
    fits = outcome in answer.outcomes
    if fits and kind == "RxChangeResponse" and outcome not in UNDECIDED:
        is_authorisation = read(request.raw).body.value("MessageRequestCode") == AUTHORISATION
        fits = is_authorisation == (outcome == VALIDATED)
    if not fits:
        raise ScriptFault("the outcome is none of those that the request may have", f"{kind}/Response")


def _check_number(message: Message, request: Entry) -> None:
    """By an order's number it is cancelled: it has to be the one whose cancellation was asked for."""
    number = message.header.prescriber_order_number
    if message.kind == "CancelRxResponse" and number not in ("", read(request.raw).header.prescriber_order_number):
        raise ScriptFault("the order is not the one of the CancelRx", "Header/PrescriberOrderNumber")


async def forget(connection: Connection, message: Message, entry: Entry) -> None:
    """An answer that could not be carried out ended nothing: a corrected one may come."""
    if message.kind in ANSWERS:
        await ledger.reopen(connection, entry.partner, SCRIPT, message.header.relates_to, entry.raw)


async def check_order(connection: Connection, message: Message, mapped: Mapped, resources: Sequence[str]) -> None:
    """In the transaction that has written what the message means; `resources` are `Type/id` of what is there now.

    Raises `ScriptFault`, and nothing of it must be committed then.
    """
    if message.kind == "NewRx":
        _check_is_new(mapped, resources)
    elif message.kind in AUTHORISING and message.outcome in APPROVALS:
        await _check_not_cancelled(connection, resources)


def _check_is_new(mapped: Mapped, resources: Sequence[str]) -> None:
    for entry in mapped.entries:
        new = f"{entry.type_name}/{entry.full_url.removeprefix('urn:uuid:')}"
        if entry.type_name == "MedicationRequest" and new not in resources:
            text = "there is an order of this number; it is changed by a CancelRx, and a NewRx with a number of its own"
            raise ScriptFault(text, "Header/PrescriberOrderNumber")


async def _check_not_cancelled(connection: Connection, resources: Sequence[str]) -> None:
    for task in await _bodies(connection, resources, "Task"):
        focus = task.get("focus", {}).get("reference", "")
        for order in await _bodies(connection, [focus], "MedicationRequest"):
            if order.get("status") == "cancelled":
                raise ScriptFault("the order was cancelled meanwhile; a NewRx prescribes anew", RELATES_TO)


async def _bodies(connection: Connection, references: Sequence[str], type_name: str) -> list[dict[str, Any]]:
    keys = [(type_name, one.partition("/")[2]) for one in references if one.startswith(f"{type_name}/")]
    versions = (await current_versions(connection, keys)).values() if keys else ()
    return [load(version) for version in versions if version.body is not None]
