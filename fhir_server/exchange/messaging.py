"""FHIR messages: a Bundle that says what happened, and the transaction that it comes to. Pure.

What happened is what MessageHeader.focus names; everything else is there to be understood. So the focus is written, by
its identifier where it has one, and others are used as they are where their identifier is known.
https://hl7.org/fhir/R4/messaging.html
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from fhir_server.errors import Invalid, Issue, Unprocessable
from fhir_server.model.walk import references
from fhir_server.storage.intents import Resource
from mappers.mapped import by_identifier

EVENTS: Final = "http://terminology.hl7.org/CodeSystem/v2-0003"
"""Trigger events of HL7 v2: a message is known by the same event in both."""

_ORDERS: Final = frozenset({"MedicationRequest", "ServiceRequest", "Task"})
_ADMISSIONS: Final = frozenset({"Patient", "Encounter"})
_PERSONS: Final = frozenset({"Patient", "AllergyIntolerance", "Condition", "Coverage"})

FOCUS: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(("A01", "A03", "A04", "A08"), _ADMISSIONS),
    **dict.fromkeys(("A28", "A31"), _PERSONS),
    **dict.fromkeys(("O01", "O09", "O11", "O25", "O49"), _ORDERS),
    "O13": frozenset({"MedicationDispense"}),
    "O15": frozenset({"MedicationDispense", "MedicationAdministration"}),
    "O17": frozenset({"MedicationAdministration"}),
    "P03": frozenset({"ChargeItem"}),
}
"""By event: of which types what happened may be."""

HEADER: Final = "MessageHeader"
MESSAGE: Final = "message"
HEADER_PLACE: Final = "Bundle.entry[0].resource"
VERSION: Final = "/_history/"
_RELATIVE: Final = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.\-]{1,64}(?:/_history/[A-Za-z0-9.\-]{1,64})?")
_RESTFUL: Final = re.compile(r"(https?://.+/)[A-Z][A-Za-z]+/[A-Za-z0-9.\-]{1,64}")


def header_of(bundle: Resource) -> Resource:
    """The MessageHeader of a valid Bundle; raises `Invalid` where it is no message that can be answered."""
    if bundle.get("type") != MESSAGE:
        raise _invalid("a message is a Bundle of type message", "Bundle.type")
    first = (bundle.get("entry") or [{}])[0].get("resource", {})
    if first.get("resourceType") != HEADER:
        raise _invalid("the first entry of a message is its MessageHeader", HEADER_PLACE)
    if not first.get("id"):
        raise _invalid("a message is known by the id of its MessageHeader", f"{HEADER_PLACE}.id")
    return dict(first)


def event_of(header: Resource) -> str:
    """The code of its event; "" where it is of another system."""
    coding = header.get("eventCoding", {})
    return str(coding.get("code", "")) if coding.get("system") == EVENTS else ""


def transaction_of(bundle: Resource, has_identifier: Callable[[str], bool]) -> Resource:
    """The transaction, entry for entry; raises `Unprocessable` naming the place of what is not understood.

    `has_identifier`: whether resources of a type can be found by one.
    """
    entries = bundle["entry"]
    for number, entry in enumerate(entries):
        _make_absolute(entry, f"Bundle.entry[{number}].resource")
    focus = _focus(header_of(bundle), entries)
    written = [_entry(entry, has_identifier, is_focus=number in focus) for number, entry in enumerate(entries)]
    return {"resourceType": "Bundle", "type": "transaction", "entry": written}


def _make_absolute(entry: Resource, place: str) -> None:
    """A relative reference is meant at its sender's, beside its own entry: it would be of somebody else here.

    https://hl7.org/fhir/R4/bundle.html#references
    """
    restful = _RESTFUL.fullmatch(str(entry.get("fullUrl", "")))
    for one in references(entry["resource"]):
        if _RELATIVE.fullmatch(one.reference):
            if restful is None:
                text = "a relative reference is read against the fullUrl of its entry, which has to be an http URL"
                raise _refused(text, place)
            one.element["reference"] = restful[1] + one.reference


def _focus(header: Resource, entries: list[Resource]) -> set[int]:
    """The numbers of the entries that the message is about."""
    if header.get("response"):
        raise _refused("nothing was asked here that this could answer", f"{HEADER_PLACE}.response")
    allowed = FOCUS.get(event_of(header))
    if allowed is None:
        known = ", ".join(sorted(FOCUS))
        raise _refused(f"the event is none of {known} of {EVENTS}", f"{HEADER_PLACE}.event")
    names = {entry["fullUrl"]: number for number, entry in enumerate(entries) if "fullUrl" in entry}
    found = set()
    for n, one in enumerate(header.get("focus", ())):
        place = f"{HEADER_PLACE}.focus[{n}].reference"
        number = names.get(str(one.get("reference", "")).partition(VERSION)[0])
        if number is None:
            raise _refused("the focus is not in the message", place)
        if entries[number]["resource"]["resourceType"] not in allowed:
            raise _refused(f"the focus of this event is of {', '.join(sorted(allowed))}", place)
        found.add(number)
    if not found:
        raise _refused("a message says what happened to what", f"{HEADER_PLACE}.focus")
    return found


def _entry(entry: Resource, has_identifier: Callable[[str], bool], *, is_focus: bool) -> Resource:
    """The same resource under an id of this server's."""
    resource = {name: value for name, value in entry.get("resource", {}).items() if name != "id"}
    type_name = str(resource.get("resourceType"))
    condition = _condition(resource) if has_identifier(type_name) else ""
    request = {"method": "POST", "url": type_name}
    if condition and is_focus:
        request = {"method": "PUT", "url": f"{type_name}?{condition}"}
    elif condition:
        request["ifNoneExist"] = condition
    named = {"fullUrl": entry["fullUrl"]} if "fullUrl" in entry else {}
    return named | {"resource": resource, "request": request}


def _condition(resource: Resource) -> str:
    """By its first identifier that has a system: a number alone is nobody's."""
    found: Any = resource.get("identifier") or []
    identifiers = found if isinstance(found, list) else [found]
    whole = (one for one in identifiers if one.get("system") and one.get("value"))
    return next((by_identifier(one["system"], one["value"]) for one in whole), "")


def answer_to(header: Resource, base_url: str, answer_id: str, outcomes: list[str]) -> Resource:
    """The response message: processed, and what was written, as `Type/id`.

    https://hl7.org/fhir/R4/messageheader-definitions.html#MessageHeader.response
    """
    answer: Resource = {
        "resourceType": HEADER,
        "id": answer_id,
        **{name: header[name] for name in ("eventCoding", "eventUri") if name in header},
        **({"destination": [{"endpoint": header["source"]["endpoint"]}]} if "endpoint" in header["source"] else {}),
        "source": {"name": "Galenic", "endpoint": base_url},
        "response": {"identifier": header["id"], "code": "ok"},
        "focus": [{"reference": f"{base_url}/{one}"} for one in outcomes],
    }
    entry = {"fullUrl": f"urn:uuid:{answer_id}", "resource": answer}
    return {"resourceType": "Bundle", "type": MESSAGE, "entry": [entry]}


def _invalid(problem: str, place: str) -> Invalid:
    return Invalid(problem, [Issue("invalid", problem, place)])


def _refused(problem: str, place: str) -> Unprocessable:
    return Unprocessable(problem, [Issue("not-supported", problem, place)])
