"""The search row of a resource."""

from datetime import UTC, datetime

from fhir_server.auth.compartments import patient_parameters
from fhir_server.model.definitions import load_definitions
from fhir_server.search.indexer import Indexer
from fhir_server.search.keys import LOCK_BUCKETS, KeyHasher
from fhir_server.search.parse import ParseOptions, parse
from fhir_server.search.registry import Registry

BASE = "http://here.example/fhir"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
DEFINITIONS = load_definitions()
INDEXER = Indexer(Registry(DEFINITIONS), KeyHasher(b"k" * 32), patient_parameters(DEFINITIONS), BASE)
REQUEST = {
    "resourceType": "MedicationRequest",
    "id": "r1",
    "status": "active",
    "intent": "order",
    "authoredOn": "2026-11-21",
    "subject": {"reference": "Patient/p1"},
    "identifier": [{"system": "urn:rx", "value": "1"}],
    "meta": {"security": [{"system": "urn:label", "code": "R"}]},
}


def test_the_patient_of_a_prescription_is_its_compartment() -> None:
    row = INDEXER.index(REQUEST)
    assert row.compartments == ("Patient/p1",)
    assert row.patient == "p1"


def test_a_patient_is_in_its_own_compartment() -> None:
    assert INDEXER.index({"resourceType": "Patient", "id": "p1"}).compartments == ("Patient/p1",)


def test_a_resource_can_be_in_the_compartments_of_several_patients() -> None:
    entries = [{"actor": {"reference": f"Patient/p{n}"}, "status": "accepted"} for n in (1, 2)]
    row = INDEXER.index({"resourceType": "Appointment", "id": "a", "status": "booked", "participant": entries})
    assert row.compartments == ("Patient/p1", "Patient/p2")


def test_a_task_is_in_the_compartment_of_whom_it_is_for() -> None:
    task = {"resourceType": "Task", "id": "t", "status": "ready", "intent": "order", "for": {"reference": "Patient/p1"}}
    assert INDEXER.index(task).compartments == ("Patient/p1",)


def test_a_patient_elsewhere_is_not_in_a_compartment_here() -> None:
    row = INDEXER.index(REQUEST | {"subject": {"reference": "http://there.example/fhir/Patient/p1"}})
    assert row.compartments == ()


def test_status_date_and_labels_fill_their_columns() -> None:
    row = INDEXER.index(REQUEST)
    assert row.status == "active"
    assert row.date_low is not None
    assert row.date_high is not None
    assert (row.date_high - row.date_low).days == 1
    assert row.labels == ("urn:label|R",)


def test_a_conditional_interaction_takes_the_locks_of_the_identifiers_it_asks_for() -> None:
    row = INDEXER.index(REQUEST)
    options = ParseOptions(BASE, 50, 1000, NOW)
    for text in ("urn:rx|1", "1"):
        query, _ = parse(INDEXER.registry, "MedicationRequest", [("identifier", text)], options)
        assert INDEXER.query_locks(query) & set(row.identifiers)
    assert all(0 <= bucket < LOCK_BUCKETS for bucket in row.identifiers)


def test_a_row_is_the_same_whenever_it_is_computed() -> None:
    assert INDEXER.index(REQUEST) == INDEXER.index(dict(reversed(REQUEST.items())))
