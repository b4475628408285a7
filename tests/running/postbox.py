"""A mail server with STARTTLS or TLS that asks for a login, and keeps what it is handed."""

import asyncio
import contextlib
import ssl
import warnings
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "galenic", "p@ss:w/rd"


@dataclass
class Letter:
    sender: str
    recipients: list[str]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=default)  # type: ignore[return-value]

    @property
    def text(self) -> str:
        return self.message.get_body().get_content()

    @property
    def attachments(self) -> list[EmailMessage]:
        return list(self.message.iter_attachments())

    def whole(self) -> str:
        """All of it, with what is encoded on the way decoded."""
        parts = [part.get_content() for part in self.message.walk() if not part.is_multipart()]
        said = [one.decode() if isinstance(one, bytes) else one for one in parts]
        return "\n".join([self.sender, *self.recipients, self.content.decode(), *said])


@dataclass
class Postbox:
    """`answers` are given in their order, each once, by the command they are for; after them everything is taken."""

    port: int = 0
    letters: list[Letter] = field(default_factory=list)
    refused: list[Letter] = field(default_factory=list)
    """Those that were read, and not taken."""
    answers: dict[str, list[str]] = field(default_factory=dict)
    logins: list[tuple[str, str]] = field(default_factory=list)
    connections: int = 0
    hangs: set[str] = field(default_factory=set)
    """Commands that get no answer."""

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]) -> str:  # noqa: N802
        answer = await self._answer("RCPT")
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_MAIL(self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]) -> str:  # noqa: N802
        envelope.mail_from = address
        return await self._answer("MAIL")

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = await self._answer("DATA")
        letter = Letter(envelope.mail_from or "", list(envelope.rcpt_tos), envelope.content or b"")
        (self.letters if answer.startswith("2") else self.refused).append(letter)
        return answer

    async def handle_QUIT(self, _: SMTP, __: Session, ___: Envelope) -> str:  # noqa: N802
        return await self._answer("QUIT")

    async def _answer(self, command: str) -> str:
        if command in self.hangs:
            await asyncio.Event().wait()
        left = self.answers.get(command)
        return left.pop(0) if left else "221 Bye" if command == "QUIT" else "250 OK"

    def login(self, _: SMTP, __: Session, ___: Envelope, ____: str, said: Any) -> AuthResult:
        assert isinstance(said, LoginPassword)
        self.logins.append((said.login.decode(), said.password.decode()))
        return AuthResult(success=self.logins[-1] == (USER, PASSWORD), handled=False)


@contextlib.asynccontextmanager
async def postbox(shown: ssl.SSLContext | None, *, at_once: bool = False, port: int = 0) -> AsyncIterator[Postbox]:
    """On 127.0.0.1; TLS `at_once` or by STARTTLS, and none at all where nothing is `shown`."""
    box, loop = Postbox(), asyncio.get_running_loop()
    by_starttls = shown is not None and not at_once

    def connected() -> SMTP:
        box.connections += 1
        with warnings.catch_warnings():  # of a login without TLS, which is what is tried here
            warnings.simplefilter("ignore")
            return SMTP(
                box,
                hostname="post.example",
                tls_context=shown if by_starttls else None,
                require_starttls=by_starttls,
                auth_required=True,
                auth_require_tls=by_starttls,
                authenticator=box.login,
                loop=loop,
            )

    server = await loop.create_server(connected, "127.0.0.1", port, ssl=shown if at_once else None)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
