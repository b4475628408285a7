"""A request to the authorization server, and its answer, without a web framework; as authlib wants to see the first."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from authlib.oauth2.rfc6749 import JsonPayload, JsonRequest, OAuth2Payload, OAuth2Request

from fhir_server.auth.access import TREATMENT
from fhir_server.auth.context import Context

ANONYMOUS: Final = "anonymous"


@dataclass(frozen=True, slots=True)
class Exchange:
    """`parameters` are those of the query or the form, blank ones left out (RFC 6749, section 3.1).

    `authorization` is the header of that name, `arrived` when the request did by the database's clock, `address` where
    it came from.
    """

    method: str
    parameters: tuple[tuple[str, str], ...]
    authorization: str
    arrived: datetime
    address: str
    request_id: str
    json: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.parameters if key == name), None)

    def repeated(self) -> str | None:
        """The name of a parameter that is there twice, which none may be."""
        names = [name for name, _ in self.parameters]
        return next((name for name in names if names.count(name) > 1), None)

    def context(self, client: str, actor: str = ANONYMOUS, role: str = "", token_id: str = "") -> Context:
        """For the audit trail."""
        return Context(actor, client, TREATMENT, self.request_id, role=role, token_id=token_id, address=self.address)


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is JSON, or the text of a page or of nothing; `location` says where to send the browser."""

    status: int
    body: dict[str, Any] | str
    headers: dict[str, str]

    @property
    def location(self) -> str | None:
        return self.headers.get("Location")


def plain(text: str) -> str:
    """In the characters that the description of an OAuth error may have (RFC 6749, section 5.2)."""
    return "".join(letter if " " <= letter <= "~" and letter not in '"\\' else "?" for letter in text)


class Payload(OAuth2Payload):
    """The parameters, for authlib."""

    def __init__(self, exchange: Exchange) -> None:
        self._data = dict(reversed(exchange.parameters))
        self._datalist: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in exchange.parameters:
            self._datalist[name].append(value)

    @property
    def data(self) -> dict[str, str]:
        return self._data

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return self._datalist


class OAuthRequest(OAuth2Request):
    """What authlib keeps of a request while it answers it."""

    def __init__(self, exchange: Exchange) -> None:
        # authlib refuses plain HTTP by this URL and uses it for nothing else. Whether there is TLS is for the listener
        # and for GALENIC_BASE_URL to say: behind a proxy, this process does not see it.
        super().__init__(exchange.method, "https://galenic", headers={"Authorization": exchange.authorization})
        self.exchange = exchange
        self.payload = Payload(exchange)

    @property
    def args(self) -> dict[str, str]:
        return self.payload.data if self.method == "GET" else {}

    @property
    def form(self) -> dict[str, str]:
        return self.payload.data if self.method == "POST" else {}


class RegistrationPayload(JsonPayload):
    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    @property
    def data(self) -> dict[str, Any]:
        return self._data


class RegistrationRequest(JsonRequest):
    """A client's metadata, sent by itself."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange.method, "", {"Authorization": exchange.authorization})
        self.exchange = exchange
        self.payload = RegistrationPayload(exchange.json)
        self.credential: object = None
