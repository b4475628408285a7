"""A subscriber is told what it may see, judged anew whenever something leaves. docs/subscriptions/README.md."""

import psycopg
import pytest

from fhir_server.identity import sweeping
from tests.acceptance.outcomes import refused
from tests.acceptance.subscriptions.subscriber import bearing, becomes, bundles, events, numbers, subscribe
from tests.acceptance.subscriptions.test_rest_hook import RECEIVED, a_patients_id, prescribe
from tests.acceptance.test_consent import a_consent
from tests.builders.subscriptions import a_subscription
from tests.running.galenic import Galenic
from tests.running.oauth import App, a_backend, a_person, backend_token, register, transaction
from tests.running.sink import Behave, answering, listening
from tests.running.waiting import eventually


def ask(galenic: Galenic, statement: str, *values: object) -> list[tuple]:
    with psycopg.connect(galenic.environment["GALENIC_DATABASE_URL"], autocommit=True) as connection:
        found = connection.execute(statement, values)
        return found.fetchall() if found.description else []


def to(sink, patient: str, *, content: str = "full-resource") -> dict:
    narrowed = f"MedicationRequest?patient=Patient/{patient}"
    return a_subscription(f"http://127.0.0.1:{sink.port}/", RECEIVED, narrowed, content=content)


class Opening:
    """Refuses events until it is opened."""

    def __init__(self) -> None:
        self.is_open = False

    async def __call__(self, heard, writer) -> None:
        is_event = b"event-notification" in heard.body
        behave: Behave = answering("503 No" if is_event and not self.is_open else "200 OK")
        await behave(heard, writer)


async def test_who_may_not_see_prescriptions_is_told_of_none(guarded, clinic):
    token = a_backend(guarded).ask("system/Subscription.cruds system/Task.rs").json()["access_token"]
    patient = a_patients_id(clinic)
    async with listening() as blind, listening() as seeing:
        with bearing(guarded, token) as other, bearing(guarded, backend_token(guarded)) as all_seeing:
            await becomes(other, subscribe(other, to(blind, patient)), "active")
            await becomes(all_seeing, subscribe(all_seeing, to(seeing, patient)), "active")
            prescribe(clinic, patient)
            await eventually(lambda: numbers(seeing.heard) == [1])
        assert bundles(blind.heard, "event-notification") == []


async def test_a_client_that_was_disabled_is_told_nothing_more(guarded, clinic, backend, subscriber):
    patient, gate = a_patients_id(clinic), Opening()
    async with listening(gate) as sink:
        wanted = subscribe(subscriber, to(sink, patient))
        await becomes(subscriber, wanted, "active")
        prescribe(clinic, patient)
        await eventually(lambda: numbers(sink.heard) == [1])
        ask(guarded, "UPDATE client SET disabled = clock_timestamp() WHERE id = %s", backend.client_id)
        gate.is_open = True
        await becomes(clinic, wanted, "error")
        heard = len(sink.heard)
        prescribe(clinic, patient)
        assert len(sink.heard) == heard


