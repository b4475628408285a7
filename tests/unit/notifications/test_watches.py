"""Watches are found by one value that a change must have: whoever asked each of them would tell the same."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.errors import Unprocessable
from fhir_server.notifications.triggers import Change, Reading, Watch, Watches
from fhir_server.search.entries import Entries
from subscriptions.request import Offer, Refused, requested
from subscriptions.topics import BASE
from tests.builders.subscriptions import a_plain_subscription, a_subscription
from tests.conftest import PROVE
from tests.unit.search.test_indexer import INDEXER

READING = Reading(INDEXER.registry, INDEXER.base_url, datetime(2026, 1, 1, tzinfo=UTC))
ENDPOINT = "https://sink.example/"
OFFERED = Offer(frozenset({"rest-hook"}))
STATUSES = ["active", "draft", "cancelled", "stopped", "entered-in-error"]
PATIENTS = ["Patient/1", "Patient/2", f"{INDEXER.base_url}/Patient/1"]
VALUES = {
    "status": STATUSES,
    "intent": ["order", "plan"],
    "priority": ["stat", "routine"],
    "patient": [*PATIENTS, "2", "http://other.example/Patient/1"],
    "subject": [*PATIENTS, "Group/1"],
    "code": ["http://x.example|a", "a", "|a", "http://x.example|"],
    "identifier": ["urn:i|1", "1"],
    "authoredon": ["gt2020", "2021-01-01", "lt2022"],
    "_id": ["1", "2"],
    "intended-dispenser": ["Organization/1"],
}
MODIFIERS = {
    "status": ["", ":not", ":missing"],
    "code": ["", ":not", ":text", ":missing"],
    "patient": ["", ":missing", ":Patient"],
    "identifier": ["", ":not", ":missing"],
    "authoredon": ["", ":missing"],
}
TOPICS = ["", f"{BASE}prescription-received", f"{BASE}prescription-changed", f"{BASE}prescription-cancelled"]


@st.composite
def criteria(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(sorted(VALUES)))
    modifier = draw(st.sampled_from(MODIFIERS.get(name, [""])))
    one = st.sampled_from(["true", "false"] if modifier == ":missing" else VALUES[name])
    most = 1 if modifier == ":missing" else 3
    return f"{name}{modifier}={','.join(draw(st.lists(one, min_size=1, max_size=most)))}"


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    choices: dict[str, list[Any]] = {
        "priority": ["stat", "routine"],
        "subject": [{"reference": one} for one in (*PATIENTS, "Group/1")],
        "identifier": [[{"system": "urn:i", "value": "1"}]],
        "medicationCodeableConcept": [{"coding": [{"system": "http://x.example", "code": "a"}, {"code": "b"}]}],
        "authoredOn": ["2020", "2021-01-01", "2019-05"],
        "dispenseRequest": [{"performer": {"reference": "Organization/1"}}],
    }
    order = {"resourceType": "MedicationRequest", "id": draw(st.sampled_from("12")), "intent": "order"}
    order["status"] = draw(st.sampled_from(STATUSES))
    chosen = {name: draw(st.sampled_from([None, *values])) for name, values in choices.items()}
    return order | {name: value for name, value in chosen.items() if value is not None}


def watches(query: str, topic: str) -> tuple[Watch, ...]:
    """None where the topic does not allow the filter."""
    narrowed = f"MedicationRequest?{query}" if query else "MedicationRequest"
    asked = a_subscription(ENDPOINT, topic, *([narrowed] if query else [])) if topic else None
    try:
        return READING.watches(requested(asked or a_plain_subscription(ENDPOINT, narrowed), OFFERED))
    except Refused:
        return ()


QUERIES = st.lists(criteria(), max_size=4).map("&".join)
ASKED = st.lists(st.tuples(QUERIES, st.sampled_from(TOPICS)), min_size=1, max_size=8)


@settings(max_examples=3_000 if PROVE else 100, deadline=None)
@given(ASKED, st.sampled_from(["create", "update", "delete"]), orders(), orders())
def test_none_is_missed(asked: list[tuple[str, str]], interaction: Any, before: Any, after: Any) -> None:
    owned = {number: watches(query, topic) for number, (query, topic) in enumerate(asked)}
    entries_before = None if interaction == "create" else said(before)
    entries_after = None if interaction == "delete" else said(after)
    change = Change("MedicationRequest", interaction, entries_before, entries_after)
    each = {owner for owner, found in owned.items() if any(one.fires(change) for one in found)}
    assert set(Watches(owned).told(change)) == each


def said(order: dict[str, Any]) -> Entries:
    return INDEXER.entries(order)


NARROWING = ["patient=Patient/1", "status=active&identifier=urn:i|1", "intended-dispenser=Organization/1"]


@pytest.mark.parametrize("query", NARROWING)
@pytest.mark.parametrize("topic", ["", TOPICS[1]])
def test_many_that_are_narrowed_are_not_asked_one_by_one(query: str, topic: str) -> None:
    keys = [one.keys() for one in watches(query, topic)]
    assert keys
    assert all(found and found[0][1] not in ("status", "intent") for found in keys)


REFUSED = [
    "subject.name=a",
    "_has:Task:focus:status=requested",
    "_list=x",
    "_count=1",
    "_sort=status",
    "nonsense=1",
    "_filter=subject.name eq a",
    "_include=MedicationRequest:subject",
    "status=",
]


@pytest.mark.parametrize("query", REFUSED)
def test_criteria_that_say_more_than_which_resources_are_refused(query: str) -> None:
    with pytest.raises(Unprocessable, match=r"Subscription\.criteria"):
        watches(query, "")


def test_a_type_that_is_none_is_refused() -> None:
    with pytest.raises(Unprocessable):
        READING.watches(requested(a_plain_subscription(ENDPOINT, "Foo"), OFFERED))
