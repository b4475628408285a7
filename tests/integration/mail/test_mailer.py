"""One message to one mail server: what is handed in, what counts as delivered, and what ends an attempt."""

import asyncio
import json
import socket
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from integrations.channel import Gone, Hook, NotDelivered, Outgoing
from integrations.mail import mailer as mailer_module
from integrations.mail.mailer import Mailer
from integrations.mail.server import MailServer
from tests.running.postbox import PASSWORD, USER, postbox
from tests.running.sink import certificates

HOST = "127.0.0.1"
SENDER = "pharmacy@galenic.example"
ADDRESS = "mia.larsen+ward@sink.example"
NOW = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)
BODY = b'{"resourceType":"Bundle"}'
HOOK = Hook(f"mailto:{ADDRESS}", (), 10, (), "7c5e")
NEW = Outgoing("1204-0-1-3", BODY, "application/fhir+json; fhirVersion=4.0")
ASKED = Outgoing("1204-0-handshake-1", b"", "", kind="handshake")
SHORT = 0.3
SLOW = 20.0
"""How much longer than it may take a busy machine takes (seconds)."""


@pytest.fixture(scope="module")
def tls():
    """What the mail server shows, and what trusts it."""
    return certificates(HOST)


def mailer(box, trusted, **changes):
    server = replace(MailServer(HOST, box.port, is_tls=False, user=USER, password=PASSWORD), **changes)
    return Mailer(server, SENDER, "https://galenic.example/fhir", lambda: NOW, 1.0, trusted)


async def failure(one, message=NEW, hook=HOOK) -> NotDelivered:
    with pytest.raises(NotDelivered) as caught:
        async with asyncio.timeout(mailer_module.SECONDS_MAX + SLOW):
            await one.deliver(hook, message)
    return caught.value


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_message_is_handed_in_encrypted_and_after_a_login(tls, at_once):
    async with postbox(tls[0], at_once=at_once) as box:
        await mailer(box, tls[1], is_tls=at_once).deliver(HOOK, NEW)
    (letter,) = box.letters
    assert (letter.sender, letter.recipients, box.logins) == (SENDER, [ADDRESS], [(USER, PASSWORD)])
    assert letter.message["From"] == SENDER
    assert letter.message["To"] == ADDRESS


async def test_a_message_says_that_there_is_something_new_and_where_to_ask(tls):
    async with postbox(tls[0]) as box:
        await mailer(box, tls[1]).deliver(HOOK, NEW)
    (letter,) = box.letters
    assert letter.message["Subject"] == "There is something new for your subscription"
    assert "https://galenic.example/fhir/Subscription/7c5e/$events" in letter.text
    assert SENDER in letter.text
    assert letter.message["Auto-Submitted"] == "auto-generated"
    assert letter.message["Date"].datetime == NOW
    (attached,) = letter.attachments
    assert attached.get_content_type() == "application/fhir+json"
    assert attached.get_filename() == "notification.json"
    assert json.loads(attached.get_content()) == json.loads(BODY)


async def test_a_handshake_says_that_nothing_has_happened_yet(tls):
    async with postbox(tls[0]) as box:
        await mailer(box, tls[1]).deliver(HOOK, ASKED)
    (letter,) = box.letters
    assert letter.message["Subject"] == "You will be written to when there is something new"
    assert "Nothing has happened" in letter.text
    assert letter.attachments == []


async def test_a_repetition_is_known_by_its_id(tls):
    async with postbox(tls[0]) as box:
        one = mailer(box, tls[1])
        for _ in range(2):
            await one.deliver(HOOK, NEW)
    assert {letter.message["Message-ID"] for letter in box.letters} == {"<1204-0-1-3@galenic.example>"}
    assert {letter.message["Galenic-Message-Id"] for letter in box.letters} == {"1204-0-1-3"}


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("MAIL", "451 4.3.0 Not now"),
        ("RCPT", "450 4.2.0 Greylisted"),
        ("RCPT", "452 4.2.2 Mailbox full"),
        ("DATA", "421 4.3.2 Going down"),
    ],
)
async def test_what_is_not_taken_now_is_taken_later(tls, command, answer):
    async with postbox(tls[0]) as box:
        box.answers[command] = [answer]
        failed = await failure(mailer(box, tls[1]))
        assert (type(failed), failed.status) == (NotDelivered, int(answer[:3]))
        await mailer(box, tls[1]).deliver(HOOK, NEW)
    assert len(box.letters) == 1


