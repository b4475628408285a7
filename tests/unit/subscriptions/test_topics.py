"""Which change of a resource is an event of which topic, judged by the search as it is."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_server.model.definitions import load_definitions
from fhir_server.search.indexer import Indexer
from fhir_server.search.keys import KeyHasher
from fhir_server.search.parse import ParseOptions, parse
from fhir_server.search.registry import Registry
from subscriptions.topics import TOPICS, Topic, Trigger

HERE = "http://here.example/fhir"
REGISTRY = Registry(load_definitions())
OPTIONS = ParseOptions(HERE, 20, 1000, datetime(2026, 11, 3, tzinfo=UTC), "strict")
INDEXER = Indexer(REGISTRY, KeyHasher(b"k" * 32), {}, HERE)
CATEGORIES = "https://galenic.dev/fhir/CodeSystem/supply-request-category"
TASK_CODES = "http://hl7.org/fhir/CodeSystem/task-code"

Version = dict[str, Any] | None
"""None: there is none, before a creation and after a deletion."""


def meets(type_name: str, query: str, version: dict[str, Any]) -> bool:
    pairs = [(name, value) for name, _, value in (one.partition("=") for one in query.split("&") if one)]
    where = parse(REGISTRY, type_name, pairs, OPTIONS)[0].where
    entries = INDEXER.entries(version)
    return all(part.matches(entries) for part in where)


def pulled(trigger: Trigger, before: Version, after: Version) -> bool:
    interaction = "create" if before is None else "delete" if after is None else "update"
    if interaction not in trigger.interactions or trigger.type_name != (after or before or {})["resourceType"]:
        return False
    previous = trigger.on_create if before is None else meets(trigger.type_name, trigger.previous, before)
    current = trigger.on_delete if after is None else meets(trigger.type_name, trigger.current, after)
    return (previous or not trigger.previous) and (current or not trigger.current)


def told_by(before: Version, after: Version) -> set[str]:
    return {topic.name for topic in TOPICS.values() if any(pulled(one, before, after) for one in topic.triggers)}


def order(status: str, intent: str = "order") -> Version:
    return {"resourceType": "MedicationRequest", "id": "1", "status": status, "intent": intent}


def task(status: str, code: str = "fulfill", **more: Any) -> Version:
    coded = {"code": {"coding": [{"system": TASK_CODES, "code": code}]}, "focus": {"reference": "MedicationRequest/1"}}
    resource = {"resourceType": "Task", "id": "1", "status": status, "intent": "order"} | coded | more
    return {name: value for name, value in resource.items() if value is not None}


def dispense(status: str) -> Version:
    return {"resourceType": "MedicationDispense", "id": "1", "status": status}


def supply(type_name: str, **more: Any) -> Version:
    return {"resourceType": type_name, "id": "1"} | more


def reorder(status: str, system: str = CATEGORIES, code: str = "reorder") -> Version:
    return supply("SupplyRequest", status=status, category={"coding": [{"system": system, "code": code}]})


NOTHING: set[str] = set()


@pytest.mark.parametrize(
    ("before", "after", "topics"),
    [
        (None, order("active"), {"prescription-received"}),
        (order("draft"), order("active"), {"prescription-received"}),
        (order("on-hold"), order("active"), {"prescription-received"}),
        (order("active", "plan"), order("active"), {"prescription-received"}),
        (None, order("active", "plan"), NOTHING),
        (None, order("draft"), NOTHING),
        (order("active"), order("active"), {"prescription-changed"}),
        (order("active", "plan"), order("active", "plan"), NOTHING),
        (order("draft"), order("draft"), NOTHING),
        (order("active"), order("cancelled"), {"prescription-cancelled"}),
        (order("active"), order("stopped"), {"prescription-cancelled"}),
        (order("completed"), order("entered-in-error"), {"prescription-cancelled"}),
        (None, order("cancelled"), {"prescription-cancelled"}),
        (order("cancelled"), order("entered-in-error"), NOTHING),
        (order("active", "plan"), order("cancelled", "plan"), NOTHING),
        (order("active"), order("completed"), NOTHING),
        (order("active"), None, {"prescription-cancelled"}),
        (order("completed"), None, NOTHING),
        (order("active", "plan"), None, NOTHING),
    ],
)
def test_prescriptions_are_received_changed_and_cancelled(before: Version, after: Version, topics: set[str]) -> None:
    assert told_by(before, after) == topics


@pytest.mark.parametrize(
    ("before", "after", "topics"),
    [
        (None, task("requested"), {"verification-needed"}),
        (task("draft"), task("requested"), {"verification-needed"}),
        (task("requested"), task("requested"), NOTHING),
        (None, task("requested", "abort"), NOTHING),
        (None, task("requested", focus=None), NOTHING),
        (task("requested"), task("accepted"), {"verification-done"}),
        (task("received"), task("rejected"), {"verification-done"}),
        (task("requested"), task("in-progress"), {"verification-done"}),
        (task("requested"), task("completed"), {"verification-done"}),
        (None, task("completed"), {"verification-done"}),
        (task("accepted"), task("in-progress"), NOTHING),
        (task("accepted"), task("completed"), NOTHING),
        (task("requested", "approve"), task("completed", "approve"), NOTHING),
        (task("requested"), task("cancelled"), NOTHING),
        (task("requested"), None, NOTHING),
    ],
)
def test_verification_is_needed_and_done_once(before: Version, after: Version, topics: set[str]) -> None:
    assert told_by(before, after) == topics


@pytest.mark.parametrize(
    ("before", "after", "topics"),
    [
        (None, dispense("preparation"), NOTHING),
        (dispense("preparation"), dispense("in-progress"), {"dispense-ready"}),
        (dispense("in-progress"), dispense("in-progress"), NOTHING),
        (dispense("in-progress"), dispense("completed"), {"dispense-completed"}),
        (None, dispense("completed"), {"dispense-completed"}),
        (None, dispense("declined"), {"dispense-declined"}),
        (dispense("in-progress"), dispense("cancelled"), {"dispense-declined"}),
        (dispense("preparation"), dispense("stopped"), {"dispense-declined"}),
        (dispense("cancelled"), dispense("declined"), NOTHING),
        (dispense("completed"), None, NOTHING),
    ],
)
def test_dispenses_are_ready_completed_and_declined(before: Version, after: Version, topics: set[str]) -> None:
    assert told_by(before, after) == topics


@pytest.mark.parametrize(
    ("before", "after", "topics"),
    [
        (None, supply("SupplyRequest"), {"order-changed"}),
        (supply("SupplyRequest", status="draft"), supply("SupplyRequest", status="draft"), {"order-changed"}),
        (supply("SupplyRequest"), None, NOTHING),
        (None, reorder("active"), {"stock-low", "order-changed"}),
        (reorder("draft"), reorder("active"), {"stock-low", "order-changed"}),
        (reorder("active"), reorder("active"), {"order-changed"}),
        (reorder("active"), reorder("completed"), {"order-changed"}),
        (None, reorder("draft"), {"order-changed"}),
        (None, reorder("active", code="central"), {"order-changed"}),
        (None, reorder("active", "http://terminology.hl7.org/CodeSystem/supply-kind"), {"order-changed"}),
        (None, supply("SupplyDelivery"), {"shipment-changed"}),
        (None, supply("SupplyDelivery", status="in-progress"), {"shipment-changed"}),
        (supply("SupplyDelivery"), supply("SupplyDelivery", status="in-progress"), {"shipment-changed"}),
        (
            supply("SupplyDelivery", status="in-progress"),
            supply("SupplyDelivery", status="completed"),
            {"shipment-changed"},
        ),
        (
            supply("SupplyDelivery", status="in-progress"),
            supply("SupplyDelivery", status="in-progress"),
            NOTHING,
        ),
        (None, {"resourceType": "Patient", "id": "1"}, NOTHING),
    ],
)
def test_supplies_are_ordered_and_shipped(before: Version, after: Version, topics: set[str]) -> None:
    assert told_by(before, after) == topics


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
def test_a_topic_is_filtered_by_parameters_of_its_types(topic: Topic) -> None:
    for type_name in topic.type_names:
        parameters = REGISTRY.official(type_name)
        assert [name for name in topic.filters if name not in parameters] == []
