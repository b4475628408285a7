"""Records as AuditEvents: each situation as IHE's patterns want it, valid R4 by two judges."""

import base64
import json
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from fhir_server.audit.events import Kept, outcome_of, parse_event_id, parts_of, render
from fhir_server.audit.interactions import INTERACTIONS
from fhir_server.model.definitions import load_definitions
from fhir_server.model.parser import parse_object
from fhir_server.model.resource_types import type_number
from fhir_server.validation.validator import Validator

BASE = "https://pharmacy.example/fhir"
PROFILE = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
VALIDATOR = Validator(load_definitions())
_numbers = count(1)


def kept(interaction: str = "read", outcome: int = 200, **fields: Any) -> Kept:
    given = {
        "number": next(_numbers),
        "recorded": datetime(2026, 11, 21, 8, 30, 0, 123456, UTC),
        "request_id": "req-1",
        "interaction": interaction,
        "actor": "Practitioner/7",
        "client": "counter-app",
        "purpose": "TREAT",
        "type": None,
        "id": None,
        "version": None,
        "patients": (),
        "outcome": outcome,
        "role": "pharmacist",
        "reason": "",
        "token_id": "t-1",
        "address": "10.0.0.9",
        "query": "",
        "count": 1,
        "detail": "",
    }
    of = fields.pop("of", "")
    if of:
        fields |= {"type": type_number(of.partition("/")[0]), "id": of.partition("/")[2] or None}
    return Kept(**given | fields)


OF_A = {"patients": ("a",)}
NOBODY = {"actor": "anonymous", "client": "anonymous", "role": "", "token_id": ""}
BACKEND = {"actor": "Client/lab", "client": "lab", "role": "integration"}

