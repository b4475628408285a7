"""Which page a person has to see next, before an app gets its answer."""

from typing import Final, Literal, get_args

from fhir_server.auth.roles import OWN_PATIENTS_ONLY
from fhir_server.identity.granting import for_role
from fhir_server.web.patients import may_search
from fhir_server.web.respond import Go
from fhir_server.web.visit import Visit

Step = Literal["login", "second-factor", "enrolment", "account", "cannot", "patient", "encounter", "consent"]

STEPS: Final[tuple[Step, ...]] = get_args(Step)

NONE: Final = "none"
LOGIN_AGAIN: Final = frozenset({"login", "select_account"})
"""Of OpenID Connect's `prompt`: whoever is logged in proves it again for this request."""


async def next_step(visit: Visit) -> Step:
    """The first that is not done."""
    if visit.session is None or visit.person is None or must_log_in_again(visit):
        return "login"
    return await _second_factor(visit) or _of_app(visit)


def _of_app(visit: Visit) -> Step:
    if visit.asked is None:
        return "account"
    if obstacle(visit):
        return "cannot"
    if visit.asked.needs_patient and visit.choice.patient is None:
        return "patient"
    if visit.asked.needs_encounter and visit.patient and visit.choice.encounter is None:
        return "encounter"
    return "consent"


async def elsewhere(visit: Visit, *pages: Step) -> Go | None:
    """Where to go from a page that is not among `pages`, those that may be next; None where it may stay.

    OpenID Connect's `prompt=none` shows nobody a page: the app is told what it would have asked.
    """
    step = await next_step(visit)
    if visit.asked and NONE in visit.asked.prompt.split():
        return await _untroubled(visit, step)
    return None if step in pages else visit.to(step)


async def _untroubled(visit: Visit, step: Step) -> Go:
    error = "login_required" if step in ("login", "second-factor", "enrolment") else "consent_required"
    told = "The app asked not to show a page, and one is needed."
    deny = visit.desk.authorizations.deny
    return Go(await visit.desk.run(deny, visit.request_id, error, told, visit.visitor.address, visit.person))


def must_log_in_again(visit: Visit) -> bool:
    """Whether the session is from before a request that asks for a login of its own."""
    if visit.asked is None or visit.session is None or visit.session.request == visit.request_key:
        return False
    prompts = visit.asked.prompt.split()
    age = visit.asked.max_age
    return bool(LOGIN_AGAIN.intersection(prompts)) or (age is not None and visit.age_seconds > age)


async def _second_factor(visit: Visit) -> Step | None:
    session, person = visit.who
    if session.second_factor is not None:
        return None
    has_factor = await visit.desk.run(visit.desk.entrance.has_second_factor, person)
    if has_factor:
        return "second-factor"
    return "enrolment" if person.needs_second_factor else None


def obstacle(visit: Visit) -> str:
    """Why this person can never open this app, as the key of a text; "" where they can."""
    _, person = visit.who
    asked = visit.app
    if not for_role(asked.scopes, person.role):
        return "cannot_scopes"
    if person.role in OWN_PATIENTS_ONLY:
        if not person.patients:
            return "cannot_own"
        return "cannot_other_patient" if asked.launch_patient not in (None, *person.patients) else ""
    return "cannot_patient" if (asked.needs_patient or asked.launch_patient) and not may_search(person) else ""
