"""The second factor: asked for, or set up with a QR code that is drawn here and needs no script."""

import io
from collections.abc import Mapping

import segno

from fhir_server.identity.second_factor import provisioning_uri
from fhir_server.identity.sign_in import Refused
from fhir_server.web.login import forward, refusal
from fhir_server.web.respond import Page
from fhir_server.web.steps import elsewhere, next_step
from fhir_server.web.visit import Answer, Visit

MODULE_PIXELS = 5
"""Size of a point of the QR code (pixels)."""


async def show(visit: Visit) -> Answer:
    go = await elsewhere(visit, "second-factor")
    return go or _factor_page({})


async def take(visit: Visit) -> Answer:
    """A code of the app, or a recovery code."""
    if go := await elsewhere(visit, "second-factor"):
        return go
    code = visit.form.get("code", "")
    if not code.strip():
        return _factor_page({"code": visit.speech.say("missing_code")})
    found = await visit.desk.run(visit.desk.entrance.with_code, visit.visitor, *visit.who, code)
    if isinstance(found, Refused):
        return _factor_page({"code": refusal(visit, found, "wrong_code")})
    return await forward(visit, found.cookie)


async def show_enrolment(visit: Visit) -> Answer:
    """For whoever needs one, and for whoever wants one."""
    go = await _not_here(visit)
    return go or await _enrolment_page(visit, {})


async def take_enrolment(visit: Visit) -> Answer:
    """The first code proves it; the recovery codes are shown in the answer and nowhere else."""
    if go := await _not_here(visit):
        return go
    code = visit.form.get("code", "")
    if not code.strip():
        return await _enrolment_page(visit, {"code": visit.speech.say("missing_code")})
    found = await visit.desk.run(visit.desk.entrance.confirm_factor, visit.visitor, *visit.who, code)
    if isinstance(found, Refused):
        return await _enrolment_page(visit, {"code": refusal(visit, found, "wrong_code")})
    session = await visit.desk.run(visit.desk.entrance.session, found.cookie)
    visit.session, visit.person = session or (None, None)
    values = {
        "codes": found.recovery_codes,
        "next": visit.url(await next_step(visit)),
        "languages": [],  # a page in another language would be without the codes
    }
    return Page("recovery-codes", values, cookie=found.cookie)


async def _not_here(visit: Visit) -> Answer | None:
    go = await elsewhere(visit, "enrolment", "account", "cannot", "patient", "encounter", "consent")
    if go is None and visit.who[0].second_factor is not None:
        return visit.to("account")
    return go


async def _enrolment_page(visit: Visit, problems: Mapping[str, str]) -> Answer:
    _, person = visit.who
    secret = await visit.desk.run(visit.desk.entrance.secret_to_enrol, person)
    if secret is None:
        return visit.to("account")
    values = {
        "qr": qr_code(provisioning_uri(secret, person.login)),
        "key": " ".join(secret[place : place + 4] for place in range(0, len(secret), 4)),
        "why": "enrol_why" if person.needs_second_factor else "enrol_why_not_needed",
        "problems": problems,
    }
    return Page("enrolment", values, 422 if problems else 200)


def qr_code(text: str) -> str:
    """An SVG element, to stand in the page."""
    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        drawn,
        kind="svg",
        scale=MODULE_PIXELS,
        xmldecl=False,
        svgns=False,
        nl=False,
        light="#fff",
        svgclass="qr",
        lineclass=None,
    )
    return drawn.getvalue().decode()


def _factor_page(problems: Mapping[str, str]) -> Page:
    return Page("second-factor", {"problems": problems}, 422 if problems else 200)
