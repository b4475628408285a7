"""FHIR as a SCRIPT message, by a table of its transactions."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from mappers.making import Making
from mappers.mapped import Resource
from mappers.script.faults import ScriptFault
from mappers.script.from_fhir.fills import rx_fill
from mappers.script.from_fhir.orders import Nodes, new_rx
from mappers.script.from_fhir.sending import Sending, Written
from mappers.script.from_fhir.tasks import (
    cancel_request,
    cancel_response,
    change_request,
    change_response,
    indicator_change,
    new_rx_request,
    renewal_request,
    renewal_response,
    transfer,
    transfer_confirm,
)
from mappers.script.message import DEFAULT, Header, Message
from mappers.script.order import ordered
from mappers.script.paths import get
from mappers.script.rows import EXTENSION
from mappers.script.to_fhir.parties import ORDER_NUMBER, RX_NUMBER
from mappers.script.tree import Node

KINDS: Final[Mapping[str, Callable[[Sending, Resource], Nodes]]] = {
    "NewRx": new_rx,
    "NewRxRequest": new_rx_request,
    "NewRxResponseDenied": cancel_response,
    "RxRenewalRequest": renewal_request,
    "RxRenewalResponse": renewal_response,
    "RxChangeRequest": change_request,
    "RxChangeResponse": change_response,
    "CancelRx": cancel_request,
    "CancelRxResponse": cancel_response,
    "RxFill": rx_fill,
    "RxFillIndicatorChange": indicator_change,
    "RxTransferInitiationRequest": cancel_request,
    "RxTransfer": transfer,
    "RxTransferConfirm": transfer_confirm,
}


def from_fhir(
    kind: str,
    focus: Resource,
    resources: Mapping[str, Resource],
    header: Header,
    making: Making,
    version: str = DEFAULT,
) -> Written:
    """A message of a kind about one resource: a MedicationRequest, a MedicationDispense or a Task.

    `resources` is everything it refers to, by its references. Numbers of the order that the header does not have are
    taken from the resource. Raises ScriptFault for a kind that is not written.
    """
    if kind not in KINDS:
        raise ScriptFault("The transaction is not written from FHIR", kind)
    sending = Sending(resources, making, header)
    children = tuple(node for node in KINDS[kind](sending, focus) if node is not None)
    body = ordered(Node(kind, children=children))
    return Written(Message(_numbered(header, focus, making), kind, version, body), tuple(sending.notes))


def _numbered(header: Header, focus: Resource, making: Making) -> Header:
    def number(name: str) -> str:
        return str(get(focus, f"identifier[system={making.system_of(name)}].value") or "")

    indicated = bool(get(focus, f"extension[url={EXTENSION}DigitalSignatureIndicator].valueBoolean"))
    return replace(
        header,
        prescriber_order_number=header.prescriber_order_number or number(ORDER_NUMBER),
        rx_reference_number=header.rx_reference_number or number(RX_NUMBER),
        digital_signature_indicator=header.digital_signature_indicator or indicated,
    )
