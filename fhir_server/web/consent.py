"""What an app asks for, decided by the person it asks: scopes it can be opened without can be declined.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code
"""

from collections.abc import Mapping
from typing import Any, Final

from fhir_server.auth.access import BREAK_GLASS, TREATMENT
from fhir_server.identity.authorization import Decision
from fhir_server.identity.granting import LAUNCH_ENCOUNTER, for_role
from fhir_server.web.respond import Go, Page, source_of
from fhir_server.web.scope_words import Describer, Group, Offer
from fhir_server.web.steps import elsewhere, obstacle
from fhir_server.web.visit import Answer, Visit

GLASS_ROLES: Final = frozenset({"pharmacist", "prescriber"})
"""Who may open what is closed, in an emergency."""

REASON_CHARACTERS_MIN: Final = 10
"""A shorter reason is none (characters)."""

REASON_CHARACTERS_MAX: Final = 500
"""As much of a reason as is kept (characters)."""

OPTIONAL_GROUPS: Final[tuple[Group, ...]] = ("patient", "user", "identity", "duration")
DECLINED: Final = "The person did not allow it."
IMPOSSIBLE: Final = "The person cannot open this app."


async def show(visit: Visit) -> Answer:
    go = await elsewhere(visit, "consent")
    return go or await _consent_page(visit, {})


async def take(visit: Visit) -> Answer:
    """Back to the app, with a code or with a refusal."""
    if "deny" in visit.form and visit.asked:
        return await _deny(visit, DECLINED)
    if go := await elsewhere(visit, "consent"):
        return go
    if visit.form.get("patient", "") != (visit.patient or ""):
        return visit.to("consent")  # another patient was chosen since the page was shown
    problems = _problems(visit)
    if problems:
        return await _consent_page(visit, problems)
    desk = visit.desk
    return Go(await desk.run(desk.authorizations.approve, visit.request_id, _decision(visit)))


async def show_obstacle(visit: Visit) -> Answer:
    """Why the app cannot be opened, and the way back to it."""
    if go := await elsewhere(visit, "cannot"):
        return go
    return Page("cannot", {"why": obstacle(visit)}, app=visit.app.redirect_uri)


async def take_back(visit: Visit) -> Answer:
    if go := await elsewhere(visit, "cannot"):
        return go
    return await _deny(visit, IMPOSSIBLE)


async def _deny(visit: Visit, description: str) -> Go:
    deny = visit.desk.authorizations.deny
    who = (visit.visitor.address, visit.person)
    return Go(await visit.desk.run(deny, visit.request_id, "access_denied", description, *who))


def _possible(visit: Visit) -> tuple[str, ...]:
    """What of the asked scopes the role allows; without an encounter there is none to tell of."""
    scopes = for_role(visit.app.scopes, visit.who[1].role)
    without = visit.app.needs_encounter and not visit.choice.encounter
    return tuple(scope for scope in scopes if not (without and scope == LAUNCH_ENCOUNTER))


def _offers(visit: Visit) -> list[Offer]:
    describer = Describer(visit.speech, visit.desk.lifetimes, visit.who[1].fhir_user)
    return describer.offers(_possible(visit))


def _allowed(visit: Visit) -> tuple[str, ...]:
    """What was ticked of what was offered, and what is always included."""
    required = {offer.scope for offer in _offers(visit) if offer.is_required}
    return tuple(scope for scope in _possible(visit) if scope in required or scope in visit.ticked)


def _problems(visit: Visit) -> Mapping[str, str]:
    problems = {}
    optional = {offer.scope for offer in _offers(visit) if not offer.is_required}
    if optional and not optional.intersection(visit.ticked):
        problems["scope"] = visit.speech.say("nothing_allowed")
    if _breaks_glass(visit) and len(_reason(visit)) < REASON_CHARACTERS_MIN:
        problems["reason"] = visit.speech.say("missing_reason")
    return problems


def _breaks_glass(visit: Visit) -> bool:
    return "emergency" in visit.form and visit.who[1].role in GLASS_ROLES


def _reason(visit: Visit) -> str:
    return " ".join(visit.form.get("reason", "").split())[:REASON_CHARACTERS_MAX]


def _decision(visit: Visit) -> Decision:
    session, person = visit.who
    breaks = _breaks_glass(visit)
    return Decision(
        person_id=person.id,
        actor=person.fhir_user,
        role=person.role,
        patients=person.patients,
        patient=visit.patient,
        encounter=visit.choice.encounter or None,
        scopes=_allowed(visit),
        session_id=session.id,
        purpose=BREAK_GLASS if breaks else TREATMENT,
        reason=_reason(visit) if breaks else "",
        address=visit.visitor.address,
    )


async def _consent_page(visit: Visit, problems: Mapping[str, str]) -> Page:
    _, person = visit.who
    patient = visit.patient
    named = await visit.desk.patients.named(visit.context, [patient], visit.speech) if patient else []
    ticked = visit.ticked if visit.form else _possible(visit)
    values: dict[str, Any] = {
        "offers": _offers(visit),
        "groups": OPTIONAL_GROUPS,
        "ticked": ticked,
        "impossible": _impossible(visit),
        "patient": patient or "",
        "patient_name": named[0] if named else None,
        "is_own": person.role == "patient",
        "may_change": visit.app.needs_patient and not (person.has_own_patients_only and len(person.patients) == 1),
        "origin": source_of(visit.app.redirect_uri),
        "minutes": visit.desk.lifetimes.access // 60,
        "glass": person.role in GLASS_ROLES,
        "glass_minutes": visit.desk.lifetimes.break_glass // 60,
        "reason_min": REASON_CHARACTERS_MIN,
        "problems": problems,
    }
    return Page("consent", values, 422 if problems else 200, visit.app.redirect_uri)


def _impossible(visit: Visit) -> list[Offer]:
    describer = Describer(visit.speech, visit.desk.lifetimes, visit.who[1].fhir_user)
    role = visit.who[1].role
    return [describer.offer(scope) for scope in visit.app.scopes if not for_role([scope], role)]