@pytest.mark.parametrize(
    "answer", ["550 No such user", "551 Moved", "553 Not so", "550 5.1.1 No such user", "554 5.2.1 Disabled"]
)
async def test_an_address_of_nobody_is_written_to_no_more(tls, answer):
    async with postbox(tls[0]) as box:
        box.answers["RCPT"] = [answer]
        failed = await failure(mailer(box, tls[1]))
    assert (type(failed), failed.status) == (Gone, int(answer[:3]))
    assert box.letters == []


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("RCPT", "550 5.7.1 Relaying denied"),
        ("RCPT", "552 5.2.2 Mailbox full"),
        ("RCPT", "550 5.1.8 No such domain of the sender"),
        ("MAIL", "550 5.7.1 Not yours"),
        ("DATA", "554 5.7.1 Looks like spam"),
        ("DATA", "550 5.1.1 No such user"),
    ],
)
async def test_what_says_nothing_of_the_mailbox_may_be_mended(tls, command, answer):
    async with postbox(tls[0]) as box:
        box.answers[command] = [answer]
        failed = await failure(mailer(box, tls[1]))
    assert (type(failed), failed.status) == (NotDelivered, int(answer[:3]))


async def test_a_login_that_is_not_taken_may_be_mended(tls):
    async with postbox(tls[0]) as box:
        failed = await failure(mailer(box, tls[1], password="other"))
    assert (type(failed), failed.status) == (NotDelivered, 535)
    assert box.letters == []


async def test_a_server_without_starttls_gets_neither_login_nor_message(tls):
    async with postbox(None) as box:
        failed = await failure(mailer(box, tls[1]))
    assert "STARTTLS" in failed.reason
    assert (box.logins, box.letters, box.connections) == ([], [], 1)


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("shown", ["of another name", "of nobody we trust"])
async def test_a_server_with_another_certificate_gets_neither_login_nor_message(tls, shown, at_once):
    other = certificates("other.example") if shown == "of another name" else (certificates(HOST)[0], tls[1])
    async with postbox(other[0], at_once=at_once) as box:
        failed = await failure(mailer(box, other[1], is_tls=at_once))
    assert "certificate" in failed.reason
    assert (box.logins, box.letters, box.connections) == ([], [], 1)


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
async def test_a_server_that_hangs_holds_no_message_beyond_its_time(tls, monkeypatch, command):
    monkeypatch.setattr(mailer_module, "SECONDS_MAX", SHORT)
    async with postbox(tls[0]) as box:
        box.hangs.add(command)
        failed = await failure(mailer(box, tls[1]))
    assert (type(failed), failed.status) == (NotDelivered, None)


async def test_a_server_that_says_nothing_at_all_holds_no_message_either(monkeypatch, tls):
    monkeypatch.setattr(mailer_module, "SECONDS_MAX", SHORT)
    with socket.create_server((HOST, 0)) as mute:
        server = MailServer(HOST, mute.getsockname()[1], is_tls=False)
        one = Mailer(server, SENDER, "https://galenic.example/fhir", lambda: NOW, 1.0, tls[1])
        assert (await failure(one)).status is None


async def test_nobody_at_the_port_is_not_delivered(tls):
    async with postbox(tls[0]) as box:
        pass
    assert (await failure(mailer(box, tls[1]))).status is None


@pytest.mark.parametrize("farewell", ["421 Not now", "hang"])
async def test_a_message_that_is_accepted_is_delivered_however_the_server_takes_leave(tls, monkeypatch, farewell):
    monkeypatch.setattr(mailer_module, "GOODBYE_SECONDS_MAX", SHORT)
    async with postbox(tls[0]) as box:
        box.hangs |= {"QUIT"} if farewell == "hang" else set()
        box.answers["QUIT"] = [farewell]
        await mailer(box, tls[1]).deliver(HOOK, NEW)
    assert len(box.letters) == 1


async def test_no_reason_repeats_what_was_said_or_to_whom(tls):
    async with postbox(tls[0]) as box:
        box.answers["RCPT"] = [f"550 5.1.1 <{ADDRESS}> canary"]
        failed = await failure(mailer(box, tls[1]))
    assert failed.reason == "the mail server answers 550 to the address"


def test_what_is_under_way_is_counted_by_the_mail_server_whoever_is_written_to(tls):
    one = Mailer(MailServer("post.example", 587, is_tls=False), SENDER, "", lambda: NOW, 1.0, tls[1])
    assert one.site(HOOK) == one.site(replace(HOOK, endpoint="mailto:b@c.example"))


def test_a_password_is_not_shown_where_a_mailer_is(tls):
    server = MailServer("post.example", 587, is_tls=False, user=USER, password="canary")
    assert "canary" not in repr(Mailer(server, SENDER, "", lambda: NOW, 1.0, tls[1]))
