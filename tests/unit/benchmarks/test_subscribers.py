"""What the benchmarks of subscriptions make of what they hear."""

import json

import pytest

from subscriptions.notification import Event, Stamp, Told, event_notification, handshake
from tests.benchmarks.__main__ import cells
from tests.benchmarks.http import Load
from tests.benchmarks.prescribing import created, transaction
from tests.benchmarks.rows import Row
from tests.benchmarks.subscribers import Hooked, delays

STAMP = Stamp("b", "s", "2026-03-02T08:15:00.000Z")
TOLD = Told(
    "https://a.example/fhir/Subscription/1", "https://a.example/topic", "active", 1, None, "https://a.example/fhir"
)


def notification(*ids):
    events = [Event(number, STAMP.at, f"MedicationRequest/{id_}", "create", None) for number, id_ in enumerate(ids, 1)]
    return json.dumps(event_notification(TOLD, events, "id-only", STAMP)).encode()


def test_what_is_told_again_has_arrived_the_first_time():
    sink = Hooked()
    sink.heard(1.0, notification("a", "b"))
    sink.heard(2.0, notification("b", "c"))
    assert sink.arrivals == {"a": 1.0, "b": 1.0, "c": 2.0}


def test_a_handshake_tells_of_nothing():
    sink = Hooked()
    sink.heard(1.0, json.dumps(handshake(TOLD, STAMP)).encode())
    assert (sink.arrivals, sink.body) == ({}, b"")


def test_a_delay_is_from_the_answer_to_the_arrival_and_never_negative():
    assert delays({"a": 1.0, "b": 5.0}, {"a": 3.5, "b": 4.9, "of others": 0.0}) == [2.5, 0.0]


def test_what_never_arrived_is_an_error():
    with pytest.raises(KeyError):
        delays({"a": 1.0}, {})


def test_a_transaction_creates_each_resource_and_its_answer_has_their_ids():
    bundle = json.loads(transaction([{"resourceType": "Patient"}, {"resourceType": "Task"}]))
    assert [entry["request"]["url"] for entry in bundle["entry"]] == ["Patient", "Task"]
    answer = {"entry": [{"response": {"location": "https://a.example/fhir/Patient/one/_history/1"}}]}
    assert created(answer) == {"one"}


def test_a_time_is_held_to_the_median_of_its_limit():
    row = Row("a webhook", 100, load=Load([0.2, 0.3, 0.4], 1.0), limit_ms=100)
    assert "3.00 x" in cells(row)
