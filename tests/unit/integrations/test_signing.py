"""Signatures, as the reference library of Standard Webhooks verifies them."""

import json
import time
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from integrations.webhooks.signing import shown, signed

OLD, NEW, OTHER = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))
BODY = b'{"resourceType":"Bundle"}'


def now():
    return int(time.time())


def verifies(secret, body, headers):
    try:
        Webhook(shown(secret)).verify(body, dict(headers), json_parse=False)
    except WebhookVerificationError:
        return False
    return True


def test_a_signature_is_the_one_that_other_peoples_libraries_expect():
    """https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/go/webhook_test.go"""
    body = b'{"test": 2432232314}'
    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, [b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")])
    assert headers[2] == ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")


@given(st.binary(min_size=24, max_size=64), st.dictionaries(st.text(), st.text()))
def test_any_body_verifies_with_its_secret(secret, content):
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    assert verifies(secret, body, signed("msg_1", now(), body, [secret]))


def test_while_a_secret_is_rotated_the_old_and_the_new_one_verify():
    headers = signed("msg_1", now(), BODY, [NEW, OLD])
    assert [verifies(secret, BODY, headers) for secret in (NEW, OLD, OTHER)] == [True, True, False]


def test_after_the_rotation_the_old_one_does_not():
    assert not verifies(OLD, BODY, signed("msg_1", now(), BODY, [NEW]))


@pytest.mark.parametrize("change", ["body", "id", "timestamp"])
def test_what_was_changed_on_the_way_does_not_verify(change):
    headers = dict(signed("msg_1", now(), BODY, [NEW]))
    body = BODY + b" " if change == "body" else BODY
    headers |= {"id": {"webhook-id": "msg_2"}, "timestamp": {"webhook-timestamp": str(now() - 9)}}.get(change, {})
    assert not verifies(NEW, body, headers)


@pytest.mark.parametrize("message_id", ["", "a.b", "a b", "a\n", "ä", "x" * 257])
def test_an_id_that_could_end_early_in_what_is_signed_is_not_signed(message_id):
    with pytest.raises(ValueError):
        signed(message_id, now(), BODY, [NEW])


@pytest.mark.parametrize("secrets", [[], [b""], [b"x" * 23], [NEW, b"x" * 65]])
def test_nothing_is_signed_without_a_secret_of_the_right_length(secrets):
    with pytest.raises(ValueError):
        signed("msg_1", now(), BODY, secrets)


def test_a_secret_is_shown_as_its_receiver_writes_it():
    assert shown(b"\x00" * 32) == "whsec_" + "A" * 43 + "="
