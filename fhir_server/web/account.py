"""The person's own account: what guards it, another password, the way out."""

from collections.abc import Mapping

from fhir_server.identity.passwords import CHARACTERS_MIN
from fhir_server.identity.sign_in import Refused
from fhir_server.web.login import refusal
from fhir_server.web.respond import Go, Page
from fhir_server.web.steps import elsewhere
from fhir_server.web.visit import Answer, Visit


async def show(visit: Visit) -> Answer:
    return await _not_here(visit) or await _account_page(visit)


async def show_password(visit: Visit) -> Answer:
    return await _not_here(visit) or _password_page({})


async def take_password(visit: Visit) -> Answer:
    """The password of now is asked for: an unlocked screen is not enough."""
    if go := await _not_here(visit):
        return go
    old, new, desk = visit.form.get("old", ""), visit.form.get("new", ""), visit.desk
    done = await desk.hash(desk.entrance.change_password, visit.visitor, *visit.who, old, new)
    if isinstance(done, Refused):
        return _password_page({"old": refusal(visit, done, "password_wrong")})
    if not done:
        return _password_page({"new": visit.speech.say("password_weak")})
    return await _account_page(visit, "password_done")


async def log_out(visit: Visit) -> Answer:
    """Of this browser; with a request that waits, somebody else may log in for it."""
    if visit.session and visit.person:
        await visit.desk.run(visit.desk.entrance.log_out, visit.visitor, visit.session, visit.person)
    return visit.to("login") if visit.request_id else Go("/auth/logged-out")


async def show_logged_out(_: Visit) -> Answer:
    return Page("logged-out")


async def _not_here(visit: Visit) -> Answer | None:
    return await elsewhere(visit, "account", "cannot", "patient", "encounter", "consent")


async def _account_page(visit: Visit, done: str = "") -> Page:
    session, person = visit.who
    left = await visit.desk.run(visit.desk.entrance.recovery_codes_left, person)
    return Page("account", {"has_factor": session.second_factor is not None, "left": left, "done": done})


def _password_page(problems: Mapping[str, str]) -> Page:
    return Page("password", {"problems": problems, "most": CHARACTERS_MIN}, 422 if problems else 200)
