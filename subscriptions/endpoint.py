"""Where a notification goes: URLs and headers of a sink, judged before anything is sent there. Pure.

They are what a client could turn against our own network or against the request we make, so that what is not plainly
harmless is refused. Which hosts and ports are sent to is judged by who sends there.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

URL_CHARACTERS_MAX: Final = 2_000
HEADERS_MAX: Final = 20
HEADER_CHARACTERS_MAX: Final = 4_000
"""Of all headers together."""

_URL: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
"""https://www.rfc-editor.org/rfc/rfc3986#section-2: neither spaces nor controls, nor a backslash, nor other letters."""

ADDRESS_CHARACTERS_MAX: Final = 254
"""https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1: a path has 256 characters, with its brackets."""

_ATOM: Final = r"[A-Za-z0-9_+'\-]+"
_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9\-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(\.{_ATOM})*@({_LABEL}\.)+(?=[A-Za-z]){_LABEL}")
"""Plain ASCII, to a domain by name: nothing that is quoted somewhere, and read in two ways."""

_MAILTO: Final = "mailto:"
"""With one address and nothing else: https://www.rfc-editor.org/rfc/rfc6068 would allow subjects, copies and bodies."""

_HEADER: Final = re.compile(r"(?P<name>[!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(?P<value>[!-~]([ \t!-~]*[!-~])?)[ \t]*")
"""https://www.rfc-editor.org/rfc/rfc9110#section-5, of ASCII."""

OURS: Final = frozenset(
    "accept-encoding connection cookie expect forwarded host keep-alive te trailer transfer-encoding upgrade".split()
)
"""Headers that the request is made of, or that would speak for somebody else; Authorization is the sink's own."""

OURS_BY_PREFIX: Final = ("content-", "proxy-", "webhook-", "x-forwarded-")


class Fault(NamedTuple):
    """What is wrong: a code of R4's issue types, and a sentence without any value."""

    code: str
    text: str


def faults_of_url(url: str, *, allow_plain: bool) -> Iterator[Fault]:
    """What is wrong with the endpoint of a rest-hook; `allow_plain` lets it be http."""
    if len(url) > URL_CHARACTERS_MAX:
        yield Fault("too-long", f"The endpoint is longer than {URL_CHARACTERS_MAX} characters")
        return
    parts = _split(url)
    if parts is None or parts.scheme not in ("https", "http") or not parts.hostname:
        yield Fault("value", "The endpoint has to be an absolute https URL")
        return
    if parts.scheme == "http" and not allow_plain:
        yield Fault("security", "The endpoint has to be https")
    if "@" in parts.netloc:
        yield Fault("security", "The endpoint may hold no user or password; a header may")
    if "#" in url:
        yield Fault("value", "The endpoint may have no fragment")


def _split(url: str) -> SplitResult | None:
    """Its parts; None where it is no URL."""
    if not _URL.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # brackets that hold no address, a port that is no number
        return None
    return None if port == 0 else parts


def faults_of_mail(url: str) -> Iterator[Fault]:
    """What is wrong with the endpoint of an e-mail."""
    if not url.startswith(_MAILTO) or not is_address(url.removeprefix(_MAILTO)):
        yield Fault("value", "The endpoint has to be mailto: and one address, in ASCII")


def is_address(text: str) -> bool:
    """Whether mail goes to it."""
    return len(text) <= ADDRESS_CHARACTERS_MAX and _ADDRESS.fullmatch(text) is not None


def header(text: str) -> tuple[str, str] | Fault:
    """`Name: value`, apart."""
    found = _HEADER.fullmatch(text)
    if found is None:
        return Fault("value", "A header has to be `Name: value` in ASCII, on one line")
    name = found["name"].lower()
    if name in OURS or name.startswith(OURS_BY_PREFIX):
        return Fault("security", "This header is not for a subscription to set")
    return found["name"], found["value"]


def faults_of_headers(texts: list[str]) -> Iterator[Fault]:
    """What is wrong with all of them together."""
    if len(texts) > HEADERS_MAX:
        yield Fault("too-costly", f"More than {HEADERS_MAX} headers")
    if sum(map(len, texts)) > HEADER_CHARACTERS_MAX:
        yield Fault("too-long", f"The headers are longer than {HEADER_CHARACTERS_MAX} characters together")
