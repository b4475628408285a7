"""The pages on which people log in and decide: their addresses, and what each request has in common."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from fhir_server.errors import NotFound
from fhir_server.identity.opaque import fresh
from fhir_server.identity.trail import Visitor
from fhir_server.outcome import status_and_issues
from fhir_server.web import account, consent, elsewhere, login, picker, second_factor
from fhir_server.web.forms import Stale, read_form
from fhir_server.web.respond import FOLDER, Go, Page, guard, html, redirect
from fhir_server.web.speech import Speech, language_of
from fhir_server.web.texts import LANGUAGES, NAMES
from fhir_server.web.visit import Answer, Desk, Handler, Visit

REQUEST_CHARACTERS_MAX: Final = 200
"""A longer id of an authorization request is none of ours (characters)."""

VARY: Final = "Accept-Language, Cookie"
SERVER_ERROR: Final = 500
LOG: Final = logging.getLogger(__name__)

STYLE_SECONDS: Final = 3_600
"""How long a browser keeps the stylesheet (seconds)."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """`show` answers GET, `take` POST."""

    show: Handler | None = None
    take: Handler | None = None


PAGES: Final[Mapping[str, Handlers]] = {
    "login": Handlers(login.show, login.take),
    "second-factor": Handlers(second_factor.show, second_factor.take),
    "enrolment": Handlers(second_factor.show_enrolment, second_factor.take_enrolment),
    "patient": Handlers(picker.show, picker.take),
    "encounter": Handlers(picker.show_encounters, picker.take_encounter),
    "consent": Handlers(consent.show, consent.take),
    "cannot": Handlers(consent.show_obstacle, consent.take_back),
    "account": Handlers(account.show),
    "password": Handlers(account.show_password, account.take_password),
    "logout": Handlers(None, account.log_out),
    "logged-out": Handlers(account.show_logged_out),
    "elsewhere": Handlers(elsewhere.show),
    "elsewhere/back": Handlers(elsewhere.come_back),
}

WITHOUT_REQUEST: Final = frozenset({"logout", "logged-out", "elsewhere/back"})
"""Pages that are there for a request that is over, too."""


def page_routes(desk: Desk) -> list[Route]:
    """To be mounted at the root: what the pages link to begins with /auth/."""
    return [*(_route(desk, name, handlers) for name, handlers in PAGES.items()), Route("/auth/style.css", _style)]


def _route(desk: Desk, name: str, handlers: Handlers) -> Route:
    async def endpoint(request: Request) -> Response:
        return await _respond(desk, name, handlers, request)

    methods = [method for method, handler in (("GET", handlers.show), ("POST", handlers.take)) if handler]
    return Route(f"/auth/{name}", endpoint, methods=methods, name=f"page {name}")


async def _style(_: Request) -> Response:
    headers = {"Cache-Control": f"public, max-age={STYLE_SECONDS}", "X-Content-Type-Options": "nosniff"}
    return Response((FOLDER / "style.css").read_bytes(), media_type="text/css", headers=headers)


async def _respond(desk: Desk, name: str, handlers: Handlers, request: Request) -> Response:
    visit = _arrive(desk, name, request)
    try:
        answer = await _answer(visit, handlers, request)
        response = _shown(visit, answer)
    except Exception as error:
        answer = _failure(error)
        if answer.status >= SERVER_ERROR:
            LOG.exception("the page %s failed, request %s", name, visit.visitor.request_id)
        response = _shown(visit, answer)
    app = answer.app if isinstance(answer, Page) else ""
    return _with_cookies(visit, answer, guard(response, app, is_secure=desk.cookies.is_secure), request)


def _arrive(desk: Desk, name: str, request: Request) -> Visit:
    """What the headers and the address say, before anything is believed."""
    cookie, remembered = desk.cookies.read(request.headers.get("cookie", ""))
    asked = request.query_params.get("lang", "")
    language = language_of(asked, remembered, request.headers.get("accept-language", ""))
    return Visit(
        desk=desk,
        speech=Speech(language),
        visitor=Visitor(request.client.host if request.client else "", str(uuid4())),
        page=name,
        cookie=cookie or fresh(),
        has_cookie=bool(cookie),
        request_id=request.query_params.get("request", "")[:REQUEST_CHARACTERS_MAX],
        query=request.query_params,
    )


async def _answer(visit: Visit, handlers: Handlers, request: Request) -> Answer:
    handler = handlers.take if request.method == "POST" else handlers.show
    assert handler is not None  # noqa: S101 - the route has no other method
    if request.method == "POST":
        await read_form(visit, request)
    await _recognise(visit)
    return await handler(visit)


async def _recognise(visit: Visit) -> None:
    """Whose session it is, and what the app asks for; raises `NotFound` for a request that is over."""
    desk = visit.desk
    if visit.has_cookie and (found := await desk.run(desk.entrance.session, visit.cookie)):
        visit.session, visit.person = found
    if visit.page not in WITHOUT_REQUEST:
        await visit.recognise_request()


def _failure(error: Exception) -> Page:
    """What went wrong, without a word of what was sent."""
    if isinstance(error, Stale):
        return Page("stale", status=403)
    if isinstance(error, NotFound):
        return Page("over", status=404)
    if isinstance(error, ClientDisconnect):
        return Page("failed", status=400)
    return Page("failed", status=status_and_issues(error)[0])


def _shown(visit: Visit, page: Answer) -> Response:
    if isinstance(page, Go):
        return redirect(page)
    desk, speech = visit.desk, visit.speech
    values: dict[str, Any] = {
        "say": speech.say,
        "language": speech.language,
        "languages": [(code, NAMES[code], visit.url(visit.page, lang=code)) for code in LANGUAGES],
        "visit": visit,
        "token": desk.cookies.token(page.cookie or visit.cookie),
    }
    return HTMLResponse(
        html(page, values | dict(page.values)), page.status, {"Content-Language": speech.language, "Vary": VARY}
    )


def _with_cookies(visit: Visit, answer: Answer, response: Response, request: Request) -> Response:
    cookies = visit.desk.cookies
    is_new = not visit.has_cookie and request.method == "GET"  # a form of another site comes without the cookie we set
    if answer.cookie or is_new:
        response.headers.append("Set-Cookie", cookies.session(answer.cookie or visit.cookie))
    if request.query_params.get("lang", "") in LANGUAGES:
        response.headers.append("Set-Cookie", cookies.language(visit.speech.language))
    return response
