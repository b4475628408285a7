"""What must be right before a message is sent: partners refuse it otherwise, or worse, take it."""

import re
from collections.abc import Iterator
from typing import Final

from mappers.script.faults import ScriptFault
from mappers.script.from_fhir.medication import DESCRIPTION_MAX
from mappers.script.message import Message, faults
from mappers.script.schedules import schedules
from mappers.script.tree import Node
from mappers.script.values import instant, number
from terminology.identifiers import CHECKS
from terminology.ncpdp import tables
from terminology.ndc.eleven import ndc11

MESSAGE_ID_MAX: Final = 35
"""Longest MessageID and order number (characters)."""
SIG_MAX: Final = 1000
"""Longest SigText (characters)."""
SCHEDULE_II: Final = "C48675"
_OFFSET: Final = re.compile(r".*(Z|[+-][0-9]{2}:[0-9]{2})")
_NO_NPI: Final = "NONE"


def faults_of_outgoing(message: Message) -> list[ScriptFault]:
    """Everything that keeps a message from being sent; [] for one that may go."""
    found = list(faults(message))
    found += _header(message)
    found += _identifiers(message.body, message.kind)
    for name in ("MedicationPrescribed", "MedicationResponse", "MedicationRequested", "MedicationDispensed"):
        for node in message.body.all(name):
            found += _medication(node, f"{message.kind}/{name}", message)
    return found


def _header(message: Message) -> Iterator[ScriptFault]:
    header = message.header
    if not header.to.value:
        yield ScriptFault("To is missing", "Header/To")
    for name, text in (("MessageID", header.message_id), ("PrescriberOrderNumber", header.prescriber_order_number)):
        if len(text) > MESSAGE_ID_MAX:
            yield ScriptFault(f"It is longer than {MESSAGE_ID_MAX} characters", f"Header/{name}")
    if not instant(header.sent_time) or not _OFFSET.fullmatch(header.sent_time):
        yield ScriptFault("It is no time with its offset from UTC", "Header/SentTime")


def _identifiers(node: Node, place: str) -> Iterator[ScriptFault]:
    for child in node.children:
        there = f"{place}/{child.name}"
        right = CHECKS.get(child.name)
        if right and child.text and child.text != _NO_NPI and not right(child.text):
            yield ScriptFault("The number is not formed as such numbers are, or its check digit fails", there)
        yield from _identifiers(child, there)


def _medication(node: Node, place: str, message: Message) -> Iterator[ScriptFault]:
    if len(node.value("DrugDescription")) > DESCRIPTION_MAX:
        yield ScriptFault(f"It is longer than {DESCRIPTION_MAX} characters", f"{place}/DrugDescription")
    if len(node.value("Sig/SigText")) > SIG_MAX:
        yield ScriptFault(f"It is longer than {SIG_MAX} characters", f"{place}/Sig/SigText")
    code = node.value("DrugCoded/ProductCode/Code")
    if code and node.value("DrugCoded/ProductCode/Qualifier") == "ND" and ndc11(code) != code:
        yield ScriptFault("An NDC has eleven digits and no dashes", f"{place}/DrugCoded/ProductCode/Code")
    amount = node.value("Quantity/Value")
    if amount and not number(amount):
        yield ScriptFault("It is no number above zero", f"{place}/Quantity/Value")
    yield from _controlled(node, place, message)


def _controlled(node: Node, place: str, message: Message) -> Iterator[ScriptFault]:
    """21 CFR 1306.12 and 1306.05. https://www.ecfr.gov/current/title-21/part-1306."""
    said = [text for _, text in schedules(node) if tables.controlled(text)]
    if message.kind != "NewRx" or not said:
        return
    if SCHEDULE_II in map(tables.schedule, said) and node.value("NumberOfRefills") not in ("", "0"):
        yield ScriptFault("A drug in schedule II has no refills", f"{place}/NumberOfRefills")
    if not message.body.value("Prescriber/NonVeterinarian/Identification/DEANumber"):
        there = "NewRx/Prescriber/NonVeterinarian/Identification/DEANumber"
        yield ScriptFault("Controlled drugs are prescribed with a DEA number", there)
    if not message.header.digital_signature_indicator:
        yield ScriptFault("Controlled drugs are prescribed with a digital signature", "Header/DigitalSignature")
