"""Records as FHIR AuditEvents, by IHE's Basic Audit Log Patterns: one for each patient whose data were concerned.

https://hl7.org/fhir/R4/auditevent.html, https://profiles.ihe.net/ITI/BALP
"""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from fhir_server.audit.interactions import DICOM, Coding, interaction
from fhir_server.clock import instant
from fhir_server.model.resource_types import type_name

Json = dict[str, Any]

AUDIT_EVENT: Final = "AuditEvent"
PROFILE: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
PROFILES: Final = {
    "read": "Read",
    "vread": "Read",
    "search-type": "Query",
    "search-system": "Query",
    "create": "Create",
    "update": "Update",
    "patch": "Update",
    "delete": "Delete",
}

SOURCE: Final = (DICOM, "110153", "Source Role ID")
DESTINATION: Final = (DICOM, "110152", "Destination Role ID")
APPLICATION: Final = (DICOM, "110150", "Application")
CUSTODIAN: Final = ("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "custodian", "Custodian")
_PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
RECIPIENT: Final = (_PARTICIPATION, "IRCP", "information recipient")
AUTHOR: Final = (_PARTICIPATION, "AUT", "author (originator)")

ROLES: Final[dict[str, tuple[Coding, Coding, Coding]]] = {
    "Read": (DESTINATION, SOURCE, RECIPIENT),
    "Query": (SOURCE, DESTINATION, RECIPIENT),
    "Create": (SOURCE, DESTINATION, AUTHOR),
    "Update": (SOURCE, DESTINATION, AUTHOR),
    "Delete": (APPLICATION, CUSTODIAN, AUTHOR),
}
"""What client, server and user are called in each of the profiles."""

OTHERWISE: Final = (SOURCE, DESTINATION, RECIPIENT)

_ENTITY_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
PERSON: Final = (_ENTITY_TYPE, "1", "Person")
SYSTEM_OBJECT: Final = (_ENTITY_TYPE, "2", "System Object")
REQUEST_ID: Final = ("https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", "XrequestId", "X-Request-Id")

_OBJECT_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
PATIENT_ROLE: Final = (_OBJECT_ROLE, "1", "Patient")
DOMAIN_RESOURCE: Final = (_OBJECT_ROLE, "4", "Domain Resource")
QUERY_ROLE: Final = (_OBJECT_ROLE, "24", "Query")

APPLICATION_SERVER: Final = (
    "http://terminology.hl7.org/CodeSystem/security-source-type",
    "4",
    "Application Server",
)
PURPOSE_OF_USE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
JTI: Final = "urn:ietf:params:oauth:jti:"
IP_ADDRESS: Final = "2"
URI: Final = "5"

SERIOUS: Final = frozenset({401, 403})
_PERSON_TYPES: Final = frozenset({"Patient", "Person", "Practitioner", "PractitionerRole", "RelatedPerson"})
_PERSON: Final = re.compile(r"(?P<type>[A-Za-z]+)/[A-Za-z0-9.\-]{1,64}")
_ID: Final = re.compile(r"[A-Za-z0-9.\-]{1,64}")


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as it stands in the table."""

    number: int
    recorded: datetime
    request_id: str
    interaction: str
    actor: str
    client: str
    purpose: str
    type: int | None
    id: str | None
    version: int | None
    patients: Sequence[str]
    outcome: int
    role: str
    reason: str
    token_id: str
    address: str
    query: str
    count: int
    detail: str


def outcome_of(status: int) -> str:
    """https://hl7.org/fhir/R4/valueset-audit-event-outcome.html: success, minor, serious or major failure."""
    if status < 400:  # noqa: PLR2004 - the first status of failures
        return "0"
    if status in SERIOUS:
        return "8"
    return "4" if status < 500 else "12"  # noqa: PLR2004 - the first status of our own failures


def parts_of(kept: Kept) -> int:
    """How many AuditEvents a record is."""
    return max(1, len(kept.patients))


def event_id(kept: Kept, part: int) -> str:
    """The record's number; `<number>-<part>`, from 1, where it is several AuditEvents."""
    return str(kept.number) if parts_of(kept) == 1 else f"{kept.number}-{part + 1}"


def parse_event_id(text: str) -> tuple[int, int | None] | None:
    """The number of a record, and the part, from 0; None for what no AuditEvent is called."""
    found = re.fullmatch(r"([1-9][0-9]{0,17})(?:-([1-9][0-9]{0,8}))?", text)
    if found is None:
        return None
    return int(found[1]), int(found[2]) - 1 if found[2] else None


def render(kept: Kept, part: int, base_url: str) -> Json:
    """The AuditEvent about the patient at place `part`, of those the record names."""
    known = interaction(kept.interaction)
    patient = kept.patients[part] if kept.patients else ""
    return {
        "resourceType": AUDIT_EVENT,
        "id": event_id(kept, part),
        "meta": _meta(kept, patient),
        "type": _coding(known.kind),
        "subtype": [_coding(known.subtype)],
        "action": known.action,
        "recorded": instant(kept.recorded),
        "outcome": outcome_of(kept.outcome),
        **_description(kept),
        "purposeOfEvent": [_purpose(kept)],
        "agent": list(_agents(kept, base_url)),
        "source": _source(base_url),
        "entity": list(_entities(kept, patient, base_url)),
    }


def _meta(kept: Kept, patient: str) -> Json:
    meta: Json = {"versionId": "1", "lastUpdated": instant(kept.recorded)}
    name = PROFILES.get(kept.interaction)
    if name and _follows(kept, name):
        meta["profile"] = [f"{PROFILE}{'Patient' if patient else ''}{name}"]
    return meta


def _follows(kept: Kept, name: str) -> bool:
    """The profiles are about what succeeded, by a client whose address is known."""
    what = kept.query if name == "Query" else kept.id
    return outcome_of(kept.outcome) == "0" and bool(kept.address) and bool(what)


def _description(kept: Kept) -> Json:
    said = [kept.detail] if kept.detail else []
    said += [f"{kept.count} alike"] if kept.count > 1 else []
    said += [f"HTTP {kept.outcome}"] if outcome_of(kept.outcome) != "0" else []
    return {"outcomeDesc": "; ".join(said)} if said else {}


def _purpose(kept: Kept) -> Json:
    """Emergency access stands out by its code; what the person wrote is its text."""
    purpose: Json = {"coding": [{"system": PURPOSE_OF_USE, "code": kept.purpose}]} if kept.purpose else {}
    return (purpose | {"text": kept.reason}) if kept.reason else purpose or {"text": "unknown"}


def _agents(kept: Kept, base_url: str) -> Iterator[Json]:
    client, server, user = ROLES.get(PROFILES.get(kept.interaction, ""), OTHERWISE)
    somebody = _is_person(kept.actor)
    network = {"network": {"address": kept.address, "type": IP_ADDRESS}} if kept.address else {}
    who = _identified(kept.client or kept.actor or "unknown")
    yield {"type": _concept(client), "who": who, "requestor": not somebody} | network
    yield {
        "type": _concept(server),
        "who": _identified(base_url) | {"display": "Galenic"},
        "requestor": False,
        "network": {"address": base_url, "type": URI},
    }
    if somebody:
        yield _user(kept, user)
    if client != APPLICATION and kept.token_id:
        yield {"type": _concept(APPLICATION), "who": who, "requestor": False} | network


def _user(kept: Kept, user: Coding) -> Json:
    agent: Json = {"type": _concept(user)}
    if kept.role:
        agent["role"] = [{"text": kept.role}]
    agent |= {"who": {"reference": kept.actor} | _identified(kept.actor), "requestor": True}
    if kept.token_id:
        agent["policy"] = [JTI + "".join(kept.token_id.split())]
    return agent | {"purposeOfUse": [_purpose(kept)]}


def _is_person(actor: str) -> bool:
    found = _PERSON.fullmatch(actor)
    return found is not None and found["type"] in _PERSON_TYPES


def _source(base_url: str) -> Json:
    return {
        "site": urlsplit(base_url).netloc or base_url,
        "observer": _identified(base_url) | {"display": "Galenic"},
        "type": [_coding(APPLICATION_SERVER)],
    }


def _entities(kept: Kept, patient: str, base_url: str) -> Iterator[Json]:
    if patient:
        yield {"what": _reference("Patient", patient), "type": _coding(PERSON), "role": _coding(PATIENT_ROLE)}
    kind = type_name(kept.type) if kept.type else ""
    if kept.query:
        url = base64.b64encode(f"{base_url}/{kept.query}".encode()).decode()
        yield {"type": _coding(SYSTEM_OBJECT), "role": _coding(QUERY_ROLE), "query": url}
    elif kind:
        what = _reference(kind, kept.id, kept.version) if kept.id else {"display": kind}
        yield {"what": what, "type": _coding(SYSTEM_OBJECT), "role": _coding(DOMAIN_RESOURCE)}
    yield {"what": _identified(kept.request_id or "unknown"), "type": _coding(REQUEST_ID)}


def _reference(kind: str, key: str, version: int | None = None) -> Json:
    """An id that breaks the rules of ids was asked for, and makes no reference."""
    if not _ID.fullmatch(key):
        return {"identifier": {"value": f"{kind}/{key}"}}
    return {"reference": f"{kind}/{key}" + (f"/_history/{version}" if version else "")}


def _identified(text: str) -> Json:
    return {"identifier": {"value": text}}


def _coding(coding: Coding) -> Json:
    system, code, display = coding
    return {"system": system, "code": code, "display": display}


def _concept(coding: Coding) -> Json:
    return {"coding": [_coding(coding)]}
