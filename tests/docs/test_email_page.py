"""The mail that the page shows is the one that is sent, and its example is a subscription that is taken."""

import json
import re
from datetime import UTC, datetime
from email.policy import default
from pathlib import Path

from integrations.channel import Outgoing
from integrations.mail.composing import ATTACHMENT, composed
from integrations.mail.mailer import NO_SUCH_ADDRESS, NO_SUCH_MAILBOX, SECONDS_MAX
from subscriptions.endpoint import ADDRESS_CHARACTERS_MAX
from subscriptions.request import EVENTS, Offer, requested

PAGE = (Path(__file__).parents[2] / "docs" / "subscriptions" / "email.md").read_text()


def block(kind: str) -> str:
    (found,) = re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return found


def test_the_mail_of_the_page_is_the_one_that_is_sent():
    head, _, text = block("text").partition("\n\n")
    shown = dict(line.split(": ", 1) for line in head.splitlines())
    outgoing = Outgoing(shown["Galenic-Message-Id"], b"{}", "application/fhir+json")
    url = "https://galenic.example/fhir/Subscription/7c5e"
    sent = composed(outgoing, url, shown["From"], shown["To"], datetime(2026, 3, 2, tzinfo=UTC))
    assert {name: sent[name] for name in shown} == shown
    assert sent.get_body().get_content() == text
    assert [one.get_filename() for one in sent.iter_attachments()] == [ATTACHMENT]
    assert f"`{ATTACHMENT}`" in PAGE
    assert max(map(len, sent.as_bytes(policy=default).split(b"\n"))) < 998  # RFC 5322


def test_the_subscription_of_the_page_is_one_that_is_taken():
    asked = requested(json.loads(block("json")), Offer(frozenset({"email"})))
    assert (asked.channel, asked.content, asked.max_count) == ("email", "empty", EVENTS.most)


def test_the_limits_and_codes_of_the_page_are_those_of_the_code():
    assert f"at most {ADDRESS_CHARACTERS_MAX} characters" in PAGE
    assert f"within {SECONDS_MAX:g} s" in PAGE
    (named,) = re.findall(r"disabled \(([^\[]+), or by \[RFC 3463\]\([^)]+\) ([0-9., ]+)\)", PAGE)
    assert {int(one) for one in named[0].split(", ")} == NO_SUCH_MAILBOX
    assert set(named[1].split(", ")) == NO_SUCH_ADDRESS
