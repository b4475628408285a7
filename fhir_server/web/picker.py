"""Which patient, and which encounter, an app is opened with."""

from collections.abc import Mapping
from typing import Any

from fhir_server.identity.sessions import Choice
from fhir_server.web.patients import BIRTH_DATE, FOUND_MAX, Shown, Wanted
from fhir_server.web.respond import Page
from fhir_server.web.steps import elsewhere
from fhir_server.web.visit import Answer, Visit


async def show(visit: Visit) -> Answer:
    """The own patients, or a search; one patient of one's own is no choice."""
    if go := await _not_here(visit):
        return go
    _, person = visit.who
    if person.has_own_patients_only and len(person.patients) == 1:
        return await _choose(visit, person.patients[0])
    return await _patient_page(visit, {})


async def take(visit: Visit) -> Answer:
    """A search, or a choice: the button says which."""
    if go := await _not_here(visit):
        return go
    if "search" in visit.form:
        return await _searched(visit)
    patient = visit.form.get("patient", "")
    if not patient:
        return await _patient_page(visit, {"patient": visit.speech.say("missing_patient")})
    _, person = visit.who
    allowed = patient in person.patients if person.has_own_patients_only else True
    if not allowed or not await visit.desk.patients.named(visit.context, [patient], visit.speech):
        return await _patient_page(visit, {"patient": visit.speech.say("unknown_patient")})
    return await _choose(visit, patient)


async def show_encounters(visit: Visit) -> Answer:
    go = await _no_encounters_here(visit)
    return go or await _encounter_page(visit, {})


async def take_encounter(visit: Visit) -> Answer:
    """One of the patient's, or none where there is none."""
    if go := await _no_encounters_here(visit):
        return go
    found = await visit.desk.patients.encounters(visit.context, visit.patient or "", visit.speech)
    chosen = visit.form.get("encounter", "")
    if chosen not in [one.id for one in found] and not (chosen == "" and "without" in visit.form):
        return await _encounter_page(visit, {"encounter": visit.speech.say("missing_encounter")}, found)
    choice = Choice(visit.choice.patient, chosen)
    await visit.desk.run(visit.desk.entrance.choose, visit.who[0], visit.request_key, choice)
    return visit.to("consent")


async def _not_here(visit: Visit) -> Answer | None:
    if go := await elsewhere(visit, "patient", "encounter", "consent"):
        return go
    return None if visit.asked and visit.asked.needs_patient else visit.to("consent")


async def _no_encounters_here(visit: Visit) -> Answer | None:
    if go := await elsewhere(visit, "encounter", "consent"):
        return go
    return None if visit.asked and visit.asked.needs_encounter and visit.patient else visit.to("consent")


async def _choose(visit: Visit, patient: str) -> Answer:
    """An encounter chosen before was another patient's, maybe."""
    await visit.desk.run(visit.desk.entrance.choose, visit.who[0], visit.request_key, Choice(patient))
    return visit.to("encounter" if visit.app.needs_encounter else "consent")


async def _searched(visit: Visit) -> Answer:
    wanted = Wanted(visit.form.get("name", "").strip(), visit.form.get("birth", "").strip())
    if not wanted.name and not wanted.birth:
        return await _patient_page(visit, {"name": visit.speech.say("missing_search")})
    if wanted.birth and not BIRTH_DATE.match(wanted.birth):
        return await _patient_page(visit, {"birth": visit.speech.say("wrong_birth")})
    found, more = await visit.desk.patients.search(visit.context, wanted, visit.speech)
    return await _patient_page(visit, {}, {"found": found, "more": more})


async def _patient_page(visit: Visit, problems: Mapping[str, str], searched: Mapping[str, Any] | None = None) -> Answer:
    _, person = visit.who
    own = person.has_own_patients_only
    values = {
        "own": own,
        "patients": await visit.desk.patients.named(visit.context, person.patients, visit.speech) if own else [],
        "name": visit.form.get("name", ""),
        "birth": visit.form.get("birth", ""),
        "found": None,
        "more": False,
        "most": FOUND_MAX,
        "problems": problems,
    }
    return Page("patient", values | dict(searched or {}), 422 if problems else 200, visit.app.redirect_uri)


async def _encounter_page(visit: Visit, problems: Mapping[str, str], found: list[Shown] | None = None) -> Answer:
    patient = visit.patient or ""
    named = await visit.desk.patients.named(visit.context, [patient], visit.speech)
    if found is None:
        found = await visit.desk.patients.encounters(visit.context, patient, visit.speech)
    values = {"patient": named[0].name if named else patient, "found": found, "problems": problems}
    return Page("encounter", values, 422 if problems else 200, visit.app.redirect_uri)
