"""What the pages refuse, and what every answer of theirs says, over HTTP."""

import re

import httpx
import psycopg
import pytest

from tests.builders.people import PASSWORD, code_of, records
from tests.running.oauth import NO_TLS

TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')
PAGES = ("login", "second-factor", "enrolment", "patient", "encounter", "consent", "cannot", "account", "password",
         "logged-out")  # fmt: skip


@pytest.fixture
def visitor(pages):
    with a_browser(pages) as one:
        yield one


def a_browser(pages):
    return httpx.Client(base_url=pages.galenic.root_url, timeout=30, verify=NO_TLS)


def token_of(answer):
    return TOKEN.search(answer.text)[1]


def log_in(visitor, login, request="", **headers):
    path = "/auth/login" + (f"?request={request}" if request else "")
    token = token_of(visitor.get(path))
    return visitor.post(path, data={"token": token, "login": login, "password": PASSWORD}, headers=headers)


def ask(pages, scopes="launch/patient patient/Patient.rs", **more):
    return pages.app.ask(scopes, **more)


@pytest.mark.parametrize("name", [*PAGES, "login?request=unknown"])
def test_every_page_has_the_headers_that_guard_it(visitor, name):
    answer = visitor.get(f"/auth/{name}")
    policy = answer.headers["content-security-policy"]
    assert policy == (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "strict-transport-security" not in answer.headers
    assert "<script" not in answer.text


@pytest.mark.parametrize("name", sorted(set(PAGES) - {"login", "logged-out"}))
def test_who_is_not_logged_in_is_sent_to_the_login(pages, visitor, name):
    request = ask(pages)
    answer = visitor.get(f"/auth/{name}?request={request}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/auth/login?request={request}")


@pytest.mark.parametrize(
    "name", ["second-factor", "enrolment", "patient", "encounter", "consent", "cannot", "password"]
)
def test_who_is_not_logged_in_can_do_nothing_by_a_form(pages, visitor, name):
    request = ask(pages)
    token = token_of(visitor.get("/auth/login"))
    answer = visitor.post(f"/auth/{name}?request={request}", data={"token": token, "scope": "patient/Patient.rs"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/auth/login?request={request}")
    assert pages.app.galenic.root_url not in answer.headers["location"]


def test_a_request_that_is_unknown_is_over(visitor):
    for name in PAGES:
        if name != "logged-out":
            assert visitor.get(f"/auth/{name}?request=unknown").status_code == 404


def test_an_app_is_told_no_by_whoever_came_with_its_request_and_once_only(pages, visitor):
    request = ask(pages)
    form = {"token": token_of(visitor.get(f"/auth/login?request={request}")), "deny": "1"}
    answer = visitor.post(f"/auth/consent?request={request}", data=form)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{pages.callback.url}?error=access_denied")
    assert visitor.post(f"/auth/consent?request={request}", data=form).status_code == 404


class TestForms:
    def test_a_form_without_a_token_or_with_another_browsers_is_refused(self, pages, visitor):
        visitor.get("/auth/login")
        with a_browser(pages) as other:
            strange = token_of(other.get("/auth/login"))
        for token in ({}, {"token": ""}, {"token": strange}, {"token": "\u017c"}, {"token": "0" * 64}):
            answer = visitor.post("/auth/login", data={**token, "login": "amara", "password": PASSWORD})
            assert answer.status_code == 403, token
            assert "set-cookie" not in answer.headers

    def test_nobody_is_logged_in_by_a_form_sent_without_the_cookie_it_was_made_for(self, pages, visitor):
        with a_browser(pages) as attacker:
            token = token_of(attacker.get("/auth/login"))
        answer = visitor.post("/auth/login", data={"token": token, "login": "amara", "password": PASSWORD})
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "http://127.0.0.1:1"},
            {"Origin": "http://["},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        ],
    )
    def test_a_form_from_elsewhere_is_refused_though_its_token_is_right(self, visitor, headers):
        assert log_in(visitor, "amara", **headers).status_code == 403

    @pytest.mark.parametrize("headers", [{}, {"Origin": "null", "Sec-Fetch-Site": "same-origin"}, {"Origin": "OURS"}])
    def test_a_form_of_ours_is_taken(self, pages, visitor, headers):
        ours = {name: value.replace("OURS", pages.galenic.root_url) for name, value in headers.items()}
        assert log_in(visitor, "amara", **ours).status_code == 303

    @pytest.mark.parametrize(
        ("content", "kind", "status"),
        [
            (b"x=" + b"y" * 70_000, "application/x-www-form-urlencoded", 413),
            (b"&".join(b"a=b" for _ in range(600)), "application/x-www-form-urlencoded", 403),
            (b"\xff\xfe", "application/x-www-form-urlencoded", 403),
            (b"{}", "application/json", 415),
            (b"--x", "multipart/form-data; boundary=x", 415),
            (b"", "", 415),
        ],
    )
    def test_what_is_no_form_of_ours_is_refused(self, visitor, content, kind, status):
        assert visitor.post("/auth/login", content=content, headers={"Content-Type": kind}).status_code == status

    def test_letters_that_no_table_takes_are_a_wrong_login(self, visitor):
        token = token_of(visitor.get("/auth/login"))
        answer = visitor.post("/auth/login", data={"token": token, "login": "a\0b\ud7ff", "password": "\0" * 12})
        assert answer.status_code == 422

    def test_a_page_is_asked_for_by_get_and_post_only(self, visitor):
        assert visitor.put("/auth/login").status_code == 405
        assert visitor.get("/auth/logout").status_code == 405

    @pytest.mark.parametrize("cookie", ["galenic_session=" + "x" * 5000, "galenic_session=", "=;;;,", "a=b; a=c"])
    def test_a_strange_cookie_is_nobodys(self, visitor, cookie):
        answer = visitor.get("/auth/account", headers={"Cookie": cookie})
        assert answer.status_code == 303


