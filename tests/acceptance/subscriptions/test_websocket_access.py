"""A socket is told what the writer of the Subscription may see, and nobody else is told it."""

import psycopg
import pytest

from fhir_server.clock import DatabaseClock
from fhir_server.notifications.passes import Holder, Pass, Passes
from fhir_server.notifications.sockets import BINDINGS_MAX
from tests.acceptance.outcomes import refused
from tests.acceptance.subscriptions.conftest import SCOPES
from tests.acceptance.subscriptions.listener import a_pass, by_websocket, connected, listened, listening_to
from tests.acceptance.subscriptions.subscriber import RECEIVED, bearing, becomes, events, parameter, subscribe
from tests.acceptance.subscriptions.test_access import ENDINGS, ask
from tests.acceptance.subscriptions.test_rest_hook import a_patients_id, prescribe
from tests.builders.subscriptions import a_subscription
from tests.running.oauth import App, a_backend, a_person, backend_token, register
from tests.running.waiting import eventually

OPERATION = "$get-ws-binding-token"
NARROW = (
    "system/Subscription.r",
    "system/Subscription.rs system/MedicationRequest.s",
    "system/Subscription.rs system/MedicationRequest.rs?status=active",
)
"""Beside a Subscription of SCOPES."""
LOOK = "SELECT client, detail FROM audit WHERE interaction = 'notification' AND %s = ANY(patients)"


async def test_a_token_is_for_the_client_that_wrote_the_subscription_and_for_no_other(guarded, subscriber):
    id_ = await listened(subscriber, "nobody")
    assert a_pass(subscriber, id_)["subscription"] == [id_]
    for token in (backend_token(guarded), a_backend(guarded).ask("system/Subscription.rs").json()["access_token"]):
        with bearing(guarded, token) as other:
            assert other.get(f"/Subscription/{id_}").status_code == 200
            refused(other.get(f"/Subscription/{id_}/{OPERATION}"), 403)
            refused(other.post(f"/Subscription/{OPERATION}?id={id_}"), 403)
    with bearing(guarded, backend_token(guarded, "system/MedicationRequest.rs")) as blind:
        refused(blind.get(f"/Subscription/{id_}/{OPERATION}"), 403)
    with guarded.client() as stranger:
        refused(stranger.get(f"/Subscription/{id_}/{OPERATION}"), 401)


async def test_a_token_is_for_the_person_who_wrote_the_subscription_and_not_for_another_in_the_same_app(guarded):
    app = App(guarded, register(guarded).id)
    scopes = "user/Subscription.cruds user/MedicationRequest.rs"
    tokens = [app.tokens(scopes, a_person(guarded, "administrator"))["access_token"] for _ in range(2)]
    with bearing(guarded, tokens[0]) as own, bearing(guarded, tokens[1]) as other:
        id_ = await listened(own, "nobody")
        assert a_pass(own, id_)["subscription"] == [id_]
        assert other.get(f"/Subscription/{id_}").status_code == 200
        refused(other.get(f"/Subscription/{id_}/{OPERATION}"), 403)


async def test_there_is_no_token_for_what_no_socket_is_told_of(subscriber):
    refused(subscriber.get(f"/Subscription/no/{OPERATION}"), 404)
    refused(subscriber.get(f"/Subscription/{OPERATION}?id=no"), 404)
    refused(subscriber.get(f"/Subscription/{OPERATION}"), 400)
    refused(subscriber.get(f"/Subscription/{OPERATION}?name=x"), 400)
    refused(subscriber.get(f"/MedicationRequest/{OPERATION}"), 404)
    many = ",".join(f"n{number}" for number in range(BINDINGS_MAX + 1))
    refused(subscriber.get(f"/Subscription/{OPERATION}?id={many}"), 403)
    hook = subscribe(subscriber, a_subscription("http://127.0.0.1:1/", RECEIVED))
    refused(subscriber.get(f"/Subscription/{hook}/{OPERATION}"), 422)
    off = await listened(subscriber, "nobody")
    switched = subscriber.get(f"/Subscription/{off}").json() | {"status": "off"}
    assert subscriber.put(f"/Subscription/{off}", json=switched).status_code == 200
    refused(subscriber.get(f"/Subscription/{off}/{OPERATION}"), 422)


