"""Notifications to a person, handed in at a mail server: what is said, and what is not. docs/subscriptions/email.md."""

import json
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
import trustme

from tests.acceptance.subscriptions.subscriber import RECEIVED, Resource, becomes, events, parameter, subscribe
from tests.acceptance.subscriptions.test_notifications import with_canaries
from tests.acceptance.subscriptions.test_rest_hook import a_patients_id, prescribe
from tests.builders.bundles import a_post, a_transaction
from tests.builders.resources import PLACED
from tests.builders.subscriptions import a_plain_subscription, a_subscription
from tests.conftest import Cluster
from tests.running.galenic import Galenic, running
from tests.running.postbox import PASSWORD, USER, Letter, Postbox, postbox
from tests.running.waiting import eventually

HOST = "127.0.0.1"
SENDER = "pharmacy@galenic.example"


@dataclass
class Mailing:
    galenic: Galenic
    port: int
    authority: trustme.CA


@pytest.fixture(scope="module")
def mailing(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailing]:
    """A server whose mail server listens on this machine."""
    authority, trusted = trustme.CA(), tmp_path_factory.mktemp("mail") / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    port = _a_free_port()
    url = f"smtp://{USER}:{quote(PASSWORD, safe='')}@{HOST}:{port}"
    settings = {"smtp_url": url, "mail_from": SENDER, "mail_pause_seconds": "1"}
    cluster.execute("CREATE DATABASE mailing TEMPLATE galenic")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SSL_CERT_FILE", str(trusted))
        with running(cluster.database("mailing").app_url, **settings) as server:
            yield Mailing(server, port, authority)
    cluster.execute("DROP DATABASE mailing WITH (FORCE)")


def _a_free_port() -> int:
    with socket.create_server((HOST, 0)) as taken:
        return taken.getsockname()[1]


@pytest.fixture
def writer(mailing: Mailing) -> Iterator[httpx.Client]:
    with mailing.galenic.client() as client:
        yield client


@pytest.fixture
async def box(mailing: Mailing) -> AsyncIterator[Postbox]:
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    mailing.authority.issue_cert(HOST).configure_cert(shown)
    async with postbox(shown, port=mailing.port) as one:
        yield one


def an_address() -> str:
    """Nobody else's."""
    return f"ward.{uuid4().hex}@sink.example"


def by_mail(address: str, patient: str) -> Resource:
    narrowed = f"MedicationRequest?patient=Patient/{patient}"
    return a_subscription(f"mailto:{address}", RECEIVED, narrowed, content="empty", channel={"type": "email"})


def mail_of(box: Postbox, address: str) -> list[Letter]:
    return [one for one in box.letters if one.recipients == [address]]


def notification(letter: Letter) -> Resource:
    (attached,) = letter.attachments
    return json.loads(attached.get_content())


def numbers(letters: list[Letter]) -> list[int]:
    return [int(event["event-number"]) for one in letters for event in events(notification(one))]


async def test_a_person_is_asked_first_and_then_told_that_there_is_something_new(mailing, writer, box):
    patient, address, canary = a_patients_id(writer), an_address(), uuid4().hex
    id_ = subscribe(writer, by_mail(address, patient))
    await becomes(writer, id_, "active")
    order = prescribe(writer, patient, **with_canaries(canary))
    await eventually(lambda: len(mail_of(box, address)) == 2)
    asked, told = mail_of(box, address)
    url = f"{mailing.galenic.base_url}/Subscription/{id_}"
    assert [parameter(notification(one), "type") for one in (asked, told)] == ["handshake", "event-notification"]
    assert [url in one.text for one in (asked, told)] == [True, True]
    assert f"{url}/$events" in told.text
    assert numbers([told]) == [1]
    assert {one.sender for one in box.letters} == {SENDER}
    assert set(box.logins) == {(USER, PASSWORD)}
    marks = (canary, patient, order, "MedicationRequest", "prescription-received")
    assert [mark for mark in marks if mark in told.whole()] == []
    assert [mark for mark in marks[:4] if mark in asked.whole()] == []
    found = writer.get(f"{url}/$events", params={"content": "id-only"})
    assert f"MedicationRequest/{order}" in found.text


async def test_each_event_is_told_of_once_and_in_its_order(writer, box):
    patient, address = a_patients_id(writer), an_address()
    await becomes(writer, subscribe(writer, by_mail(address, patient)), "active")
    for _ in range(12):
        prescribe(writer, patient)
    await eventually(lambda: 12 in numbers(mail_of(box, address)[1:]))
    assert numbers(mail_of(box, address)[1:]) == list(range(1, 13))