class TestConsent:
    def decide(self, pages, visitor, scopes, ticked):
        """What comes back to the app."""
        request = ask(pages, scopes)
        log_in(visitor, "amara", request)
        visitor.get(f"/auth/patient?request={request}")
        shown = visitor.get(f"/auth/consent?request={request}")
        form = {"token": token_of(shown), "patient": "demo-patient-1", "scope": ticked, "allow": "1"}
        return visitor.post(f"/auth/consent?request={request}", data=form)

    def test_an_app_that_asks_for_nothing_that_can_be_declined_is_allowed_all_the_same(self, pages, visitor):
        answer = self.decide(pages, visitor, "launch/patient", [])
        assert answer.headers["location"].startswith(f"{pages.callback.url}?code=")

    def test_what_is_always_included_is_no_consent_by_itself(self, pages, visitor):
        assert self.decide(pages, visitor, "launch/patient patient/*.rs", ["launch/patient"]).status_code == 422

    def test_nothing_is_granted_that_was_not_asked_for(self, pages, visitor):
        ticked = ["patient/Patient.rs", "patient/*.cruds", "offline_access", "system/*.rs", "patient/Patient.cruds"]
        answer = self.decide(pages, visitor, "launch/patient patient/Patient.rs", ticked)
        code = dict(httpx.URL(answer.headers["location"]).params)["code"]
        assert pages.app.exchange(code).json()["scope"] == "launch/patient patient/Patient.rs"


class TestPatients:
    def test_nobody_chooses_a_patient_of_others(self, pages, visitor):
        request = ask(pages)
        log_in(visitor, "jo", request)
        path = f"/auth/patient?request={request}"
        token = token_of(visitor.get(path))
        for patient in ("demo-patient-2", "nobody", "../x", "demo-patient-1\0"):
            answer = visitor.post(path, data={"token": token, "patient": patient})
            assert answer.status_code == 422
            assert "cannot be chosen" in answer.text
        assert visitor.post(path, data={"token": token, "patient": "demo-patient-6"}).status_code == 303

    def test_nobody_searches_who_has_patients_of_their_own(self, pages, visitor):
        request = ask(pages)
        log_in(visitor, "jo", request)
        path = f"/auth/patient?request={request}"
        answer = visitor.post(path, data={"token": token_of(visitor.get(path)), "search": "1", "name": "b"})
        assert "Bellweather" not in answer.text

    def test_a_launch_for_another_patient_is_not_opened_by_a_patient(self, pages, visitor):
        request = ask(pages, "launch/patient patient/Patient.rs")
        with psycopg.connect(pages.database.app_url) as connection:
            connection.execute("""UPDATE authorization_request SET context = '{"patient": "demo-patient-2"}'""")
        answer = log_in(visitor, "amara", request)
        assert answer.headers["location"] == f"/auth/cannot?request={request}"
        shown = visitor.get(answer.headers["location"])
        assert "Bellweather" not in shown.text
        assert visitor.get(f"/auth/consent?request={request}").headers["location"] == answer.headers["location"]

    def test_whose_name_is_shown_is_in_the_audit_trail(self, pages, visitor):
        request = ask(pages)
        log_in(visitor, "jo", request)
        visitor.get(f"/auth/patient?request={request}")
        found = records(pages.database.app_url, "actor", "role", "client", "id", interaction="read")
        assert ("Patient/demo-patient-3", "caregiver", "galenic-pages", "demo-patient-1") in found
        assert ("Patient/demo-patient-3", "caregiver", "galenic-pages", "demo-patient-6") in found

    def test_what_cannot_be_recorded_is_not_shown(self, pages, visitor):
        request = ask(pages)
        log_in(visitor, "jo", request)
        with psycopg.connect(pages.database.superuser_url) as connection:
            connection.execute("REVOKE INSERT ON audit FROM galenic_app")
        try:
            answer = visitor.get(f"/auth/patient?request={request}")
        finally:
            with psycopg.connect(pages.database.superuser_url) as connection:
                connection.execute("GRANT INSERT ON audit TO galenic_app")
        assert answer.status_code >= 500
        assert "Fenwick" not in answer.text


