"""Logging in with a password."""

from collections.abc import Mapping

from fhir_server.identity.sign_in import Refused
from fhir_server.web.respond import Page
from fhir_server.web.steps import elsewhere, next_step
from fhir_server.web.visit import Answer, Visit, minutes_until


async def show(visit: Visit) -> Answer:
    go = await elsewhere(visit, "login")
    return go or login_page(visit)


async def take(visit: Visit) -> Answer:
    """The next page of whoever is who they say."""
    login, password = visit.form.get("login", ""), visit.form.get("password", "")
    missing = {name: f"missing_{name}" for name, text in (("login", login.strip()), ("password", password)) if not text}
    if missing:
        return login_page(visit, {name: visit.speech.say(key) for name, key in missing.items()})
    desk = visit.desk
    found = await desk.hash(desk.entrance.with_password, visit.visitor, login, password, visit.request_key)
    if isinstance(found, Refused):
        return login_page(visit, {"login": refusal(visit, found, "wrong_password")})
    return await enter(visit, found.cookie)


async def enter(visit: Visit, cookie: str) -> Answer:
    """Whoever was logged in here before is not any more; somebody's own sessions go on, for apps may depend on them."""
    before = (visit.session, visit.person)
    answer = await forward(visit, cookie)
    session, person = before
    if session and person and visit.person and visit.person.id != person.id:
        await visit.desk.run(visit.desk.entrance.log_out, visit.visitor, session, person)
    return answer


async def forward(visit: Visit, cookie: str) -> Answer:
    """To the next page of a session whose cookie is new."""
    session = await visit.desk.run(visit.desk.entrance.session, cookie)
    visit.session, visit.person = session or (None, None)
    return visit.to(await next_step(visit), cookie)


def refusal(visit: Visit, refused: Refused, wrong: str) -> str:
    """What was wrong as far as it is told, or for how long it is locked."""
    if refused.locked_until is None:
        return visit.speech.say(wrong)
    return visit.speech.say("locked", minutes=minutes_until(refused.locked_until))


def login_page(visit: Visit, problems: Mapping[str, str] | None = None) -> Page:
    hint = visit.asked.login_hint if visit.asked else None
    values = {
        "login": visit.form.get("login", hint or ""),
        "problems": problems or {},
        "provider": visit.desk.provider.name if visit.desk.provider else "",
    }
    return Page("login", values, 422 if problems else 200)
