"""The pages of one running server: for Chromium, as Debian packages it, and for what only looks like a browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.builders.people import an_administration
from tests.conftest import Cluster
from tests.running.chromium import chromium
from tests.running.openid_provider import CLIENT_ID, OpenIdProvider, openid_provider
from tests.running.pages import Site, site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="session")
def idp() -> Iterator[OpenIdProvider]:
    with openid_provider() as made:
        yield made


@pytest.fixture(scope="session")
def shared(cluster: Cluster, idp: OpenIdProvider) -> Iterator[Site]:
    """Where people may log in at `idp`, too: Amara is its first subject, Mara the second, who is disabled the third."""
    settings = {"oidc_issuer": idp.issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": "a secret of ours there"}
    with site(cluster, address_failures_max="1000", login_failures_max="3", **settings) as made:
        with made.entrance() as entrance:
            office = an_administration(entrance)
            for number, login in enumerate(("amara", "mara", "gone"), start=1):
                office.link(login, idp.issuer, f"subject-{number}")
            office.disable("gone")
        yield made


@pytest.fixture
def pages(shared: Site, idp: OpenIdProvider) -> Site:
    """With nobody logged in, nothing locked, and an honest provider."""
    shared.forget()
    idp.be_honest()
    return shared


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of a browser that has never been here, and speaks English."""
    context = browser.new_context(locale="en-US", viewport={"width": 900, "height": 900})
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()
