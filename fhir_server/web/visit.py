"""One request of a browser to a page: who it is from, in which language, and what an app waits for."""

import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import anyio.to_thread
from anyio import CapacityLimiter

from fhir_server.auth.context import Context
from fhir_server.errors import NotFound
from fhir_server.identity.authorization import Authorizations, PendingRequest
from fhir_server.identity.issuer import Issuer, Lifetimes
from fhir_server.identity.opaque import digest
from fhir_server.identity.outside import Provider
from fhir_server.identity.passwords import AT_ONCE_MAX
from fhir_server.identity.people import Person
from fhir_server.identity.sessions import Choice, Session
from fhir_server.identity.sign_in import Entrance
from fhir_server.identity.trail import Visitor
from fhir_server.web.cookies import Cookies
from fhir_server.web.patients import Patients
from fhir_server.web.respond import Go, Page
from fhir_server.web.speech import Speech

THREADS: Final = 8
"""Requests of pages that wait for the database at once, in a process (threads)."""

NAME_CHARACTERS_MAX: Final = 100
"""As much of an app's name as is shown (characters)."""

Answer = Page | Go
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Desk:
    """What the pages work with; `provider` is an outside OpenID provider, where there is one."""

    entrance: Entrance
    authorizations: Authorizations
    patients: Patients
    cookies: Cookies
    issuer: Issuer
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    provider: Provider | None = None
    threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(THREADS))
    hashers: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(AT_ONCE_MAX))

    async def run(self, work: Callable[..., Value], *values: Any) -> Value:
        """In a thread: identity is synchronous."""
        return await anyio.to_thread.run_sync(lambda: work(*values), limiter=self.threads)

    async def hash(self, work: Callable[..., Value], *values: Any) -> Value:
        """The same for what hashes a password: whoever sends many leaves the other pages their threads."""
        return await anyio.to_thread.run_sync(lambda: work(*values), limiter=self.hashers)


@dataclass(slots=True)
class Visit:
    """`cookie` is the browser's, or a new one where `has_cookie` is false; `request_id` of the authorization request.

    `form` holds each field's first value, `ticked` all values of the checkboxes named `scope`.
    """

    desk: Desk
    speech: Speech
    visitor: Visitor
    page: str
    cookie: str
    has_cookie: bool
    request_id: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    ticked: tuple[str, ...] = ()
    asked: PendingRequest | None = None
    session: Session | None = None
    person: Person | None = None
    choice: Choice = field(default_factory=Choice)

    @property
    def who(self) -> tuple[Session, Person]:
        """Of a page that only those see who are logged in."""
        assert self.session is not None  # noqa: S101 - narrows the type
        assert self.person is not None  # noqa: S101 - the same
        return self.session, self.person

    @property
    def app(self) -> PendingRequest:
        """Of a page that is about a request."""
        assert self.asked is not None  # noqa: S101 - narrows the type
        return self.asked

    @property
    def context(self) -> Context:
        return self.visitor.context(self.person)

    async def recognise_request(self) -> None:
        """What the app asks for; raises `NotFound` for a request that is over."""
        if not self.request_id:
            return
        asked = await self.desk.run(self.desk.authorizations.pending, self.request_id)
        if asked is None:
            raise NotFound("The authorization request is over")
        self.asked = replace(asked, client_name=presentable(asked.client_name))
        if self.session:
            self.choice = await self.desk.run(self.desk.entrance.chosen, self.session, self.request_key)

    @property
    def request_key(self) -> str:
        """What the request is known by in our tables: whoever has its id can decide it, once logged in."""
        return digest(self.request_id).hex() if self.request_id else ""

    @property
    def age_seconds(self) -> float:
        """How old the login is."""
        return (datetime.now(UTC) - self.who[0].authenticated).total_seconds()

    @property
    def patient(self) -> str | None:
        """The id an EHR launched for, else the one that was chosen."""
        return self.app.launch_patient or self.choice.patient

    def to(self, page: str, cookie: str = "", **query: str) -> Go:
        """Another page, about the same request."""
        return Go(self.url(page, **query), cookie)

    def url(self, page: str, **query: str) -> str:
        pairs = {"request": self.request_id, **query}
        kept = {name: value for name, value in pairs.items() if value}
        return f"/auth/{page}" + (f"?{urlencode(kept)}" if kept else "")


Handler = Callable[[Visit], Awaitable[Answer]]


def minutes_until(moment: datetime) -> int:
    """Rounded up; at least one."""
    return max(1, -(-int((moment - datetime.now(UTC)).total_seconds()) // 60))


def presentable(name: str) -> str:
    """An app's name without what could turn the text around it, or hide what it says."""
    shown = "".join(letter for letter in name if unicodedata.category(letter) not in ("Cc", "Cf", "Co", "Zl", "Zp"))
    cut = shown if len(shown) <= NAME_CHARACTERS_MAX else shown[:NAME_CHARACTERS_MAX] + "…"
    return cut.strip() or "?"
