"""To an outside OpenID provider, and back."""

import logging
from typing import Final

from fhir_server.errors import NotFound
from fhir_server.identity.outside import OutsideFailed
from fhir_server.web.login import enter, login_page
from fhir_server.web.respond import Go, Page
from fhir_server.web.steps import elsewhere
from fhir_server.web.visit import Answer, Visit

LOG: Final = logging.getLogger(__name__)


async def show(visit: Visit) -> Answer:
    """There."""
    if go := await elsewhere(visit, "login"):
        return go
    provider = visit.desk.provider
    if provider is None:
        raise NotFound("There is no outside provider")
    try:
        return Go(await visit.desk.run(provider.begin, visit.cookie, visit.request_id))
    except OutsideFailed as error:
        return _failed(visit, "elsewhere_failed", error)


async def come_back(visit: Visit) -> Answer:
    """Here again: the state says for which request, when it has been seen to be ours."""
    provider = visit.desk.provider
    if provider is None:
        raise NotFound("There is no outside provider")
    visit.request_id = visit.query.get("state", "").partition(".")[2]
    try:
        found = await visit.desk.run(provider.finish, visit.visitor, visit.cookie, visit.query, visit.request_key)
    except OutsideFailed as error:
        return _failed(visit, "elsewhere_failed", error)
    if found is None:
        return _failed(visit, "elsewhere_unknown")
    await visit.recognise_request()
    return await enter(visit, found.cookie)


def _failed(visit: Visit, why: str, error: OutsideFailed | None = None) -> Page:
    if error is not None:
        LOG.warning("login elsewhere, request %s: %s", visit.visitor.request_id, error)
    visit.page = "login"
    provider = visit.desk.provider
    return login_page(visit, {"login": visit.speech.say(why, provider=provider.name if provider else "")})