class TestSessions:
    def test_a_session_that_was_idle_is_over(self, pages, visitor):
        log_in(visitor, "amara")
        assert visitor.get("/auth/account").status_code == 200
        with psycopg.connect(pages.database.app_url) as connection:
            connection.execute("UPDATE login_session SET last_seen = last_seen - interval '16 minutes'")
        assert visitor.get("/auth/account").status_code == 303

    def test_a_cookie_of_before_the_login_or_the_second_factor_is_nobodys(self, pages, visitor):
        secret = pages.enrol("ines")
        visitor.get("/auth/login")
        cookies = [visitor.cookies["galenic_session"]]
        log_in(visitor, "ines")
        cookies.append(visitor.cookies["galenic_session"])
        token = token_of(visitor.get("/auth/second-factor"))
        visitor.post("/auth/second-factor", data={"token": token, "code": code_of(secret)})
        assert visitor.get("/auth/account").status_code == 200
        assert len({*cookies, visitor.cookies["galenic_session"]}) == 3
        for cookie in cookies:
            with a_browser(pages) as other:
                answer = other.get("/auth/account", headers={"Cookie": f"galenic_session={cookie}"})
                assert answer.status_code == 303

    def test_whoever_was_logged_in_before_somebody_else_is_out(self, pages, visitor):
        log_in(visitor, "amara")
        first = visitor.cookies["galenic_session"]
        request = ask(pages, prompt="login")
        log_in(visitor, "amara", request)
        second = visitor.cookies["galenic_session"]
        log_in(visitor, "jo", ask(pages, prompt="login"))

        def is_alive(cookie):
            with a_browser(pages) as other:
                return other.get("/auth/account", headers={"Cookie": f"galenic_session={cookie}"}).status_code == 200

        alive = [is_alive(cookie) for cookie in (first, second, visitor.cookies["galenic_session"])]
        assert alive == [True, False, True]
        assert records(pages.database.app_url, "actor", interaction="logout")[-1] == ("Patient/demo-patient-1",)

    def test_an_old_login_is_not_enough_where_the_app_asks_for_a_younger_one(self, pages, visitor):
        log_in(visitor, "amara")
        with psycopg.connect(pages.database.app_url) as connection:
            connection.execute("UPDATE login_session SET authenticated = authenticated - interval '11 minutes'")
        allowed = visitor.get(f"/auth/login?request={ask(pages, max_age='700')}").headers["location"]
        assert allowed.startswith("/auth/patient")
        assert visitor.get(f"/auth/login?request={ask(pages, max_age='600')}").status_code == 200

    def test_the_id_of_a_request_is_in_no_table(self, pages, visitor):
        request = ask(pages)
        log_in(visitor, "amara", request)
        visitor.get(f"/auth/patient?request={request}")
        with psycopg.connect(pages.database.app_url) as connection:
            for table in ("login_session", "launch_choice", "authorization_request"):
                rows = connection.execute(f"SELECT {table}::text FROM {table}").fetchall()  # noqa: S608
                assert rows
                assert not any(request in text for (text,) in rows)


def test_the_stylesheet_asks_for_nothing(visitor):
    answer = visitor.get("/auth/style.css")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert not re.search(r"url\(|@import|@font-face", answer.text)
