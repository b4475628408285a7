"""The rest-hook channel: one request for one message. https://hl7.org/fhir/R4/subscription.html#rest-hook."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from integrations.channel import Gone, Hook, NotDelivered, Outgoing
from integrations.guarded import fields
from integrations.guarded.fields import Field
from integrations.guarded.outbound import Outbound, Sent
from integrations.guarded.refusal import Refused, Unreachable
from integrations.guarded.targets import below
from integrations.webhooks import signing

RETRY_SECONDS_MIN: Final = 1
RETRY_SECONDS_MAX: Final = 3_600
"""How long a receiver may ask us to wait (seconds)."""

ASKS_TO_WAIT: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
OURS: Final = frozenset({signing.ID, signing.TIMESTAMP, signing.SIGNATURE, "content-type", "accept-encoding"})
"""Headers that a subscription cannot set, besides those of `guarded.fields` (lower case)."""

SUFFIX: Final = re.compile(r"(/(?!\.{1,2}(/|\Z))[A-Za-z0-9.-]{1,64})*")
"""Types and ids; `..` is an id by its characters, and would lead above the endpoint."""
DIGITS: Final = re.compile(r"[0-9]{1,9}")


class RestHook:
    """`now` is the time of day, by which messages are stamped."""

    pause_seconds: Final = 0.0
    """A machine is told at once."""

    def __init__(self, outbound: Outbound, now: Callable[[], datetime]) -> None:
        self._outbound = outbound
        self._now = now

    def check(self, endpoint: str, headers: Sequence[Field]) -> None:
        """`Refused` for an endpoint or headers to which nothing would be sent. Asks nobody."""
        self._outbound.target(endpoint)
        fields.checked(headers, OURS)

    def site(self, hook: Hook) -> str:
        """The host and port of the endpoint."""
        return urlsplit(hook.endpoint).netloc

    async def deliver(self, hook: Hook, message: Outgoing) -> None:
        """Returns once the answer is 2xx; else `NotDelivered`."""
        try:
            url, sent_fields = self._request(hook, message)
            sent = await self._outbound.send(message.method, url, message.body, sent_fields, hook.timeout_seconds)
        except Unreachable as error:
            raise NotDelivered(str(error)) from error
        if not HTTPStatus.OK <= sent.status < HTTPStatus.MULTIPLE_CHOICES:
            raise self._undelivered(sent)

    def _request(self, hook: Hook, message: Outgoing) -> tuple[str, list[Field]]:
        if not SUFFIX.fullmatch(message.suffix):
            raise Refused("the path below the endpoint is not of FHIR types and ids")
        timestamp = int(self._now().timestamp())
        signature = signing.signed(message.message_id, timestamp, message.body, hook.secrets)
        content_type = (("Content-Type", message.content_type),) if message.content_type else ()
        url = below(hook.endpoint, message.suffix) if message.suffix else hook.endpoint
        return url, [*fields.checked(hook.headers, OURS), *content_type, *signature]

    def _undelivered(self, sent: Sent) -> NotDelivered:
        reason = f"the answer is {sent.status}"
        if sent.status == HTTPStatus.GONE:
            return Gone(reason, sent.status)
        wait = retry_after(sent.headers, self._now()) if sent.status in ASKS_TO_WAIT else None
        return NotDelivered(reason, sent.status, wait)


def retry_after(headers: Mapping[str, str], now: datetime) -> int | None:
    """What `Retry-After` asks for, by seconds or by a date, within 1 to 3,600 s; None where there is none.

    https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    """
    text = headers.get("retry-after", "").strip()
    seconds = int(text) if DIGITS.fullmatch(text) else _seconds_until(text, now)
    return None if seconds is None else min(max(seconds, RETRY_SECONDS_MIN), RETRY_SECONDS_MAX)


def _seconds_until(text: str, now: datetime) -> int | None:
    try:
        date = parsedate_to_datetime(text)
        return int((date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())
    except (ValueError, OverflowError):
        return None
