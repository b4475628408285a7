"""A SCRIPT message as FHIR, by a table of its transactions."""

from collections.abc import Callable, Mapping
from typing import Final

from mappers.making import Making
from mappers.mapped import Mapped
from mappers.script.kinds import ANSWERS, REPORTS, REQUESTS
from mappers.script.message import Message, faults
from mappers.script.reading import Reading
from mappers.script.to_fhir.communication import communication
from mappers.script.to_fhir.fills import rx_fill
from mappers.script.to_fhir.message_header import message_header, provenance
from mappers.script.to_fhir.orders import new_rx
from mappers.script.to_fhir.parties import Parties, parties
from mappers.script.to_fhir.tasks import (
    cancel_request,
    change_request,
    indicator_change,
    new_rx_request,
    other_request,
    renewal_request,
    response,
    transfer_confirm,
    transfer_request,
)
from mappers.script.to_fhir.transfer import rx_transfer


def _header_only(_: Reading, __: Parties) -> None:
    """Everything it says is in its MessageHeader."""


KINDS: Final[Mapping[str, Callable[[Reading, Parties], None]]] = {
    "NewRx": new_rx,
    "NewRxRequest": new_rx_request,
    "NewRxResponseDenied": response,
    "RxRenewalRequest": renewal_request,
    "RxRenewalResponse": response,
    "RxChangeRequest": change_request,
    "RxChangeResponse": response,
    "CancelRx": cancel_request,
    "CancelRxResponse": response,
    "RxFill": rx_fill,
    "RxFillIndicatorChange": indicator_change,
    "RxTransferInitiationRequest": transfer_request,
    "RxTransfer": rx_transfer,
    "RxTransferConfirm": transfer_confirm,
    **dict.fromkeys(REQUESTS, other_request),
    **dict.fromkeys(REPORTS, communication),
    **dict.fromkeys((*ANSWERS, "GetMessage"), _header_only),
}


def to_fhir(message: Message, making: Making) -> Mapped:
    """Any transaction; raises ScriptFault for one that cannot be carried out."""
    for fault in faults(message):
        raise fault
    reading = Reading(message, making)
    people = parties(reading)
    KINDS[message.kind](reading, people)
    message_header(reading)
    provenance(reading, people)
    return reading.mapped()
