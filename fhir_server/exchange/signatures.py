"""Signatures of prescriptions for controlled substances: verified, or vouched for by whoever passed them on.

21 CFR 1311.205(b): a pharmacy's application verifies the prescriber's signature, or that the last intermediary's
indicator says that the prescription was signed. https://www.ecfr.gov/current/title-21/section-1311.205
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from mappers.script.faults import ScriptFault
from mappers.script.message import Message
from mappers.script.schedules import schedules
from mappers.script.signature import is_signed, verify_signature
from terminology.ncpdp.tables import controlled

AUTHORISING: Final = frozenset({"NewRx", "RxRenewalResponse", "RxChangeResponse", "RxTransfer"})
"""Transactions by which something may be dispensed."""


def check(raw: bytes, message: Message, anchors: Sequence[bytes], now: datetime) -> None:
    """Raises `ScriptFault` where a signature does not hold under the anchors (PEM), or one is needed and missing.

    A signature that is there is verified, whatever the message.
    """
    if is_signed(raw):
        verify_signature(raw, anchors, now)
    elif authorises_controlled(message) and not message.header.digital_signature_indicator:
        text = "a controlled substance is prescribed, and the prescription neither signed nor said to have been"
        raise ScriptFault(text, "Header/DigitalSignature")


def authorises_controlled(message: Message) -> bool:
    """Whether anything of a schedule may be dispensed by it; what cannot be told to be of none is of one."""
    return message.kind in AUTHORISING and any(controlled(text) for _, text in schedules(message.body))
