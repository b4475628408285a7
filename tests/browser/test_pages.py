"""People in front of Chromium: logging in, choosing, deciding, and what others may try on them."""

import re
from contextlib import contextmanager

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.builders.people import PASSWORD, code_of, records
from tests.conftest import PROVE
from tests.running.pages import totp

SCOPES = (
    "launch/patient openid fhirUser offline_access patient/Patient.rs patient/MedicationRequest.rs?status=active "
    "patient/Observation.rs patient/Task.c"
)
HOSTILE = "\"><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\u202eevil"


ENGLISH, SPANISH = ("en-US", "light"), ("es-ES", "dark")


@contextmanager
def watched(browser, locale, scheme):
    """A page, and what holds it to the rules of axe-core: https://github.com/dequelabs/axe-core."""
    context = browser.new_context(locale=locale, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(10_000)
    titles = set()

    def check(name):
        page.wait_for_load_state()
        found = Axe().run(page, options={"resultTypes": ["violations"]})
        assert found.response["violations"] == [], (name, found.generate_report())
        titles.add(page.url + page.title() + str(page.locator("[role=alert]").count()))
        checked.append(name)
        assert len(titles) == len(checked), f"{name} is a page that was looked at before"

    checked = []
    yield page, check
    context.close()


def log_in(page, login, password=PASSWORD):
    page.get_by_label(re.compile("^(Login|Usuario)$")).fill(login)
    page.get_by_label(re.compile("^(Password|Contraseña)$")).fill(password)
    page.locator("main form button.main").click()


def use_factor(page, secret):
    page.get_by_role("textbox", name="Code").fill(totp(secret))
    page.get_by_role("button", name="Continue").click()


def to_consent(pages, page, scopes=SCOPES, login="amara", **more):
    page.goto(pages.start(pages.app, scopes, **more))
    log_in(page, login)
    expect(page.get_by_role("button", name=re.compile("^(Allow|Permitir)$"))).to_be_visible()


class TestLogin:
    def test_a_patient_logs_in_allows_and_the_app_has_a_token_for_the_own_record(self, pages, page):
        to_consent(pages, page)
        expect(page.get_by_role("heading", level=1)).to_have_text("Allow Refill Reminder to use your data?")
        expect(page.get_by_text("Amara Fenwick, born 14 March 1958, female")).to_be_visible()
        page.get_by_role("button", name="Allow", exact=True).click()
        expect(page.get_by_role("heading")).to_have_text("Back in the app")
        back = pages.callback.visits[-1]
        assert (back["state"], back["iss"]) == ("a state", pages.galenic.base_url)
        token = pages.granted(pages.app)
        assert token["scope"] == SCOPES
        assert token["patient"] == "demo-patient-1"

    def test_a_wrong_password_and_an_unknown_login_are_told_in_the_same_words(self, pages, page):
        page.goto(pages.page("login"))
        for login in ("amara", "nobody"):
            log_in(page, login, "not the password")
            expect(page.get_by_role("alert")).to_contain_text("The login or the password is wrong")
            expect(page).to_have_title("Error: Log in – Galenic")
            expect(page.get_by_label("Login")).to_have_value(login)
            expect(page.get_by_label("Password")).to_have_value("")

    def test_the_summary_of_errors_has_the_focus_and_leads_to_the_field(self, pages, page):
        page.goto(pages.page("login"))
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_be_focused()
        page.get_by_role("link", name="Enter your password").click()
        expect(page.get_by_label("Password")).to_be_focused()
        expect(page.get_by_label("Password")).to_have_attribute("aria-invalid", "true")
        described = page.get_by_label("Password").get_attribute("aria-describedby").strip()
        expect(page.locator(f"#{described}")).to_have_text("Enter your password")

    def test_after_too_many_failures_even_the_right_password_waits(self, pages, page):
        page.goto(pages.page("login"))
        for _ in range(3):
            log_in(page, "amara", "not the password")
        log_in(page, "amara")
        expect(page.get_by_role("alert")).to_contain_text("Try again in 15 minutes")
        found = records(pages.database.app_url, "actor", "outcome", interaction="lock-out")
        assert found[-1] == ("Patient/demo-patient-1", 429)

    def test_logging_out_ends_the_session_here_and_in_the_database(self, pages, page):
        page.goto(pages.page("login"))
        log_in(page, "amara")
        expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading")).to_have_text("You are logged out")
        page.goto(pages.page("account"))
        expect(page.get_by_role("heading")).to_have_text("Log in")

    def test_the_cookie_is_another_after_a_login_and_no_script_can_read_it(self, pages, page):
        page.goto(pages.page("login"))
        (before,) = page.context.cookies()
        log_in(page, "amara")
        expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
        (after,) = page.context.cookies()
        assert before["value"] != after["value"]
        assert (after["name"], after["httpOnly"], after["sameSite"], after["path"]) == (
            "galenic_session", True, "Lax", "/",
        )  # fmt: skip
        assert page.evaluate("document.cookie") == ""

    def test_whoever_is_logged_in_changes_the_password_with_the_one_of_now(self, pages, page):
        page.goto(pages.page("login"))
        log_in(page, "jo")
        page.get_by_role("link", name="Change your password").click()
        for old, new, told in (
            ("wrong", "a much better password", "The password of now is wrong"),
            (PASSWORD, "short", "The new password is too short"),
        ):
            page.get_by_label("Password of now").fill(old)
            page.get_by_label("New password").fill(new)
            page.get_by_role("button", name="Change the password").click()
            expect(page.get_by_role("alert")).to_contain_text(told)
        page.get_by_label("Password of now").fill(PASSWORD)
        page.get_by_label("New password").fill(PASSWORD + "!")
        page.get_by_role("button", name="Change the password").click()
        expect(page.get_by_role("status")).to_contain_text("The password was changed")
        page.get_by_role("button", name="Log out").click()
        page.goto(pages.page("login"))
        log_in(page, "jo")
        expect(page.get_by_role("alert")).to_be_visible()
        log_in(page, "jo", PASSWORD + "!")
        expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
        with pages.entrance() as entrance:
            from tests.builders.people import an_administration

            an_administration(entrance).reset("jo", PASSWORD)


class TestSecondFactor:
    def test_a_pharmacist_sees_nothing_before_a_second_factor_is_set_up(self, pages, page):
        page.goto(pages.start(pages.app, "launch/patient patient/MedicationRequest.rs"))
        log_in(page, "mara")
        expect(page.get_by_role("heading", level=1)).to_have_text("Protect your account with a second factor")
        request = page.url.partition("request=")[2]
        for name in ("patient", "consent", "account"):
            page.goto(f"{pages.page(name)}?request={request}")
            expect(page.get_by_role("heading", level=1)).to_have_text("Protect your account with a second factor")
        expect(page.get_by_role("img", name=re.compile("QR code"))).to_be_visible()
        page.get_by_role("textbox", name="Code").fill("000000")
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_role("alert")).to_contain_text("The code is wrong")
        secret = page.locator("code.key").inner_text().replace(" ", "")
        page.get_by_role("textbox", name="Code").fill(totp(secret))
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Keep your recovery codes")
        expect(page.get_by_role("list", name="Recovery codes").get_by_role("listitem")).to_have_count(10)
        expect(page.get_by_role("link", name="Español")).to_have_count(0)
        page.get_by_role("link", name="I have kept them").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Choose a patient")
        page.goto(pages.page("enrolment"))
        expect(page.get_by_role("heading", level=1)).to_have_text("Your account")

    def test_the_code_is_asked_for_at_the_next_login_and_is_taken_once(self, pages, page):
        secret = pages.enrol("ines")
        for told in (None, "The code is wrong, or was used before"):
            page.goto(pages.page("login"))
            log_in(page, "ines")
            expect(page.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
            page.goto(pages.page("account"))
            expect(page.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
            if told is None:
                code = code_of(secret)
            page.get_by_role("textbox", name="Code").fill(code)
            page.get_by_role("button", name="Continue").click()
            if told:
                expect(page.get_by_role("alert")).to_contain_text(told)
            else:
                expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
                page.get_by_role("button", name="Log out").click()

    def test_a_patient_may_have_one_too(self, pages, page):
        page.goto(pages.page("login"))
        log_in(page, "amara")
        page.get_by_role("link", name="Add a second factor").click()
        page.get_by_role("textbox", name="Code").fill(totp(page.locator("code.key").inner_text().replace(" ", "")))
        page.get_by_role("button", name="Confirm").click()
        recovery = page.get_by_role("listitem").first.inner_text()
        page.get_by_role("link", name="I have kept them").click()
        expect(page.get_by_text("On; 10 recovery codes left")).to_be_visible()
        page.get_by_role("button", name="Log out").click()
        page.goto(pages.page("login"))
        log_in(page, "amara")
        page.get_by_role("textbox", name="Code").fill(recovery.lower())
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text("On; 9 recovery codes left")).to_be_visible()


class TestPatients:
    def test_a_prescriber_finds_a_patient_by_name_and_by_date_of_birth(self, pages, page):
        secret = pages.enrol("ines")
        page.goto(pages.start(pages.app, "launch/patient launch/encounter patient/MedicationRequest.rs"))
        log_in(page, "ines")
        use_factor(page, secret)
        search = page.get_by_role("button", name="Search")
        search.click()
        expect(page.get_by_role("alert")).to_contain_text("Enter a name or a date of birth")
        page.get_by_label("Date of birth").fill("14.3.1958")
        search.click()
        expect(page.get_by_role("alert")).to_contain_text("Enter the date of birth as year-month-day")
        page.get_by_label("Date of birth").fill("1958-03")
        page.get_by_label("Name").fill("amara fen")
        search.click()
        assert "fen" not in page.url
        page.get_by_role("radio", name="Amara Fenwick born 14 March 1958, female").check()
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("radio", name="Medication review 14 March 2026").check()
        page.get_by_role("button", name="Continue", exact=True).click()
        expect(page.get_by_role("group", name="In the record of Amara Fenwick")).to_be_visible()
        page.get_by_role("button", name="Allow", exact=True).click()
        token = pages.granted(pages.app)
        assert (token["patient"], token["encounter"]) == ("demo-patient-1", "visit-1")
        shown = records(pages.database.app_url, "actor", "patients", "query", interaction="search-type")
        assert ("Practitioner/demo-practitioner-1", ["demo-patient-1"],
                "Patient?name=amara&name=fen&birthdate=1958-03&_sort=family") in shown  # fmt: skip

    def test_nobody_found_is_told(self, pages, page):
        secret = pages.enrol("ines")
        page.goto(pages.start(pages.app, "launch/patient patient/MedicationRequest.rs"))
        log_in(page, "ines")
        use_factor(page, secret)
        page.get_by_label("Name").fill("Nobody, $1 | of \\ that name")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_role("status")).to_contain_text("Nobody was found")

    def test_a_caregiver_chooses_among_the_own_patients_and_may_change_the_choice(self, pages, page):
        page.goto(pages.start(pages.app, "launch/patient patient/MedicationRequest.rs"))
        log_in(page, "jo")
        expect(page.get_by_role("radio")).to_have_count(2)
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("alert")).to_contain_text("Choose a patient")
        page.get_by_role("radio", name="Emeric Stonebridge").check()
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("link", name="Choose another patient").click()
        page.get_by_role("radio", name="Amara Fenwick").check()
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="Allow", exact=True).click()
        assert pages.granted(pages.app)["patient"] == "demo-patient-1"

    def test_a_patient_changed_in_another_tab_is_not_allowed_by_a_page_that_shows_the_first(self, pages, page):
        page.goto(pages.start(pages.app, "launch/patient patient/MedicationRequest.rs"))
        log_in(page, "jo")
        page.get_by_role("radio", name="Emeric Stonebridge").check()
        page.get_by_role("button", name="Continue").click()
        other = page.context.new_page()
        other.goto(page.url.replace("/consent", "/patient"))
        other.get_by_role("radio", name="Amara Fenwick").check()
        other.get_by_role("button", name="Continue").click()
        before = len(pages.callback.visits)
        page.get_by_role("button", name="Allow", exact=True).click()
        expect(page.get_by_role("group", name="In the record of Amara Fenwick")).to_be_visible()
        assert len(pages.callback.visits) == before

    def test_an_administrator_who_opens_no_records_is_told_and_sent_back(self, pages, page):
        secret = pages.enrol("ada")
        page.goto(pages.start(pages.app, "launch/patient user/Practitioner.rs patient/Practitioner.rs"))
        log_in(page, "ada")
        use_factor(page, secret)
        expect(page.get_by_text("your role opens no patients' records")).to_be_visible()
        page.get_by_role("button", name="Return to Refill Reminder").click()
        expect(page.get_by_role("heading")).to_have_text("Back in the app")
        assert pages.callback.visits[-1]["error"] == "access_denied"


