"""What a page is in HTTP: HTML that nothing may run in, frame, store or learn the address of.

https://www.w3.org/TR/CSP3/, https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

FOLDER: Final = Path(__file__).parent
HSTS_SECONDS: Final = 365 * 86_400
"""How long a browser asks for nothing but HTTPS, once it was answered by it (seconds)."""

_SOURCE = re.compile(r"[a-z][a-z0-9+.\-]*:(//[A-Za-z0-9.\-]+(:\d{1,5})?)?\Z")


@dataclass(frozen=True, slots=True)
class Page:
    """A template of `templates/` and what it shows; `app` is the URL that a form of it may lead to.

    `cookie` is the session's new one.
    """

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    app: str = ""
    cookie: str = ""


@dataclass(frozen=True, slots=True)
class Go:
    """To another page, or back to the app; `cookie` is the session's new one."""

    url: str
    cookie: str = ""


@cache
def environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def html(page: Page, values: Mapping[str, Any]) -> str:
    """Everything is escaped; a value that is missing is an error, not a gap."""
    return environment().get_template(f"{page.template}.html").render(values)


def redirect(go: Go) -> Response:
    """303: whatever was posted, the next page is asked for by GET."""
    return Response(status_code=303, headers={"Location": go.url})


def guard(response: Response, app: str, *, is_secure: bool) -> Response:
    """Puts the headers on that every page has."""
    response.headers.update(
        {
            "Content-Security-Policy": policy(app),
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "X-Frame-Options": "DENY",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        }
    )
    if is_secure:
        response.headers["Strict-Transport-Security"] = f"max-age={HSTS_SECONDS}"
    return response


def policy(app: str) -> str:
    """A form may be sent to us, and be answered by the way back to the app: browsers look at both."""
    forms = " ".join(filter(None, ("'self'", source_of(app))))
    return (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        f"form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
    )


def source_of(url: str) -> str:
    """The origin of a URL as the policy names it; of what has none that it can name, the scheme."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else f"{parts.scheme}:"
    if _SOURCE.match(origin):
        return origin
    return f"{parts.scheme}:" if _SOURCE.match(f"{parts.scheme}:") else ""
