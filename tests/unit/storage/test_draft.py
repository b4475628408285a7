"""The next version, drafted from the one that is locked."""

from datetime import UTC, datetime, timedelta

from fhir_server.auth.compartments import patient_parameters
from fhir_server.model.definitions import load_definitions
from fhir_server.model.parser import write
from fhir_server.search.indexer import Indexer
from fhir_server.search.keys import KeyHasher
from fhir_server.search.registry import Registry
from fhir_server.storage.draft import Attempt, Drafter
from fhir_server.storage.intents import Intent
from fhir_server.storage.steps import own_step
from fhir_server.storage.version import Version

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DEFINITIONS = load_definitions()
INDEXER = Indexer(
    Registry(DEFINITIONS), KeyHasher(b"k" * 32), patient_parameters(DEFINITIONS), "http://here.example/fhir"
)


class FixedClock:
    def now(self) -> datetime:
        return NOW


def draft(intent: Intent, current: Version) -> Version:
    attempt = Attempt([], {})
    Drafter(INDEXER, lambda _: None, FixedClock()).draft(own_step(intent), current, attempt)
    return attempt.written[0].stored


def a_version(last_updated: datetime) -> Version:
    body = write({"resourceType": "Patient", "id": "p"})
    return Version(1, "Patient", "p", 4, last_updated, "update", body, ("Patient/p",), ("urn:label|R",))


def test_a_version_is_later_than_the_one_before_though_the_clock_was_set_back() -> None:
    ahead = NOW + timedelta(hours=1)
    change = Intent("update", "Patient", "p", "p", resource={"resourceType": "Patient", "active": True})
    for intent in (change, Intent("delete", "Patient", "p", "p")):
        following = draft(intent, a_version(ahead))
        assert following.version == 5
        assert following.last_updated == ahead + timedelta(milliseconds=1)


def test_a_deletion_keeps_the_compartments_and_labels_of_what_was_deleted() -> None:
    gone = draft(Intent("delete", "Patient", "p", "p"), a_version(NOW - timedelta(days=1)))
    assert gone.deleted
    assert gone.compartments == ("Patient/p",)
    assert gone.labels == ("urn:label|R",)