class TestConsent:
    def test_what_is_declined_is_not_granted(self, pages, page):
        to_consent(pages, page)
        page.get_by_role("checkbox", name="See measurements and laboratory results").uncheck()
        page.get_by_role("checkbox", name="Keep access when you are away").uncheck()
        page.get_by_role("checkbox", name="Add tasks").uncheck()
        page.get_by_role("button", name="Allow", exact=True).click()
        token = pages.granted(pages.app)
        assert token["scope"] == (
            "launch/patient openid fhirUser patient/Patient.rs patient/MedicationRequest.rs?status=active"
        )
        assert "refresh_token" not in token
        granted = records(pages.database.app_url, "actor", "detail", "patients", interaction="consent")
        assert granted[-1] == ("Patient/demo-patient-1", token["scope"], ["demo-patient-1"])

    def test_each_scope_is_told_in_plain_words(self, pages, page):
        to_consent(pages, page)
        expect(page.get_by_role("checkbox", name="See prescriptions")).to_be_checked()
        expect(page.get_by_text("Only those that are active")).to_be_visible()
        expect(page.get_by_role("checkbox", name=re.compile("Add tasks.*changes data"))).to_be_checked()
        expect(page.get_by_text("Until it is withdrawn, or not used for 90 days")).to_be_visible()
        expect(page.get_by_text("Know which patient's record it opens")).to_be_visible()
        expect(page.get_by_text("http://127.0.0.1", exact=False).first).to_be_visible()
        shown = page.locator("main").inner_text()
        assert not re.search(r"patient/\w|\.rs", shown)

    def test_nothing_ticked_is_no_consent(self, pages, page):
        to_consent(pages, page)
        for box in page.get_by_role("checkbox").all():
            box.uncheck()
        page.get_by_role("button", name="Allow", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("Choose at least one thing to allow")
        expect(page.get_by_role("checkbox").first).not_to_be_checked()

    def test_declining_sends_the_refusal_to_the_app(self, pages, page):
        to_consent(pages, page, state="<b>&\"'")
        page.get_by_role("button", name="Do not allow").click()
        expect(page.get_by_role("heading")).to_have_text("Back in the app")
        back = pages.callback.visits[-1]
        assert (back["error"], back["state"]) == ("access_denied", "<b>&\"'")
        assert "code" not in back
        decided = records(pages.database.app_url, "actor", "role", "outcome", interaction="consent")[-1]
        assert decided == ("Patient/demo-patient-1", "patient", 403)

    def test_what_a_role_cannot_have_is_shown_and_not_granted(self, pages, page):
        to_consent(pages, page, scopes="launch/patient patient/MedicationRequest.cruds patient/Practitioner.d")
        expect(page.get_by_role("checkbox", name="See prescriptions")).to_be_checked()
        expect(page.get_by_text("Delete practitioners")).to_be_visible()
        page.get_by_role("button", name="Allow", exact=True).click()
        assert pages.granted(pages.app)["scope"] == "launch/patient patient/MedicationRequest.rs"

    def test_a_prescriber_breaks_the_glass_with_a_reason_only(self, pages, page):
        secret = pages.enrol("ines")
        page.goto(pages.start(pages.app, "user/MedicationRequest.rs"))
        log_in(page, "ines")
        use_factor(page, secret)
        page.get_by_text("Emergency access").click()
        page.get_by_role("checkbox", name="This is an emergency").check()
        page.get_by_role("button", name="Allow", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("Write down the reason")
        page.get_by_label("Reason").fill("unconscious in the emergency room")
        page.get_by_role("button", name="Allow", exact=True).click()
        expect(page.get_by_role("heading")).to_have_text("Back in the app")
        found = records(pages.database.app_url, "actor", "purpose", "reason", interaction="break-glass")
        assert found[-1] == ("Practitioner/demo-practitioner-1", "BTG", "unconscious in the emergency room")
        assert pages.granted(pages.app)["expires_in"] <= 900

    def test_a_patient_is_offered_no_emergency_access(self, pages, page):
        to_consent(pages, page)
        expect(page.get_by_text("Emergency access")).to_have_count(0)

    def test_a_page_from_before_the_decision_decides_nothing_more(self, pages, page):
        to_consent(pages, page)
        page.get_by_role("button", name="Allow", exact=True).click()
        expect(page.get_by_role("heading")).to_have_text("Back in the app")
        before = len(pages.callback.visits)
        page.go_back()
        if page.get_by_role("button", name="Allow", exact=True).count():
            page.get_by_role("button", name="Allow", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("This request is over")
        assert len(pages.callback.visits) == before

    def test_a_login_form_from_before_the_login_does_nothing(self, pages, page):
        page.goto(pages.page("login"))
        body = page.get_by_role("button", name="Log in").evaluate("b => b.form.token.value")
        log_in(page, "amara")
        expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
        answer = page.request.post(pages.page("login"), form={"token": body, "login": "jo", "password": PASSWORD})
        assert answer.status == 403
        page.goto(pages.page("account"))
        expect(page.get_by_text("Logged in as Amara Fenwick")).to_be_visible()

    def test_prompts_of_openid_connect_are_heeded(self, pages, page):
        scopes = "launch/patient patient/Patient.rs"
        page.goto(pages.start(pages.app, scopes, prompt="none"))
        expect(page.get_by_role("heading")).to_have_text("Back in the app")
        assert pages.callback.visits[-1]["error"] == "login_required"
        page.goto(pages.page("login"))
        log_in(page, "amara")
        expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
        page.goto(pages.start(pages.app, scopes, prompt="none"))
        assert pages.callback.visits[-1]["error"] == "consent_required"
        page.goto(pages.start(pages.app, scopes, prompt="login"))
        log_in(page, "amara")
        expect(page.get_by_role("button", name="Allow", exact=True)).to_be_visible()


class TestLanguages:
    def test_a_spanish_browser_gets_spanish(self, pages, browser):
        context = browser.new_context(locale="es-MX")
        page = context.new_page()
        to_consent(pages, page)
        expect(page.locator("html")).to_have_attribute("lang", "es")
        expect(page.get_by_role("heading", level=1)).to_have_text("¿Permitir que Refill Reminder use sus datos?")
        expect(page.get_by_role("checkbox", name="Ver recetas")).to_be_checked()
        expect(page.get_by_text("Solo lo que está activo")).to_be_visible()
        expect(page.get_by_text("14 de marzo de 1958")).to_be_visible()
        context.close()

    def test_the_language_is_switched_and_stays(self, pages, page):
        page.goto(pages.start(pages.app, SCOPES))
        page.get_by_role("link", name="Español").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Iniciar sesión")
        log_in(page, "amara")
        expect(page.get_by_role("button", name="Permitir", exact=True)).to_be_visible()
        page.get_by_role("link", name="English").click()
        expect(page.get_by_role("button", name="Allow", exact=True)).to_be_visible()


class TestHostility:
    def test_nothing_an_app_or_a_person_says_becomes_part_of_a_page(self, pages, page):
        app = pages.an_app("renamed below")
        with psycopg.connect(pages.database.app_url) as connection:  # registration refuses some of such a name
            connection.execute("UPDATE client SET name = %s WHERE id = %s", (HOSTILE, app.client_id))
        page.goto(pages.start(app, SCOPES, state=HOSTILE, login_hint=HOSTILE))
        expect(page.get_by_label("Login")).to_have_value(HOSTILE)
        expect(page.get_by_text("<script>", exact=False)).to_be_visible()
        log_in(page, HOSTILE, HOSTILE)
        expect(page.get_by_label("Login")).to_have_value(HOSTILE)
        log_in(page, "amara")
        expect(page.get_by_role("heading", level=1)).to_contain_text("<script>")
        assert "\u202e" not in page.content()
        assert page.locator("script, img").count() == 0
        page.get_by_role("button", name="Allow", exact=True).click()
        expect(page).to_have_title("The app")
        assert pages.callback.visits[-1]["state"] == HOSTILE

    def test_a_search_for_markup_is_shown_as_text(self, pages, page):
        secret = pages.enrol("ines")
        page.goto(pages.start(pages.app, "launch/patient patient/MedicationRequest.rs"))
        log_in(page, "ines")
        use_factor(page, secret)
        page.get_by_label("Name").fill(HOSTILE)
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_label("Name")).to_have_value(HOSTILE)
        assert page.locator("script, img").count() == 0

    def test_everything_works_without_scripts_and_nobody_else_is_asked_for_anything(self, pages, browser):
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        to_consent(pages, page)
        assert page.locator("script, [onclick], [style]").count() == 0
        page.get_by_role("button", name="Allow", exact=True).click()
        expect(page.get_by_role("heading")).to_have_text("Back in the app")
        ours = (pages.galenic.root_url, pages.callback.url.removesuffix("/callback"), "data:,")
        assert [url for url in asked if not url.startswith(ours)] == []
        context.close()

    def test_the_app_is_not_told_where_the_browser_came_from(self, pages, page):
        to_consent(pages, page)
        page.get_by_role("button", name="Allow", exact=True).click()
        expect(page.get_by_role("heading")).to_have_text("Back in the app")
        assert "referer" not in pages.callback.headers[-1]

    def test_the_policy_has_to_name_the_app_for_the_browser_to_go_back_to_it(self, pages, page):
        """Chromium holds redirects after a form to form-action: without the app's origin nobody would get back."""
        app_origin = pages.callback.url.removesuffix("/callback")

        def without_app(route):
            answer = route.fetch()
            policy = answer.headers["content-security-policy"]
            assert f"form-action 'self' {app_origin};" in policy
            route.fulfill(
                response=answer,
                headers={**answer.headers, "content-security-policy": policy.replace(f" {app_origin}", "")},
            )

        to_consent(pages, page)
        page.route("**/auth/consent?*", lambda r: without_app(r) if r.request.method == "GET" else r.continue_())
        page.reload()
        before = len(pages.callback.visits)
        with page.expect_console_message(lambda message: "form-action" in message.text):
            page.get_by_role("button", name="Allow", exact=True).click()
        assert len(pages.callback.visits) == before

    def test_no_other_site_shows_a_page_in_a_frame(self, pages, page):
        page.goto(pages.callback.url)
        with page.expect_console_message(
            lambda message: "frame-ancestors" in message.text or "X-Frame" in message.text
        ):
            page.evaluate(
                "url => { const f = document.createElement('iframe'); f.src = url; document.body.append(f) }",
                pages.page("login"),
            )

    def test_a_form_of_another_site_is_refused(self, pages, page):
        page.goto(pages.page("login"))
        log_in(page, "amara")
        expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
        page.goto(pages.callback.url.replace("127.0.0.1", "localhost"))
        page.evaluate(
            """url => { const f = document.createElement('form'); f.method = 'post'; f.action = url;
                        document.body.append(f); f.submit() }""",
            pages.page("logout"),
        )
        expect(page.get_by_role("heading", level=1)).to_have_text("This page was out of date")
        page.goto(pages.page("account"))
        expect(page.get_by_text("Logged in as Amara Fenwick")).to_be_visible()


class TestAccess:
    def test_the_keyboard_is_enough(self, pages, page):
        page.goto(pages.start(pages.app, SCOPES))
        expect(page.get_by_label("Login")).to_be_focused()
        page.keyboard.type("amara")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Allow", exact=True)).to_be_visible()
        reached = []
        for _ in range(30):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.innerText || document.activeElement.value"))
            if reached[-1] == "patient/Observation.rs":
                page.keyboard.press("Space")
            if reached[-1] == "Allow":
                page.keyboard.press("Enter")
                break
        assert reached[:2] == ["Skip to the content", "Log out"]
        expect(page.get_by_role("heading")).to_have_text("Back in the app")
        assert "patient/Observation.rs" not in pages.granted(pages.app)["scope"].split()

    def test_on_a_narrow_telephone_nothing_has_to_be_scrolled_sideways(self, pages, page):
        page.set_viewport_size({"width": 320, "height": 640})

        def fits():
            return page.evaluate("document.documentElement.scrollWidth") <= 320

        page.goto(pages.start(pages.an_app("Averylongnamewithoutanyblank" * 3), SCOPES))
        assert fits()
        log_in(page, "amara")
        expect(page.get_by_role("button", name="Allow", exact=True)).to_be_visible()
        assert fits()
        page.goto(pages.page("enrolment"))
        assert fits()

    @pytest.mark.parametrize(("locale", "scheme"), [SPANISH, *([ENGLISH] if PROVE else [])])
    def test_axe_finds_nothing_wrong_with_the_pages_of_a_caregiver(self, pages, browser, locale, scheme):
        with watched(browser, locale, scheme) as (page, check):
            page.goto(pages.start(pages.app, "launch/patient launch/encounter openid patient/*.rs patient/Basic.d"))
            check("login")
            log_in(page, "jo", "wrong password")
            check("login with errors")
            log_in(page, "jo")
            check("own patients")
            page.get_by_role("radio").last.check()
            page.locator("button.main").click()
            check("no encounters")
            page.locator("button.main").click()
            check("consent")
            for name in ("account", "password", "enrolment"):
                page.goto(pages.page(name))
                check(name)
            page.locator("#code").fill(totp(page.locator("code.key").inner_text().replace(" ", "")))
            page.locator("button.main").click()
            check("recovery codes")
            page.locator("header button").click()
            check("logged out")

    @pytest.mark.parametrize(("locale", "scheme"), [ENGLISH, *([SPANISH] if PROVE else [])])
    def test_axe_finds_nothing_wrong_with_the_pages_of_a_prescriber(self, pages, browser, locale, scheme):
        with watched(browser, locale, scheme) as (page, check):
            secret = pages.enrol("ines")
            page.goto(pages.start(pages.app, "launch/patient launch/encounter patient/MedicationRequest.rs"))
            log_in(page, "ines")
            check("second factor")
            page.locator("#code").fill(totp(secret))
            page.locator("button.main").click()
            page.locator("button[name=search]").click()
            check("search with errors")
            page.locator("#birth").fill("1958")
            page.locator("button[name=search]").click()
            check("patients found")
            page.get_by_role("radio").first.check()
            page.locator("button.main").click()
            check("encounters")
            page.get_by_role("radio").first.check()
            page.locator("button.main").first.click()
            page.locator("summary").click()
            page.locator("#emergency").check()
            page.locator("button[name=allow]").click()
            check("consent with errors")
            page.goto(pages.page("consent") + "?request=over")
            check("over")
