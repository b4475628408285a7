"""How often a person is written to, and what becomes of it without a mail server. docs/subscriptions/email.md."""

from uuid import uuid4

from fhir_server.storage.intents import Intent
from fhir_server.storage.transact import Batch
from tests.integration.notifications.notifying import WRITER, Notifying

OVER = "UPDATE subscription SET told = told - interval '300 s'"
WAITS = "SELECT due - clock_timestamp() BETWEEN interval '1 s' AND interval '300 s' FROM job"


async def let_the_pause_pass(mailing: Notifying) -> None:
    await mailing.connection.execute(OVER)
    await mailing.connection.execute("UPDATE job SET due = clock_timestamp()")


async def test_what_happens_during_a_pause_comes_together_in_the_next_mail(mailing: Notifying) -> None:
    for _ in range(3):
        await mailing.prescribe()
        await mailing.all()
    assert mailing.told() == []
    assert await mailing.rows(WAITS) == [(True,)]
    await let_the_pause_pass(mailing)
    await mailing.all()
    assert mailing.told() == ["1-3"]
    await mailing.prescribe()
    await mailing.all()
    assert mailing.told() == ["1-3"]


async def test_what_happens_after_a_pause_is_told_at_once(mailing: Notifying) -> None:
    await mailing.all()
    await mailing.connection.execute(OVER)
    await mailing.prescribe()
    await mailing.all()
    assert mailing.told() == ["1-1"]


async def test_whoever_asks_again_and_again_writes_no_more_than_one_mail_in_a_pause(mailing: Notifying) -> None:
    for _ in range(3):
        await ask_again(mailing)
        await mailing.all()
    assert len(mailing.wire.arrived) == 1
    await let_the_pause_pass(mailing)
    await mailing.all()
    assert ["handshake" in name for name, _ in mailing.wire.arrived] == [True, True]
    assert await mailing.rows("SELECT state FROM subscription") == [("active",)]


async def ask_again(mailing: Notifying) -> None:
    ((id_,),) = await mailing.rows("SELECT id FROM subscription")
    again = Intent("patch", "Subscription", str(uuid4()), id_, patch=lambda one: one | {"status": "requested"})
    await mailing.parts.server.writer.write(Batch([again], WRITER))


async def test_without_its_mail_server_a_subscription_is_in_error_and_not_silent(mailing: Notifying) -> None:
    mailing.settings = mailing.settings.model_copy(update={"smtp_url": None, "mail_from": ""})
    await mailing.prescribe()
    await mailing.all()
    assert await mailing.rows("SELECT state FROM subscription") == [("error",)]
    assert mailing.told() == []