async def test_nothing_is_said_of_what_was_not_written(writer, box):
    patient, address = a_patients_id(writer), an_address()
    await becomes(writer, subscribe(writer, by_mail(address, patient)), "active")
    order = {"resourceType": "MedicationRequest", **PLACED, "subject": {"reference": f"Patient/{patient}"}}
    invalid = {**order, "status": "no such status"}
    for refused in (a_transaction(a_post(order), a_post(invalid)), a_transaction(a_post(invalid))):
        assert writer.post("", json=refused).is_client_error
    assert writer.post("/MedicationRequest", json=invalid).is_client_error
    kept = prescribe(writer, patient)
    await eventually(lambda: len(mail_of(box, address)) == 2)
    assert numbers(mail_of(box, address)[1:]) == [1]
    (id_,) = [one.text.partition("/Subscription/")[2].split("/")[0] for one in mail_of(box, address)[1:]]
    found = writer.get(f"/Subscription/{id_}/$events", params={"content": "id-only"}).json()
    assert [one["focus"]["reference"].rpartition("/")[2] for one in events(found)] == [kept]


async def test_what_the_mail_server_does_not_take_now_comes_again_with_the_same_ids(writer, box):
    patient, address = a_patients_id(writer), an_address()
    await becomes(writer, subscribe(writer, by_mail(address, patient)), "active")
    box.answers["DATA"] = ["451 4.3.0 Not now"]
    prescribe(writer, patient)
    await eventually(lambda: len(mail_of(box, address)) == 2)
    again, first = mail_of(box, address)[-1].message, box.refused[0].message
    assert again["Message-ID"] == first["Message-ID"]
    assert again["Galenic-Message-Id"] == first["Galenic-Message-Id"]
    assert numbers(mail_of(box, address)[1:]) == [1]


async def test_an_address_that_is_nobodys_any_more_is_written_to_no_more(writer, box):
    patient, address = a_patients_id(writer), an_address()
    id_ = subscribe(writer, by_mail(address, patient))
    await becomes(writer, id_, "active")
    box.answers["RCPT"] = [f"550 5.1.1 <{address}>: no such user"]
    prescribe(writer, patient)
    found = await becomes(writer, id_, "error")
    assert "550" in found["error"]
    assert address not in found["error"]
    assert len(mail_of(box, address)) == 1


async def test_a_mail_server_that_says_no_to_the_first_mail_makes_it_an_error(writer, box):
    address = an_address()
    box.answers["RCPT"] = ["554 5.7.1 Denied"]
    await becomes(writer, subscribe(writer, by_mail(address, a_patients_id(writer))), "error")
    assert mail_of(box, address) == []


async def test_without_a_mail_server_within_reach_the_first_mail_is_an_error_too(writer):
    found = await becomes(writer, subscribe(writer, by_mail(an_address(), a_patients_id(writer))), "error")
    assert "mail server" in found["error"]


async def test_a_plain_subscription_of_r4_is_told_by_mail_with_nothing_attached(writer, box):
    patient, address = a_patients_id(writer), an_address()
    asked = a_plain_subscription(f"mailto:{address}", f"MedicationRequest?patient=Patient/{patient}", payload=None)
    asked["channel"]["type"] = "email"
    await becomes(writer, subscribe(writer, asked), "active")
    prescribe(writer, patient)
    await eventually(lambda: len(mail_of(box, address)) == 2)
    assert [one.attachments for one in mail_of(box, address)] == [[], []]


@pytest.mark.parametrize(
    ("channel", "element"),
    [
        ({"header": ["Bcc: c@d.example"]}, "Subscription.channel.header"),
        ({"endpoint": "mailto:a@b.example?bcc=c@d.example"}, "Subscription.channel.endpoint"),
        ({"endpoint": "mailto:a@b.example%0d%0aRSET"}, "Subscription.channel.endpoint"),
    ],
)
def test_what_is_not_written_to_a_person_is_refused(writer, channel, element):
    asked = by_mail(an_address(), "1")
    answer = writer.post("/Subscription", json=asked | {"channel": asked["channel"] | channel})
    assert answer.status_code == 422
    assert element in answer.text


def test_without_a_mail_server_an_email_is_refused(client):
    answer = client.post("/Subscription", json=by_mail(an_address(), "1"))
    assert answer.status_code == 422
    assert "Subscription.channel.type" in answer.text
