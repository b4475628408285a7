"""The e-mail channel: one message, handed in at the operator's mail server. https://www.rfc-editor.org/rfc/rfc5321.

The connection is encrypted, and the server's certificate is one of its name, or nothing is sent: RFC 8314.
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from integrations.channel import Gone, Hook, NotDelivered, Outgoing
from integrations.mail.composing import composed
from integrations.mail.server import MailServer, domain_of

SECONDS_MAX: Final = 60.0
"""Longest a message may take, from the connection to its acceptance (seconds). One cut short may arrive twice."""

GOODBYE_SECONDS_MAX: Final = 2.0
"""What is waited for once a message is accepted (seconds)."""

MAILTO: Final = "mailto:"

NO_SUCH_MAILBOX: Final = frozenset({550, 551, 553})
"""What says so where there is no enhanced code, which says it better: 550 is also what a relay answers to strangers."""

NO_SUCH_ADDRESS: Final = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""Mailbox or domain are not there, have moved, or take no mail. https://www.rfc-editor.org/rfc/rfc3463#section-3.2."""

ENHANCED: Final = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9])")

ANSWERED_TO: Final[Mapping[type[SMTPResponseException], str]] = {
    SMTPAuthenticationError: "our login",
    SMTPSenderRefused: "our sender",
    SMTPRecipientRefused: "the address",
    SMTPDataError: "the message",
}


@dataclass(frozen=True, slots=True)
class Mailer:
    """The server is the operator's word, and needs no check of its address: a client names nothing but a mailbox."""

    server: MailServer
    sender: str
    base_url: str
    """Of the FHIR API."""
    now: Callable[[], datetime]
    pause_seconds: float
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    """Whose certificates are trusted (default: those of the machine's store)."""

    def site(self, _: Hook) -> str:
        """The host and port of the server, whoever is written to."""
        return f"smtp://{self.server.host}:{self.server.port}"

    async def deliver(self, hook: Hook, message: Outgoing) -> None:
        """Returns once the server has accepted it; else `NotDelivered`, and `Gone` where the address takes no mail."""
        address = hook.endpoint.removeprefix(MAILTO)
        url = f"{self.base_url}/Subscription/{hook.subscription}"
        await self._hand_in(address, composed(message, url, self.sender, address, self.now()).as_bytes())

    async def _hand_in(self, address: str, message: bytes) -> None:
        client = self._client()
        try:
            async with asyncio.timeout(SECONDS_MAX):
                await client.connect()
                await client.sendmail(self.sender, [address], message)
            await _leave(client)
        except SMTPRecipientsRefused as error:
            raise _refused(error.recipients[0]) from error
        except SMTPResponseException as error:
            raise _refused(error) from error
        except (SMTPException, OSError) as error:  # TimeoutError is an OSError
            raise NotDelivered(_unanswered(error)) from error
        finally:
            client.close()

    def _client(self) -> SMTP:
        server = self.server
        return SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.is_tls,
            start_tls=not server.is_tls,  # required: a server that offers none gets neither login nor message
            tls_context=self.tls,
            local_hostname=domain_of(self.sender),
            timeout=SECONDS_MAX,
        )


async def _leave(client: SMTP) -> None:
    """The message is the server's by now, whatever it says to this."""
    with contextlib.suppress(SMTPException, OSError):
        await client.quit(timeout=GOODBYE_SECONDS_MAX)


def _refused(error: SMTPResponseException) -> NotDelivered:
    """What says that there is no such mailbox is final; all else may be mended: a full one, our login, a rule."""
    reason = f"the mail server answers {error.code} to {ANSWERED_TO.get(type(error), 'us')}"
    is_final = isinstance(error, SMTPRecipientRefused) and _is_of_nobody(error)
    return (Gone if is_final else NotDelivered)(reason, error.code)


def _is_of_nobody(error: SMTPRecipientRefused) -> bool:
    enhanced = ENHANCED.match(error.message)
    return enhanced[0] in NO_SUCH_ADDRESS if enhanced else error.code in NO_SUCH_MAILBOX


def _unanswered(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return "the mail server's certificate is not one that is trusted for its name, or it speaks no TLS"
    if type(error) is SMTPException:
        return "the mail server has no STARTTLS, or no login that we know"
    return f"no answer of the mail server: {type(error).__name__}"
