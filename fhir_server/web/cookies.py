"""The cookie of a browser, and the token that proves a form was made for it.

One cookie: before a login it is nobody's, and is replaced at each step that raises what it can do. A form holds an HMAC
of it, so that another site can neither make a form nor log somebody in as somebody else.
https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import hashlib
import hmac
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlsplit

SESSION: Final = "galenic_session"
LANGUAGE: Final = "galenic_language"

COOKIE_CHARACTERS_MAX: Final = 100
"""A longer cookie is not ours (characters)."""

LANGUAGE_SECONDS: Final = 365 * 86_400
"""How long a chosen language is remembered (seconds)."""


@dataclass(frozen=True, slots=True)
class Cookies:
    """`is_secure`: the server is reached by HTTPS; only then a cookie may have the prefix that binds it to the host."""

    is_secure: bool
    key: bytes

    def read(self, header: str) -> tuple[str, str]:
        """The session's cookie and the language that was chosen, "" for what is not there."""
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(header)
        except CookieError:
            return "", ""
        found = (jar.get(self._name(name)) for name in (SESSION, LANGUAGE))
        session, language = (morsel.value[: COOKIE_CHARACTERS_MAX + 1] if morsel else "" for morsel in found)
        return session if len(session) <= COOKIE_CHARACTERS_MAX else "", language

    def session(self, value: str) -> str:
        """A Set-Cookie that ends with the browser, unless the server ends it before."""
        return f"{self._name(SESSION)}={value}; {self._attributes()}"

    def language(self, value: str) -> str:
        return f"{self._name(LANGUAGE)}={value}; Max-Age={LANGUAGE_SECONDS}; {self._attributes()}"

    def token(self, session: str) -> str:
        """What the forms shown to this browser hold."""
        return hmac.new(self.key, f"form:{session}".encode(), hashlib.sha256).hexdigest()

    def is_token(self, session: str, token: str) -> bool:
        return bool(session) and hmac.compare_digest(self.token(session).encode(), token.encode())

    def _name(self, name: str) -> str:
        return f"__Host-{name}" if self.is_secure else name

    def _attributes(self) -> str:
        return "Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if self.is_secure else "")


def is_from_elsewhere(headers: "dict[str, str]", origin: str) -> bool:
    """Whether a browser says that another site made the request.

    Our pages send no referrer, and for that reason `null` as their origin: then Sec-Fetch-Site tells, which no page can
    set. https://fetch.spec.whatwg.org/#append-a-request-origin-header, https://www.w3.org/TR/fetch-metadata/
    """
    said = headers.get("origin", "null")
    if said != "null" and not _is_same(said, origin):
        return True
    return headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


def _is_same(one: str, other: str) -> bool:
    try:
        first, second = urlsplit(one), urlsplit(other)
        return (first.scheme, first.hostname, _port(first.scheme, first.port)) == (
            second.scheme,
            second.hostname,
            _port(second.scheme, second.port),
        )
    except ValueError:
        return False


def _port(scheme: str, port: int | None) -> int | None:
    return port or {"http": 80, "https": 443}.get(scheme)
