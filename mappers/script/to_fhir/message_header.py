"""Header, Status, Error, Verify -> MessageHeader and Provenance.

https://hl7.org/fhir/R4/messageheader.html, https://hl7.org/fhir/R4/provenance.html
"""

import re
from typing import Any, Final
from urllib.parse import quote

from mappers.mapped import Resource
from mappers.script.faults import SYSTEM_ERROR, TRY_LATER
from mappers.script.message import Party
from mappers.script.reading import Reading
from mappers.script.rows import EXTENSION
from mappers.script.to_fhir.parties import Parties, message_identifier
from mappers.script.to_fhir.tasks import TRANSACTIONS
from mappers.script.values import instant

RESPONSES: Final = {"Status": "ok", "Verify": "ok", "Error": "fatal-error"}
TRY_AGAIN: Final = (TRY_LATER, SYSTEM_ERROR)
"""Codes of an Error after which the same message may be sent again."""
ANSWERING: Final = frozenset(
    """Status Error Verify NewRxResponseDenied RxChangeResponse RxRenewalResponse CancelRxResponse RxTransfer
    RxTransferConfirm RxHistoryResponse REMSInitiationResponse REMSResponse PAInitiationResponse PAResponse
    PAAppealResponse PACancelResponse""".split()
)
"""Transactions whose RelatesToMessageID is the message they answer, not one they are about."""
WRITTEN: Final = ("create", "merge")
_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
_OUTCOME: Final = "outcome"
_MAIN: Final = ("MedicationRequest", "MedicationDispense", "Task", "Communication")


def message_header(reading: Reading) -> None:
    header = reading.message.header
    resource: Resource = {
        "resourceType": "MessageHeader",
        "eventCoding": {"system": TRANSACTIONS, "code": reading.message.kind},
        "source": _software(reading) | {"endpoint": endpoint(header.from_)},
    }
    if header.to.value:
        resource["destination"] = [{"endpoint": endpoint(header.to)}]
    changed = {one.condition for one in reading.entries if one.how == "merge"}
    named = (one for one in reading.entries if one.how != "find" or one.condition not in changed)
    focus = [{"reference": one.full_url} for one in named if one.type_name in _MAIN]
    resource |= {"focus": focus} if focus else {}
    _response(reading, resource)
    reading.add("MessageHeader", resource, place="Header")


def endpoint(party: Party) -> str:
    """Who sends or receives, as a URL: `urn:galenic:script:Party:P:6557744`."""
    return f"{EXTENSION}Party:{quote(party.qualifier, safe='')}:{quote(party.value, safe='')}"


def _software(reading: Reading) -> Resource:
    software = next((node for node in reading.message.header.other if node.name == "SenderSoftware"), None)
    if software is None:
        return {}
    named = {
        "name": software.value("SenderSoftwareDeveloper"),
        "software": software.value("SenderSoftwareProduct"),
        "version": software.value("SenderSoftwareVersionRelease"),
    }
    return {name: value for name, value in named.items() if value}


def _response(reading: Reading, resource: Resource) -> None:
    """Which message this answers, and whether it was taken."""
    header, kind = reading.message.header, reading.message.kind
    if not header.relates_to or kind not in ANSWERING:
        return
    if not _ID.fullmatch(header.relates_to):
        reading.note("Header/RelatesToMessageID", "It has characters that the identifier of a response cannot have")
        return
    again = kind == "Error" and reading.body().peek("Code") in TRY_AGAIN
    code = "transient-error" if again else RESPONSES.get(kind, "ok")
    resource["response"] = {"identifier": header.relates_to, "code": code}
    if kind in RESPONSES:
        resource["contained"] = [_outcome(reading)]
        resource["response"]["details"] = {"reference": f"#{_OUTCOME}"}


def _outcome(reading: Reading) -> Resource:
    """Code, DescriptionCodes and Description; codes that are not known are kept as they are."""
    at, failed = reading.body(), reading.message.kind == "Error"
    codings = [
        {"system": f"{EXTENSION}{reading.message.kind}-{name}", "code": one.node.text}
        for name in ("Code", "DescriptionCode")
        for one in at.several(name)
        if one.node.text
    ]
    for name in ("Code", "DescriptionCode"):
        at.carry(name)
    text = at.text("Description")
    details = {"coding": codings} | ({"text": text} if text else {})
    issue = {"severity": "error" if failed else "information", "code": "processing" if failed else "informational"}
    return {"resourceType": "OperationOutcome", "id": _OUTCOME, "issue": [issue | {"details": details}]}


def provenance(reading: Reading, people: Parties) -> None:
    """Who said all this, when, and in which message."""
    sent = instant(reading.message.header.sent_time)
    recorded = sent if sent and "T" in sent else reading.making.now.isoformat(timespec="seconds")
    made = [one for one in reading.entries if one.how in WRITTEN or (one.how == "match" and one.type_name in _MAIN)]
    targets = [{"reference": one.full_url} for one in made]
    resource: Resource = {
        "resourceType": "Provenance",
        "target": targets,
        "recorded": recorded,
        "agent": [{"who": _sender(reading, people)}],
        "entity": [{"role": "source", "what": {"identifier": message_identifier(reading)}}],
    }
    if reading.message.header.relates_to:
        related = {"system": message_identifier(reading)["system"], "value": reading.message.header.relates_to}
        resource["entity"].append({"role": "derivation", "what": {"identifier": related}})
    reading.add("Provenance", resource, place="Header")


def _sender(reading: Reading, people: Parties) -> Any:
    sender = reading.message.header.from_
    known = {"P": people.pharmacy, "D": people.prescriber}.get(sender.qualifier)
    system = reading.making.system_of("From")
    return known or {"identifier": {"system": system, "value": sender.value}}
