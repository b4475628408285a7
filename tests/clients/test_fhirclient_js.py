"""fhirclient.js, https://www.npmjs.com/package/fhirclient: apps that are pages, in Chromium, on an origin of theirs."""

import json
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from playwright.sync_api import expect

from tests.builders.people import PASSWORD, an_administration
from tests.clients.pharmacy import PROGRAMS
from tests.running.chromium import chromium
from tests.running.oauth import App, register
from tests.running.pages import AMARA, entrance


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def origin(clients, tmp_path_factory):
    """Of the app: its two pages and the library as npm has it."""
    folder = tmp_path_factory.mktemp("app") / "pages"
    shutil.copytree(PROGRAMS / "app", folder)
    shutil.copy(clients.node_folder / "node_modules/fhirclient/build/fhir-client.js", folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=folder))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def app(pharmacy, origin):
    """Public, and known to a patient with a login."""
    with entrance(pharmacy.galenic) as made:
        an_administration(made).add(AMARA, PASSWORD)
    values = {"redirect_uris": (f"{origin}/app.html",), "launch_uri": f"{origin}/launch.html"}
    return App(pharmacy.galenic, register(pharmacy.galenic, **values).id)


@pytest.fixture(scope="module")
def browser():
    with chromium() as launched:
        yield launched


@pytest.fixture
def page(browser):
    """Of a browser that takes the certificate, which no public authority has signed."""
    context = browser.new_context(locale="en-US", ignore_https_errors=True)
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def seen_by_the_app(page, start):
    """What the app has seen when the patient has opened it, logged in and allowed everything."""
    page.goto(start)
    page.get_by_label("Login").fill(AMARA.login)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Allow", exact=True).click()
    expect(page).to_have_title("The app has looked", timeout=15_000)
    return json.loads(page.locator("output").inner_text())


def assert_all_was_seen(pharmacy, saw):
    held = pharmacy.resource("/MedicationRequest?subject=Patient/demo-patient-1")["entry"]
    assert len(held) > 1
    assert sorted(saw.pop("requests")) == sorted(entry["resource"]["id"] for entry in held)
    assert saw == {
        "patient": "Fenwick",
        "fhirUser": "Patient/demo-patient-1",
        "task": "demo-patient-1",
        "refreshed": True,
        "refused": 403,
        "banner": True,
    }


def test_a_page_is_launched_alone_reads_pages_writes_and_refreshes(pharmacy, app, origin, page):
    start = httpx.URL(f"{origin}/launch.html", params={"iss": pharmacy.base_url, "clientId": app.client_id})
    assert_all_was_seen(pharmacy, seen_by_the_app(page, str(start)))


def test_a_page_is_launched_from_an_ehr(pharmacy, app, page):
    ehr = register(
        pharmacy.galenic, kind="confidential-symmetric", may_launch=True, scopes="user/*.rs", redirect_uris=()
    )
    context = {"patient": "demo-patient-1", "need_patient_banner": True}
    form = {"client": app.client_id, "user": AMARA.fhir_user, "context": json.dumps(context)}
    made = pharmacy.post("launch", form, auth=(ehr.id, ehr.secret)).json()
    start = httpx.URL(made["url"]).copy_merge_params({"clientId": app.client_id})
    assert_all_was_seen(pharmacy, seen_by_the_app(page, str(start)))