ENDINGS = {
    "disabled": "UPDATE client SET disabled = clock_timestamp() WHERE id = %s",
    "revoked": "UPDATE token_family SET revoked = clock_timestamp() WHERE client_id = %s",
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
async def test_who_has_lost_access_is_in_error_at_the_next_event(guarded, clinic, backend, subscriber, ending):
    """Also once what was revoked could be tidied away: its tokens have expired."""
    patient = a_patients_id(clinic)
    async with listening() as sink:
        wanted = subscribe(subscriber, to(sink, patient))
        await becomes(subscriber, wanted, "active")
        ask(guarded, ending, backend.client_id)
        prescribe(clinic, patient)
        await becomes(clinic, wanted, "error")
        family = ask(guarded, "SELECT access ->> 'family' FROM subscription WHERE id = %s", wanted)[0][0]
        ask(guarded, "UPDATE access_token SET expires = '2020-01-01' WHERE family = %s::uuid", family)
        with transaction(guarded) as one:
            sweeping.tokens(one)
        assert ask(guarded, "SELECT count(*) FROM token_family WHERE id = %s::uuid", family) == [(1,)]
        ask(guarded, "UPDATE subscription SET state = 'active' WHERE id = %s", wanted)
        prescribe(clinic, patient)
        await eventually(lambda: ask(guarded, "SELECT count(*) FROM outbox") == [(0,)])
        assert bundles(sink.heard, "event-notification") == []


async def test_what_is_hidden_before_it_leaves_goes_under_its_number_without_its_focus(
    guarded, clinic, backend, subscriber
):
    """The scopes of the client are cut while its sink is away."""
    patient, gate = a_patients_id(clinic), Opening()
    async with listening(gate) as sink:
        wanted = subscribe(subscriber, to(sink, patient))
        await becomes(subscriber, wanted, "active")
        prescribed = prescribe(clinic, patient)
        await eventually(lambda: numbers(sink.heard) == [1])
        assert prescribed in sink.heard[-1].body.decode()
        ask(guarded, "UPDATE client SET scopes = 'system/Subscription.cruds' WHERE id = %s", backend.client_id)
        gate.is_open = True
        await eventually(lambda: prescribed not in sink.heard[-1].body.decode())
        (told,) = events(bundles(sink.heard, "event-notification")[-1])
        assert set(told) == {"event-number", "timestamp"}
        assert told["event-number"] == "1"
        assert len(bundles(sink.heard, "event-notification")[-1]["entry"]) == 1


async def test_a_patient_who_withdraws_consent_is_spoken_of_no_more(guarded, clinic, backend, subscriber):
    patient, gate = a_patients_id(clinic), Opening()
    async with listening(gate) as sink:
        wanted = subscribe(subscriber, to(sink, patient))
        await becomes(subscriber, wanted, "active")
        prescribed = prescribe(clinic, patient)
        await eventually(lambda: numbers(sink.heard) == [1])
        denied = clinic.put(f"/Consent/{patient}-consent", json=a_consent(patient, {"type": "deny"}))
        assert denied.status_code == 201, denied.text
        gate.is_open = True
        await eventually(lambda: prescribed not in sink.heard[-1].body.decode())
        prescribe(clinic, patient)
        (told,) = events(bundles(sink.heard, "event-notification")[-1])
        assert "focus" not in told
        status = subscriber.get(f"/Subscription/{wanted}/$events").json()
        assert [set(one) for one in events(status)] == [{"event-number", "timestamp"}]


async def test_events_are_given_again_as_far_as_who_asks_may_see_them(guarded, clinic, subscriber):
    patient = a_patients_id(clinic)
    async with listening() as sink:
        wanted = subscribe(subscriber, to(sink, patient))
        await becomes(subscriber, wanted, "active")
        prescribe(clinic, patient)
        await eventually(lambda: numbers(sink.heard) == [1])
    token = a_backend(guarded).ask("system/Subscription.rs").json()["access_token"]
    with bearing(guarded, token) as other:
        found = other.get(f"/Subscription/{wanted}/$events?content=full-resource").json()
        assert [set(one) for one in events(found)] == [{"event-number", "timestamp"}]
    with bearing(guarded, a_backend(guarded).ask("system/MedicationRequest.rs").json()["access_token"]) as stranger:
        refused(stranger.get(f"/Subscription/{wanted}/$events"), 403)
        refused(stranger.get(f"/Subscription/{wanted}/$status"), 403)


async def test_each_notification_is_on_record_with_its_patients_before_it_leaves(guarded, clinic, backend, subscriber):
    patient, recorded = a_patients_id(clinic), []
    look = "SELECT patients, client FROM audit WHERE interaction = 'notification' AND %s = ANY(patients)"

    async def behave(heard, writer):
        if b"event-notification" in heard.body:
            recorded.append(ask(guarded, look, patient))
        await answering()(heard, writer)

    async with listening(behave) as sink:
        wanted = subscribe(subscriber, to(sink, patient))
        await becomes(subscriber, wanted, "active")
        prescribe(clinic, patient)
        await eventually(lambda: numbers(sink.heard) == [1])
    assert recorded == [[([patient], backend.client_id)]]


async def test_who_writes_a_subscription_last_is_who_is_told(guarded, clinic, subscriber):
    """Another client cannot have the events of a subscription sent to itself by changing its endpoint."""
    patient = a_patients_id(clinic)
    blind = a_backend(guarded).ask("system/Subscription.cruds").json()["access_token"]
    async with listening() as own, listening() as others:
        wanted = subscribe(subscriber, to(own, patient))
        await becomes(subscriber, wanted, "active")
        with bearing(guarded, blind) as other:
            changed = to(others, patient) | {"id": wanted}
            assert other.put(f"/Subscription/{wanted}", json=changed).status_code == 200
        await becomes(subscriber, wanted, "active")
        prescribe(clinic, patient)
        with bearing(guarded, backend_token(guarded)) as seeing:
            third = subscribe(seeing, to(own, patient))
            await becomes(seeing, third, "active")
            prescribe(clinic, patient)
            await eventually(lambda: numbers(own.heard) == [1])
    assert numbers(others.heard) == []


def test_emergency_access_is_no_ground_for_a_subscription(guarded):
    person = a_person(guarded, "administrator")
    app = App(guarded, register(guarded).id)
    token = app.tokens("user/Subscription.cruds", person)["access_token"]
    ask(guarded, "UPDATE token_family SET purpose = 'BTG', reason = 'x' WHERE person_id = %s", person.id)
    with bearing(guarded, token) as client:
        refused(client.post("/Subscription", json=a_subscription("http://127.0.0.1:1/", RECEIVED)), 403)
