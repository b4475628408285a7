"""S7: a page includes what a client finds that joins plain reads itself.

https://hl7.org/fhir/R4/search.html#include
"""

from collections.abc import Callable

import httpx
import pytest

from tests.acceptance.outcomes import VALIDATOR
from tests.acceptance.populations import put_all
from tests.acceptance.reads import Key, Reads, key_of, keys_of, read_pharmacy
from tests.acceptance.searches import Json, keys, pages, searched, told
from tests.builders.resources import an_organization


@pytest.fixture(scope="module")
def reads(client: httpx.Client) -> Reads:
    return read_pharmacy(client)


REQUEST = ("subject", "requester", "medicationReference")
ALL = {
    "Organization": ("partOf",),
    "Patient": ("managingOrganization", "generalPractitioner"),
    "MedicationRequest": REQUEST,
    "MedicationDispense": ("subject", "authorizingPrescription"),
    "Observation": ("subject", "hasMember"),
}
"""Every element of the pharmacy that refers."""


def closure(start: set[Key], follow: Callable[[set[Key]], set[Key]]) -> set[Key]:
    found, newest = set(start), set(start)
    while newest:
        newest = follow(newest) - found
        found |= newest
    return found


Expected = Callable[[Reads, list[Json]], set[Key]]


def prescriptions(reads: Reads, dispenses: list[Json]) -> list[Json]:
    return reads.get(reads.to(dispenses, "authorizingPrescription"))


def with_requesters(reads: Reads, dispenses: list[Json]) -> set[Key]:
    found = prescriptions(reads, dispenses)
    return keys_of(found) | reads.to(found, "requester")


def upwards(reads: Reads, start: set[Key]) -> set[Key]:
    return closure(start, lambda newest: reads.to(reads.get(newest, "Organization"), "partOf"))


def doctors_and_above(reads: Reads, patients: list[Json]) -> set[Key]:
    return upwards(reads, reads.to(patients, "generalPractitioner"))


def dispensed(reads: Reads, patients: list[Json]) -> set[Key]:
    requests = reads.referring("MedicationRequest", "subject", keys_of(patients))
    return requests | reads.referring("MedicationDispense", "authorizingPrescription", requests)


def only(type_name: str, found: set[Key]) -> set[Key]:
    return {key for key in found if key[0] == type_name}


INCLUDES: dict[str, tuple[str, list[tuple[str, str]], Expected]] = {
    "one reference": (
        "/MedicationRequest",
        [("_include", "MedicationRequest:requester")],
        lambda reads, found: reads.to(found, "requester"),
    ),
    "to one type": (
        "/MedicationRequest",
        [("_include", "MedicationRequest:requester:Practitioner")],
        lambda reads, found: only("Practitioner", reads.to(found, "requester")),
    ),
    "two references": (
        "/MedicationRequest",
        [("_include", "MedicationRequest:requester"), ("_include", "MedicationRequest:medication")],
        lambda reads, found: reads.to(found, "requester", "medicationReference"),
    ),
    "a list of references": (
        "/Patient",
        [("_include", "Patient:general-practitioner")],
        lambda reads, found: reads.to(found, "generalPractitioner"),
    ),
    "all": ("/MedicationRequest", [("_include", "*")], lambda reads, found: reads.to(found, *REQUEST)),
    "all of a type": (
        "/MedicationRequest",
        [("_include", "MedicationRequest:*")],
        lambda reads, found: reads.to(found, *REQUEST),
    ),
    "of what is no match": ("/MedicationRequest", [("_include", "Patient:organization")], lambda reads, found: set()),
    "reverse": (
        "/Patient",
        [("gender", "male"), ("_revinclude", "MedicationRequest:subject")],
        lambda reads, found: reads.referring("MedicationRequest", "subject", keys_of(found)),
    ),
    "reverse by another name of the reference": (
        "/Patient",
        [("gender", "male"), ("_revinclude", "MedicationRequest:patient")],
        lambda reads, found: reads.referring("MedicationRequest", "subject", keys_of(found)),
    ),
    "reverse, both ways": (
        "/Patient",
        [("gender", "male"), ("_revinclude", "Observation:subject"), ("_include", "Patient:organization")],
        lambda reads, found: (
            reads.to(found, "managingOrganization") | reads.referring("Observation", "subject", keys_of(found))
        ),
    ),
    "all that refer": (
        "/Patient",
        [("gender", "female"), ("_revinclude", "*")],
        lambda reads, found: {
            key for name, all_ in ALL.items() for one in all_ for key in reads.referring(name, one, keys_of(found))
        },
    ),
    "not iterated": (
        "/MedicationDispense",
        [("_include", "MedicationDispense:prescription"), ("_include", "MedicationRequest:requester")],
        lambda reads, found: keys_of(prescriptions(reads, found)),
    ),
    "iterated": (
        "/MedicationDispense",
        [("_include", "MedicationDispense:prescription"), ("_include:iterate", "MedicationRequest:requester")],
        with_requesters,
    ),
    "iterated through itself": (
        "/Patient",
        [("_include", "Patient:general-practitioner"), ("_include:iterate", "Organization:partof")],
        doctors_and_above,
    ),
    "reverse, iterated": (
        "/Patient",
        [
            ("gender", "male"),
            ("_revinclude", "MedicationRequest:subject"),
            ("_revinclude:iterate", "MedicationDispense:prescription"),
        ],
        dispensed,
    ),
}


