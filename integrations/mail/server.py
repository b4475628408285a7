"""Where mail is handed in. Pure."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

PORTS: Final = {"smtp": 587, "smtps": 465}
"""Of submission: https://www.rfc-editor.org/rfc/rfc8314#section-3.3."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """A server that takes mail for anybody, from those it knows."""

    host: str
    port: int
    is_tls: bool
    """From the first byte on; else by STARTTLS, and never without either."""
    user: str | None = None
    password: str = field(default="", repr=False)


def mail_server(url: str) -> MailServer:
    """By a URL, `smtp://user:password@host:port` or `smtps://…`; `ValueError` that repeats nothing of it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("it is not a URL") from None
    if parts.scheme not in PORTS or not parts.hostname or _has_more(parts):
        raise ValueError("it is smtp:// or smtps://, with user:password@ where that is needed, a host and a port")
    user = unquote(parts.username) if parts.username else None
    return MailServer(
        parts.hostname, port or PORTS[parts.scheme], parts.scheme == "smtps", user, unquote(parts.password or "")
    )


def _has_more(parts: SplitResult) -> bool:
    return parts.path not in ("", "/") or bool(parts.query or parts.fragment)


def domain_of(address: str) -> str:
    return address.rpartition("@")[2]