# situation: (record, type, subtype, action, outcome, profile, patients named)
SITUATIONS: dict[str, tuple[Kept, str, str, str, str, str, list[str]]] = {
    "read": (kept(of="Observation/1", version=3, **OF_A), "rest", "read", "R", "0", "PatientRead", ["a"]),
    "read of what belongs to nobody": (kept(of="Medication/1"), "rest", "read", "R", "0", "Read", []),
    "read of what is not there": (kept(outcome=404, of="Patient/no"), "rest", "read", "R", "4", "", []),
    "vread": (kept("vread", of="Observation/1", version=2, **OF_A), "rest", "vread", "R", "0", "PatientRead", ["a"]),
    "create": (kept("create", 201, of="Task/1", version=1, **OF_A), "rest", "create", "C", "0", "PatientCreate", ["a"]),
    "update": (kept("update", of="Task/1", version=2, **OF_A), "rest", "update", "U", "0", "PatientUpdate", ["a"]),
    "patch": (kept("patch", of="Task/1", version=3, **OF_A), "rest", "patch", "U", "0", "PatientUpdate", ["a"]),
    "delete": (kept("delete", 204, of="Task/1", version=4, **OF_A), "rest", "delete", "D", "0", "PatientDelete", ["a"]),
    "search by GET": (
        kept("search-type", of="Observation", query="Observation?code=8480-6&patient=a", **OF_A),
        *("rest", "search-type", "E", "0", "PatientQuery", ["a"]),
    ),
    "search by POST that finds several": (
        kept("search-type", query="Observation/_search?code=8480-6", patients=("a", "b", "c")),
        *("rest", "search-type", "E", "0", "PatientQuery", ["a", "b", "c"]),
    ),
    "search that finds nothing": (
        kept("search-type", query="Medication?code=x"),
        *("rest", "search-type", "E", "0", "Query", []),
    ),
    "search of a compartment": (
        kept("search-type", query="Patient/a/Observation?code=x", **OF_A),
        *("rest", "search-type", "E", "0", "PatientQuery", ["a"]),
    ),
    "search of all types": (
        kept("search-system", query="?_lastUpdated=gt2026", **OF_A),
        *("rest", "search-system", "E", "0", "PatientQuery", ["a"]),
    ),
    "history of a resource": (
        kept("history-instance", of="Observation/1", **OF_A),
        *("rest", "history-instance", "R", "0", "", ["a"]),
    ),
    "history of a type": (
        kept("history-type", of="Observation", query="Observation/_history?_count=2", **OF_A),
        *("rest", "history-type", "R", "0", "", ["a"]),
    ),
    "batch": (kept("batch", **BACKEND), "rest", "batch", "E", "0", "", []),
    "transaction": (kept("transaction", **BACKEND), "rest", "transaction", "E", "0", "", []),
    "transaction that failed": (kept("transaction", 422, **BACKEND), "rest", "transaction", "E", "4", "", []),
    "no token": (kept("refused", 401, **NOBODY), "110113", "refused", "E", "8", "", []),
    "a bad token, many times": (kept("refused", 401, count=900, **NOBODY), "110113", "refused", "E", "8", "", []),
    "a token for another audience": (
        kept("refused", 401, detail="audience", **NOBODY), "110113", "refused", "E", "8", "", [],
    ),
    "no right": (kept("read", 403, of="Patient/b"), "rest", "read", "R", "8", "", []),
    "authorization of an app": (
        kept("authorize", detail="openid launch/patient", **OF_A), "110114", "authorize", "E", "0", "", ["a"],
    ),
    "a person's decision": (kept("consent", **OF_A), "110114", "consent", "E", "0", "", ["a"]),
    "token": (kept("token", **BACKEND), "110114", "token", "E", "0", "", []),
    "login": (kept("login", role=""), "110114", "110122", "E", "0", "", []),
    "failed login": (kept("login", 401, **NOBODY), "110114", "110122", "E", "8", "", []),
    "lock-out": (kept("lock-out", 429, **NOBODY), "110113", "lock-out", "E", "4", "", []),
    "emergency access": (
        kept("break-glass", purpose="BTG", reason="unconscious at the counter", **OF_A),
        *("110113", "110127", "E", "0", "", ["a"]),
    ),
    "read in an emergency": (
        kept(of="Observation/1", purpose="BTG", reason="unconscious", **OF_A),
        *("rest", "read", "R", "0", "PatientRead", ["a"]),
    ),
    "change of access control": (
        kept("access-control", detail="role of Practitioner/2: technician"),
        *("110113", "access-control", "U", "0", "", []),
    ),
    "export": (kept("export", 202, **BACKEND), "110106", "export", "E", "0", "", []),
    "download of an export": (kept("export-download", **BACKEND), "110106", "export-download", "R", "0", "", []),
    "delivery to a subscriber": (kept("notification", **OF_A), "110106", "notification", "E", "0", "", ["a"]),
    "message by MLLP or NCPDP": (kept("message", **OF_A), "110107", "message", "C", "0", "", ["a"]),
    "what a later release records": (kept("teleport"), "110100", "other", "E", "0", "", []),
    "our own failure": (kept("read", 500, of="Patient/1"), "rest", "read", "R", "12", "", []),
    "an id that is none": (kept("read", 404, of="Patient/über/alles?"), "rest", "read", "R", "4", "", []),
}  # fmt: skip


def events(record: Kept) -> list[dict[str, Any]]:
    return [render(record, part, BASE) for part in range(parts_of(record))]


def entities(event: dict[str, Any], code: str) -> list[dict[str, Any]]:
    return [entity for entity in event["entity"] if entity["type"]["code"] == code]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_situation_is_shown_as_the_pattern_wants(situation: str) -> None:
    record, kind, subtype, action, outcome, profile, patients = SITUATIONS[situation]
    shown = events(record)
    assert [e["what"]["reference"] for event in shown for e in entities(event, "1")] == [
        f"Patient/{p}" for p in patients
    ]
    for event in shown:
        said = (event["type"]["code"], event["subtype"][0]["code"], event["action"], event["outcome"])
        assert said == (kind, subtype, action, outcome)
        assert event["meta"].get("profile", []) == ([PROFILE + profile] if profile else [])
        assert entities(event, "XrequestId")[0]["what"]["identifier"]["value"] == "req-1"
        assert event["recorded"] == "2026-11-21T08:30:00.123Z"


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_situation_is_valid_r4_by_two_judges(situation: str) -> None:
    for event in events(SITUATIONS[situation][0]):
        text = json.dumps(event)
        assert VALIDATOR.validate(parse_object(text.encode(), 100)) == []
        AuditEvent.model_validate_json(text)