async def test_a_token_that_is_none_of_ours_binds_nothing_and_is_on_record(guarded, subscriber):
    """Neither forged, nor changed, nor another installation's."""
    id_ = await listened(subscriber, "nobody")
    ((client, *found),) = ask(guarded, "SELECT access ->> 'client', rid, began FROM subscription WHERE id = %s", id_)
    foreign, _ = Passes(b"another key", DatabaseClock()).seal(Pass(Holder(client, ""), "", (tuple(found),)))
    own = a_pass(subscriber, id_)["token"]
    changed = own[:-2] + ("AA" if own[-2:] != "AA" else "BB")
    refusals = "SELECT count(*) FROM audit WHERE interaction = 'refused'"
    ((before,),) = ask(guarded, refusals)
    async with connected(guarded.base_url) as listener:
        for token in ("x", changed, own + "A", foreign):
            await listener.say(f"bind-with-token {token}")
        await listener.until(lambda: len(listener.complaints) == 4)
    assert listener.complaints == ["login"] * 4
    assert listener.bundles == []
    assert ask(guarded, refusals)[0][0] > before


async def test_a_token_does_not_outlive_its_subscriptions_writer(guarded, clinic, subscriber):
    """Another client has written it meanwhile, or it was deleted."""
    taken, deleted = await listened(subscriber, "nobody"), await listened(subscriber, "nobody")
    tokens = [a_pass(subscriber, one)["token"] for one in (taken, deleted)]
    assert clinic.put(f"/Subscription/{taken}", json=by_websocket() | {"id": taken}).status_code == 200
    assert clinic.delete(f"/Subscription/{deleted}").status_code == 204
    async with connected(guarded.base_url) as listener:
        for token in tokens:
            await listener.say(f"bind-with-token {token}")
        await listener.until(lambda: listener.complaints == ["not-found"] * 2)
        assert listener.bundles == []


async def test_a_socket_is_told_nothing_more_once_another_client_has_written_its_subscription(clinic, subscriber):
    patient = a_patients_id(clinic)
    id_ = await listened(subscriber, patient)
    async with listening_to(subscriber, id_) as listener:
        changed = by_websocket(f"MedicationRequest?patient=Patient/{patient}") | {"id": id_}
        assert clinic.put(f"/Subscription/{id_}", json=changed).status_code == 200
        prescribe(clinic, patient)
        await listener.until(lambda: listener.closed)
    assert listener.complaints == ["informational"]
    assert listener.numbers == []


async def test_one_socket_is_one_clients(guarded, clinic, subscriber):
    own, others = await listened(subscriber, "nobody"), await listened(clinic, "nobody")
    async with listening_to(subscriber, own) as listener:
        await listener.say(f"bind-with-token {a_pass(clinic, others)['token']}")
        await listener.until(lambda: listener.complaints == ["forbidden"])
        assert len(listener.of("handshake")) == 1


NUMBERED = "SELECT s.events, j.state FROM subscription s JOIN job j ON j.key = 'notify/' || s.rid WHERE s.id = %s"


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
async def test_who_has_lost_access_is_told_so_at_the_next_event_and_not_of_it(
    guarded, clinic, backend, subscriber, ending
):
    patient = a_patients_id(clinic)
    id_ = await listened(subscriber, patient, content="full-resource")
    async with listening_to(subscriber, id_) as listener:
        ask(guarded, ending, backend.client_id)
        order = prescribe(clinic, patient)
        await listener.until(lambda: listener.closed)
    assert [parameter(one, "status") for one in listener.bundles] == ["active", "error"]
    assert order not in "".join(listener.said)
    await becomes(clinic, id_, "error")


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
async def test_who_has_lost_access_is_not_told_what_waited_either(guarded, clinic, backend, subscriber, ending):
    patient = a_patients_id(clinic)
    id_ = await listened(subscriber, patient, content="full-resource")
    token = a_pass(subscriber, id_)["token"]
    order = prescribe(clinic, patient)
    await eventually(
        lambda: ask(guarded, NUMBERED, id_) == [(1, "done")]
    )  # else the job would end it before the socket
    ask(guarded, ending, backend.client_id)
    async with connected(guarded.base_url) as listener:
        await listener.say(f"bind-with-token {token}")
        await listener.until(lambda: listener.closed)
    assert [parameter(one, "status") for one in listener.bundles] == ["error"]
    assert listener.closed == (1000, "nothing is bound any more")
    assert order not in "".join(listener.said)


async def test_what_is_hidden_before_it_leaves_goes_under_its_number_without_its_focus(
    guarded, clinic, backend, subscriber
):
    """The scopes of the client are cut while no socket is open."""
    patient = a_patients_id(clinic)
    id_ = await listened(subscriber, patient, content="full-resource")
    token = a_pass(subscriber, id_)["token"]
    order = prescribe(clinic, patient)
    async with listening_to(subscriber, await listened(subscriber, patient)) as other:
        prescribe(clinic, patient)
        await other.until(lambda: other.numbers == [1])  # so that the first has its number as well
    ask(guarded, "UPDATE client SET scopes = 'system/Subscription.cruds' WHERE id = %s", backend.client_id)
    async with connected(guarded.base_url) as listener:
        await listener.say(f"bind-with-token {token}")
        await listener.until(lambda: listener.numbers == [1, 2])
    (first, second) = listener.of("event-notification")
    assert [set(events(one)[0]) for one in (first, second)] == [{"event-number", "timestamp"}] * 2
    assert [len(one["entry"]) for one in (first, second)] == [1, 1]
    assert order not in "".join(listener.said)


