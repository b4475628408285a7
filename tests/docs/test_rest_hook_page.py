"""The request that the page of the rest-hook shows is one that its example verifies."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "subscriptions" / "rest-hook.md").read_text()
SECRETS = re.findall(r"whsec_[A-Za-z0-9+/]+=*", PAGE)
SENT = 1772439300


def block(kind):
    (found,) = re.findall(rf"^```{kind}\n(.*?)\n```", PAGE, re.DOTALL | re.MULTILINE)
    return found


@pytest.fixture(scope="module")
def is_ours():
    names = {}
    exec(block("python"), names)  # noqa: S102 - the page is ours
    return names["is_ours"]


@pytest.fixture(scope="module")
def shown():
    head, _, body = block("http").partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.lower().splitlines()[1:])
    signature = re.search(r"webhook-signature: (.+)", head)[1]
    return headers | {"webhook-signature": signature}, body.encode()


def test_both_secrets_of_the_page_verify_its_request(is_ours, shown):
    headers, body = shown
    assert [is_ours(secret, headers, body, SENT) for secret in SECRETS] == [True, True]
    assert headers["content-length"] == str(len(body))


def test_a_changed_or_an_old_request_does_not_verify(is_ours, shown):
    headers, body = shown
    assert not is_ours(SECRETS[0], headers, body + b" ", SENT)
    assert not is_ours(SECRETS[0], headers, body, SENT + 301)
    assert not is_ours("whsec_" + "A" * 43 + "=", headers, body, SENT)
