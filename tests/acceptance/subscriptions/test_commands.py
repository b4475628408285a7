"""`galenic subscriptions`. docs/subscriptions/operating.md."""

import base64
import subprocess
import sys

import pytest
from standardwebhooks.webhooks import Webhook

from tests.acceptance.subscriptions.subscriber import becomes, numbers, subscribe
from tests.acceptance.subscriptions.test_rest_hook import RECEIVED, a_patients_id, prescribe
from tests.builders.subscriptions import a_subscription
from tests.running.galenic import ROOT
from tests.running.sink import answering, listening
from tests.running.waiting import eventually


@pytest.fixture
def galenic_subscriptions(galenic, tmp_path):
    """Runs the command; its lines, or the reason it failed for."""
    environment = galenic.environment | {"GALENIC_DATA_DIR": str(tmp_path)}

    def run(*arguments, code=0):
        command = [sys.executable, "-m", "fhir_server.cli.main", "subscriptions", *arguments]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return (done.stdout if code == 0 else done.stderr).splitlines()

    return run


async def test_what_was_told_is_told_again_from_any_number_on(client, galenic_subscriptions):
    patient = a_patients_id(client)
    async with listening() as sink:
        narrowed = f"MedicationRequest?patient=Patient/{patient}"
        wanted = subscribe(client, a_subscription(f"http://127.0.0.1:{sink.port}/", RECEIVED, narrowed))
        await becomes(client, wanted, "active")
        for _ in range(3):
            prescribe(client, patient)
        await eventually(lambda: len(numbers(sink.heard)) == 3)
        (line,) = [one for one in galenic_subscriptions("list", "--state", "active") if one.startswith(wanted)]
        assert "events 3  not arrived 0" in line
        assert galenic_subscriptions("replay", wanted, "--since", "2") == [f"Subscription/{wanted} is told 2 events"]
        await eventually(lambda: len(numbers(sink.heard)) == 5)
        assert numbers(sink.heard) == [1, 2, 3, 2, 3]
        assert "arrived up to 3" in "\n".join(galenic_subscriptions("show", wanted))
    assert "has 3 events" in galenic_subscriptions("replay", wanted, "--since", "9", code=1)[0]
    assert "no Subscription" in galenic_subscriptions("show", "nobody", code=1)[0]


async def test_one_in_error_is_asked_again_and_told_what_it_has_missed(client, galenic_subscriptions):
    patient, status = a_patients_id(client), ["200 OK"]

    async def behave(heard, writer):
        await answering(status[0])(heard, writer)

    async with listening(behave) as sink:
        narrowed = f"MedicationRequest?patient=Patient/{patient}"
        wanted = subscribe(client, a_subscription(f"http://127.0.0.1:{sink.port}/", RECEIVED, narrowed))
        await becomes(client, wanted, "active")
        status[0] = "410 Gone"
        prescribe(client, patient)
        await becomes(client, wanted, "error")
        assert "not arrived 1" in galenic_subscriptions("show", wanted)[0]
        status[0] = "200 OK"
        galenic_subscriptions("replay", wanted)
        await becomes(client, wanted, "active")
        await eventually(lambda: numbers(sink.heard) == [1, 1])


async def test_a_new_secret_signs_beside_the_one_before(client, galenic_subscriptions):
    patient = a_patients_id(client)
    async with listening() as sink:
        narrowed = f"MedicationRequest?patient=Patient/{patient}"
        wanted = subscribe(client, a_subscription(f"http://127.0.0.1:{sink.port}/", RECEIVED, narrowed))
        await becomes(client, wanted, "active")
        (old,) = galenic_subscriptions("secret", wanted)
        new, still = galenic_subscriptions("rotate", wanted)
        assert still == old != new
        prescribe(client, patient)
        await eventually(lambda: numbers(sink.heard) == [1])
    last = sink.heard[-1]
    for secret in (old, new):
        Webhook(secret).verify(last.body, dict(last.headers))
    with pytest.raises(Exception, match="signature"):
        Webhook("whsec_" + base64.b64encode(bytes(32)).decode()).verify(last.body, dict(last.headers))
