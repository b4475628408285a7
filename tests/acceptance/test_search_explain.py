"""`_explain=true` tells how a search was answered, and nothing of what was searched for. An extension of ours."""

import re

import httpx
import pytest

from tests.acceptance.outcomes import VALIDATOR, refused
from tests.acceptance.populations import put_all
from tests.acceptance.searches import Pairs, applied, keys, pages, searched, told
from tests.builders.resources import SYSTEM, a_medication_request, a_patient, an_identifier

CANARY = "zq7canary"
STEP = re.compile(r"(\w+): (\d+) rows expected, (\d+) met, [\d.]+ ms: (SELECT .+)", re.DOTALL)


@pytest.fixture(scope="module", autouse=True)
def _resources(client: httpx.Client) -> None:
    """Thirty Patients, each with a MedicationRequest; all of them hold the canary."""
    patients = [
        a_patient(CANARY, id=f"{CANARY}-{n}", identifier=[an_identifier(CANARY)], birthDate=f"19{n + 40}-03-07")
        for n in range(30)
    ]
    requests = [a_medication_request(f"Patient/{CANARY}-{n}", id=f"r{n}") for n in range(30)]
    assert len(list(put_all(client, [*patients, *requests]))) == 60


SEARCHES: dict[str, tuple[str, Pairs]] = {
    "string": ("/Patient", [("family", CANARY)]),
    "exact": ("/Patient", [("family:exact", CANARY)]),
    "contains": ("/Patient", [("family:contains", CANARY[2:])]),
    "token": ("/Patient", [("identifier", f"{SYSTEM}|{CANARY}")]),
    "id": ("/Patient", [("_id", f"{CANARY}-1,{CANARY}-2")]),
    "date": ("/Patient", [("birthdate", "1957-03-07")]),
    "reference": ("/MedicationRequest", [("subject", f"Patient/{CANARY}-3")]),
    "chain": ("/MedicationRequest", [("subject:Patient.family", CANARY)]),
    "has": ("/Patient", [("_has:MedicationRequest:subject:status", "active"), ("family", CANARY)]),
    "filter": ("/Patient", [("_filter", f'family co "{CANARY}" or birthdate eq 1957-03-07')]),
    "sorted": ("/Patient", [("family", CANARY), ("_sort", "-birthdate"), ("_total", "accurate")]),
    "of all types": ("", [("_id", f"{CANARY}-1")]),
    "in a compartment": (f"/Patient/{CANARY}-1/MedicationRequest", [("status", "active")]),
    "of everything": ("/Patient", []),
}


@pytest.mark.parametrize(("url", "pairs"), SEARCHES.values(), ids=SEARCHES)
def test_an_explanation_lists_steps_with_rows_and_sql(client: httpx.Client, url: str, pairs: Pairs) -> None:
    bundle = searched(client, url, [*pairs, ("_explain", "true"), ("_count", "20")])
    steps = [STEP.fullmatch(issue["diagnostics"]) for issue in told(bundle)]
    assert VALIDATOR.validate(bundle) == []
    assert steps
    assert all(steps), told(bundle)
    assert {step[1] for step in steps} <= {"count", "walk", "seek", "total"}
    assert any(step[1] in ("walk", "seek") for step in steps)
    assert all((one["severity"], one["code"]) == ("information", "informational") for one in told(bundle))
    assert [entry["search"]["mode"] for entry in bundle["entry"]][-1] == "outcome"
    assert len(keys(bundle)) <= max(int(step[3]) for step in steps)


@pytest.mark.parametrize(("url", "pairs"), SEARCHES.values(), ids=SEARCHES)
def test_an_explanation_holds_placeholders_and_no_value(client: httpx.Client, url: str, pairs: Pairs) -> None:
    issues = told(searched(client, url, [*pairs, ("_explain", "true")]))
    text = " ".join(issue["diagnostics"] for issue in issues).lower()
    assert "%(v0)s" in text
    for value in (CANARY, CANARY[2:], SYSTEM, "1957", "03-07", "'active'", "patient/"):
        assert value.lower() not in text


@pytest.mark.parametrize(("url", "pairs"), SEARCHES.values(), ids=SEARCHES)
def test_an_explained_search_finds_the_same(client: httpx.Client, url: str, pairs: Pairs) -> None:
    plain = searched(client, url, pairs)
    explained = searched(client, url, [*pairs, ("_explain", "true")])
    assert keys(explained) == keys(plain)
    assert explained.get("total") == plain.get("total")
    assert ("_explain", "true") in applied(explained)
    assert told(plain) == []


def test_every_page_is_explained(client: httpx.Client) -> None:
    asked = [("family", CANARY), ("_explain", "true"), ("_count", "7")]
    walked = list(pages(client, searched(client, "/Patient", asked)))
    assert len(walked) == 5
    assert all(told(page) for page in walked)
    assert len({key for page in walked for key in keys(page)}) == 30


def test_what_is_not_to_be_explained_is_not(client: httpx.Client) -> None:
    assert told(searched(client, "/Patient", [("family", CANARY), ("_explain", "false")])) == []
    refused(client.get("/Patient?_explain=perhaps"), 400)
