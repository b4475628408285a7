"""Forms that come back: read within limits, and believed only where we made them for this browser."""

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from fhir_server.errors import TooLarge, UnsupportedMedia
from fhir_server.web.cookies import is_from_elsewhere
from fhir_server.web.visit import Visit

FORM: Final = "application/x-www-form-urlencoded"

FORM_BYTES_MAX: Final = 64 * 1024
"""Largest form that is read (bytes)."""

FIELDS_MAX: Final = 500
"""Fields of a form (fields)."""


class Stale(Exception):
    """A form that was not made for this browser, or is from before its cookie changed."""


async def read_form(visit: Visit, request: Request) -> None:
    """Raises `Stale` unless the form was made by us, for this browser."""
    fields = await _fields(request)
    visit.form = dict(reversed(fields))
    visit.ticked = tuple(value for name, value in fields if name == "scope")
    cookies, origin = visit.desk.cookies, visit.desk.issuer.origin
    if is_from_elsewhere(dict(request.headers), origin) or not visit.has_cookie:
        raise Stale
    if not cookies.is_token(visit.cookie, visit.form.get("token", "")):
        raise Stale


async def _fields(request: Request) -> list[tuple[str, str]]:
    """Raises `TooLarge` and `UnsupportedMedia`; a form with more fields than any of ours is `Stale`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise UnsupportedMedia(f"A form is sent as {FORM}")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES_MAX:
            raise TooLarge(f"A form may have {FORM_BYTES_MAX} bytes")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="replace")
    except ValueError as error:
        raise Stale from error
    return [(name, value.replace("\0", "\N{REPLACEMENT CHARACTER}")) for name, value in pairs]