def test_every_interaction_that_is_recorded_is_one_of_the_situations() -> None:
    covered = {record.interaction for record, *_ in SITUATIONS.values()}
    of_the_server = {"history-system", "capabilities", "operation", "logout", "introspect", "revoke"}
    of_the_trail = {"audit-verify", "audit-retention", "audit-interference"}
    assert set(INTERACTIONS) - covered == of_the_server | of_the_trail


def agents(event: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {agent["type"]["coding"][0]["code"]: agent for agent in event["agent"]}


def test_of_a_read_the_client_is_the_destination_and_of_a_search_the_source() -> None:
    (read,), (search, *_) = (events(SITUATIONS[name][0]) for name in ("read", "search by GET"))
    assert agents(read)["110152"]["who"]["identifier"]["value"] == "counter-app"
    assert agents(read)["110153"]["network"] == {"address": BASE, "type": "5"}
    assert agents(search)["110153"]["network"] == {"address": "10.0.0.9", "type": "2"}
    assert agents(search)["110152"]["who"]["identifier"]["value"] == BASE


def test_the_user_has_role_token_and_purpose_and_a_system_is_no_user() -> None:
    (read,), (batch,) = (events(SITUATIONS[name][0]) for name in ("read", "batch"))
    user = agents(read)["IRCP"]
    assert user["who"]["reference"] == "Practitioner/7"
    assert (user["requestor"], user["policy"], user["role"]) == (
        True,
        ["urn:ietf:params:oauth:jti:t-1"],
        [{"text": "pharmacist"}],
    )
    assert user["purposeOfUse"][0]["coding"][0]["code"] == "TREAT"
    assert "IRCP" not in agents(batch)
    assert [agent["requestor"] for agent in batch["agent"]] == [True, False, False]


def test_a_search_carries_its_url() -> None:
    (event,) = events(SITUATIONS["search by GET"][0])
    (query,) = entities(event, "2")
    assert base64.b64decode(query["query"]).decode() == f"{BASE}/Observation?code=8480-6&patient=a"
    assert "what" not in query


def test_emergency_access_stands_out_with_its_reason() -> None:
    (event,) = events(SITUATIONS["read in an emergency"][0])
    assert event["purposeOfEvent"] == [
        {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "BTG"}],
            "text": "unconscious",
        }
    ]


def test_a_record_about_several_patients_has_an_id_for_each() -> None:
    record = SITUATIONS["search by POST that finds several"][0]
    assert [event["id"] for event in events(record)] == [f"{record.number}-{part}" for part in (1, 2, 3)]
    assert [parse_event_id(event["id"]) for event in events(record)] == [(record.number, part) for part in (0, 1, 2)]


@pytest.mark.parametrize("text", ["", "0", "01", "x", "1-0", "1-", "-1", "1-1-1", "9" * 19, "١"])
def test_what_is_no_id_of_an_audit_event_is_told_from_one(text: str) -> None:
    assert parse_event_id(text) is None


def test_how_often_and_why_are_told_in_words() -> None:
    (event,) = events(SITUATIONS["a bad token, many times"][0])
    assert event["outcomeDesc"] == "900 alike; HTTP 401"


@pytest.mark.parametrize(("status", "code"), [(200, "0"), (304, "0"), (400, "4"), (401, "8"), (403, "8"), (503, "12")])
def test_a_status_is_an_outcome(status: int, code: str) -> None:
    assert outcome_of(status) == code