async def test_each_message_is_on_record_with_its_patients_before_it_leaves(guarded, clinic, backend, subscriber):
    patient = a_patients_id(clinic)
    id_ = await listened(subscriber, patient)
    with psycopg.connect(guarded.environment["GALENIC_DATABASE_URL"], autocommit=True) as connection:
        async with listening_to(subscriber, id_) as listener:
            prescribe(clinic, patient)
            await listener.until(lambda: listener.numbers == [1])
            assert connection.execute(LOOK, (patient,)).fetchall() == [(backend.client_id, "events 1 to 1")]


async def test_a_new_token_of_the_same_client_that_may_read_as_much_gives_a_token(guarded, backend, subscriber):
    """What counts is the client and what it may read, not the access token it wrote with."""
    id_ = await listened(subscriber, "nobody")
    for scopes in (SCOPES, "system/Subscription.rs system/MedicationRequest.r", f"{SCOPES} system/Patient.rs"):
        with again_as(guarded, backend, scopes) as again:
            async with listening_to(again, id_) as listener:
                assert len(listener.of("handshake")) == 1


@pytest.mark.parametrize("narrow", NARROW)
async def test_a_token_of_the_same_client_that_may_read_less_gives_none(guarded, backend, subscriber, narrow):
    id_ = await listened(subscriber, "nobody", content="full-resource")
    with again_as(guarded, backend, narrow) as other:
        assert other.get(f"/Subscription/{id_}").status_code == 200
        refused(other.get(f"/Subscription/{id_}/{OPERATION}"), 403)
        refused(other.get(f"/Subscription/{OPERATION}?id={id_}"), 403)


@pytest.mark.parametrize("is_bound", [True, False])
async def test_who_may_read_less_than_the_client_writes_later_is_told_nothing_more(
    guarded, clinic, backend, subscriber, is_bound
):
    patient = a_patients_id(clinic)
    with again_as(guarded, backend, "system/Subscription.cruds") as narrow:
        id_ = await listened(narrow, patient, content="full-resource")
        token = a_pass(narrow, id_)["token"]
    async with connected(guarded.base_url) as listener:
        if is_bound:
            await listener.say(f"bind-with-token {token}")
            await listener.until(lambda: listener.of("handshake"))
        wide = by_websocket(f"MedicationRequest?patient=Patient/{patient}", content="full-resource") | {"id": id_}
        assert subscriber.put(f"/Subscription/{id_}", json=wide).status_code == 200
        await becomes(subscriber, id_, "active")
        order = prescribe(clinic, patient)
        if not is_bound:
            await listener.say(f"bind-with-token {token}")
        await listener.until(lambda: listener.closed)
    assert listener.complaints == ["informational"]
    assert order not in "".join(listener.said)
    async with listening_to(subscriber, id_) as other:
        await other.until(lambda: other.numbers == [1])


OF_BINDER = """
UPDATE token_family SET revoked = clock_timestamp() WHERE client_id = %s
    AND id::text <> (SELECT access ->> 'family' FROM subscription WHERE id = %s)
"""


async def test_who_has_bound_with_what_is_revoked_is_told_nothing_more(guarded, clinic, backend, subscriber):
    """Also where what the writer may see is as it was: another token goes on."""
    patient = a_patients_id(clinic)
    id_ = await listened(subscriber, patient)
    with again_as(guarded, backend, SCOPES) as again:
        token = a_pass(again, id_)["token"]
    async with connected(guarded.base_url) as listener:
        await listener.say(f"bind-with-token {token}")
        await listener.until(lambda: listener.of("handshake"))
        ask(guarded, OF_BINDER, backend.client_id, id_)
        async with listening_to(subscriber, id_) as other:
            order = prescribe(clinic, patient)
            await listener.until(lambda: listener.closed)
            await other.until(lambda: other.numbers == [1])
    assert (listener.complaints, listener.numbers) == (["informational"], [])
    assert order not in "".join(listener.said)


def again_as(guarded, backend, scopes):
    """The same client with another token."""
    return bearing(guarded, backend.ask(scopes).json()["access_token"])