@pytest.mark.parametrize("count", ["3", "1000"])
@pytest.mark.parametrize(("url", "pairs", "expected"), INCLUDES.values(), ids=INCLUDES)
def test_a_page_includes_what_a_client_joins_to_its_matches(
    client: httpx.Client, reads: Reads, url: str, pairs: list[tuple[str, str]], expected: Expected, count: str
) -> None:
    matched: list[Key] = []
    for bundle in pages(client, searched(client, url, [*pairs, ("_count", count)])):
        matches, included = keys(bundle), keys(bundle, "include")
        assert len(included) == len(set(included))
        assert set(included) == expected(reads, reads.get(matches)) - set(matches)
        assert [entry["search"]["mode"] for entry in bundle["entry"]][: len(matches)] == ["match"] * len(matches)
        matched += matches
    wanted = {value for name, value in pairs if name == "gender"}
    assert sorted(matched) == sorted(key_of(one) for one in reads.of(url[1:]) if not wanted or one["gender"] in wanted)


@pytest.mark.parametrize(("url", "pairs"), [one[:2] for one in INCLUDES.values()], ids=INCLUDES)
def test_included_resources_are_as_a_read_gives_them(
    client: httpx.Client, reads: Reads, url: str, pairs: list[tuple[str, str]]
) -> None:
    bundle = searched(client, url, [*pairs, ("_count", "5")])
    assert VALIDATOR.validate(bundle) == []
    for entry in bundle["entry"]:
        if entry["search"]["mode"] != "outcome":
            assert entry["resource"] == reads.resources[key_of(entry["resource"])]
            assert entry["fullUrl"].endswith("/{}/{}".format(*key_of(entry["resource"])))


@pytest.fixture(scope="module")
def circle(client: httpx.Client, reads: Reads) -> list[str]:
    """Three Organizations, each part of the next."""
    ids = ["circle-1", "circle-2", "circle-3"]
    made = [
        an_organization(id=one, partOf={"reference": f"Organization/{after}"})
        for one, after in zip(ids, [*ids[1:], ids[0]], strict=True)
    ]
    assert len(list(put_all(client, made))) == 3
    return ids


@pytest.mark.parametrize("name", ["_include", "_revinclude"])
def test_a_circle_ends_and_is_told_of(client: httpx.Client, circle: list[str], name: str) -> None:
    pairs = [("_id", circle[0]), (name, "Organization:partof"), (f"{name}:iterate", "Organization:partof")]
    bundle = searched(client, "/Organization", pairs)
    assert keys(bundle) == [("Organization", circle[0])]
    assert sorted(keys(bundle, "include")) == [("Organization", one) for one in circle[1:]]
    [issue] = told(bundle)
    assert (issue["severity"], issue["code"]) == ("information", "informational")
    assert VALIDATOR.validate(bundle) == []


def test_iterating_stops_at_its_depth_and_says_so(client: httpx.Client, reads: Reads) -> None:
    made = [an_organization(id=f"line-{n}", partOf={"reference": f"Organization/line-{n + 1}"}) for n in range(20)]
    assert len(list(put_all(client, made))) == 20
    pairs = [("_id", "line-0"), ("_include:iterate", "Organization:partof")]
    bundle = searched(client, "/Organization", pairs)
    included = [one for _, one in keys(bundle, "include")]
    assert included == [f"line-{n}" for n in range(1, len(included) + 1)]
    assert 3 <= len(included) < 20
    assert any(issue["code"] == "informational" and "further" in issue["diagnostics"] for issue in told(bundle))
