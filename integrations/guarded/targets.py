"""Which URLs are asked, as far as their text says it. Pure: no name is resolved here.

Where the name leads is checked when it is resolved (`addresses`): both are needed, and this one can be told to whoever
hands in a URL.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

import httpx

from integrations.guarded.refusal import Refused

DEFAULT_PORTS: Final = {"https": 443, "http": 80}
USER_PORTS_MIN: Final = 1024
"""Ports below are the system's services, of which only 443 takes webhooks. https://www.rfc-editor.org/rfc/rfc6335"""

URL_CHARACTERS_MAX: Final = 4096
PRINTABLE: Final = re.compile(r"[!-~]+")
HOST_CHARACTERS_MAX: Final = 253
_LABEL: Final = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
HOST_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*")
NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label that makes an IPv4 address of a host, in any spelling: https://url.spec.whatwg.org/#ends-in-a-number-checker"""

OWN_NAMES: Final = ("localhost", "localhost.localdomain")
"""Of this machine, whatever a resolver says. https://www.rfc-editor.org/rfc/rfc6761#section-6.3"""


Site = tuple[str, str, int]
"""Scheme, host and port."""


class Target(NamedTuple):
    """`authority` is the `Host` header, `host` the name that the certificate has to have."""

    url: str
    scheme: str
    host: str
    port: int
    authority: str

    @property
    def site(self) -> Site:
        return self.scheme, self.host, self.port

    def at(self, address: str) -> httpx.URL:
        """The URL at an address that was checked."""
        return httpx.URL(self.url).copy_with(host=address, port=self.port)


def fetched_from(url: str, *, allow_private: bool) -> Target:
    """A URL that an operator or a registration names; `Refused` unless it is https (or http with `allow_private`)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refused("the URL is malformed") from error
    if parts.hostname is None or parts.username is not None:
        raise Refused("the URL names no host, or a user")
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise Refused("the URL is not https")
    port = DEFAULT_PORTS[parts.scheme] if port is None else port
    return Target(url, parts.scheme, parts.hostname, port, parts.netloc)


def sent_to(url: str, *, allow_private: bool) -> Target:
    """A URL that a stranger names; `Refused` unless it is https to a host by name, at 443 or from 1024 on.

    With `allow_private` any host, also as an address, any port, and http.
    """
    if len(url) > URL_CHARACTERS_MAX or not PRINTABLE.fullmatch(url) or "\\" in url:
        raise Refused("the URL is too long, or has characters that are no URL's")
    target = fetched_from(url, allow_private=allow_private)
    if "#" in url:
        raise Refused("the URL has a fragment")
    if not allow_private:
        _check_stranger(target)
    return target


def _check_stranger(target: Target) -> None:
    is_name = len(target.host) <= HOST_CHARACTERS_MAX and HOST_NAME.fullmatch(target.host)
    if not is_name or "[" in target.authority or NUMBER.fullmatch(target.host.rpartition(".")[2]):
        raise Refused("the URL's host is not a name")
    if target.host in OWN_NAMES or target.host.endswith(".localhost"):
        raise Refused("the URL's host is this machine")
    if target.port != DEFAULT_PORTS["https"] and target.port < USER_PORTS_MIN:
        raise Refused("the URL's port is neither 443 nor 1024 or above")


def below(url: str, path: str) -> str:
    """A URL whose path has another one appended, before its query: `https://a.example/x?k=1` and `/Patient/1`."""
    parts: SplitResult = urlsplit(url)
    return parts._replace(path=parts.path.rstrip("/") + path).geturl()
