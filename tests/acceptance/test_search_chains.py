"""S7: chains, `_has` and composites find what a client finds that joins plain reads itself.

https://hl7.org/fhir/R4/search.html#chaining, https://hl7.org/fhir/R4/search.html#has,
https://hl7.org/fhir/R4/search.html#combining
"""

from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.acceptance.outcomes import refused
from tests.acceptance.reads import Reads, key_of, read_pharmacy, references
from tests.acceptance.searches import Json, found
from tests.builders.pharmacies import CODES, UCUM


@pytest.fixture(scope="module")
def reads(client: httpx.Client) -> Reads:
    return read_pharmacy(client)


def first(resource: Json, element: str) -> str:
    return resource.get(element, [{}])[0].get("family", "")


def chained(reads: Reads, found: list[Json], *steps: tuple[str, str]) -> Iterator[tuple[Json, list[Json]]]:
    """Each resource and what its references lead to, step by step: element and type."""
    for one in found:
        met = [one]
        for element, type_name in steps:
            met = reads.get(reads.to(met, element), type_name)
        yield one, met


Steps = tuple[tuple[str, str], ...]

CHAINS: dict[str, tuple[str, tuple[str, str], Steps, Callable[[Json], bool]]] = {
    "1 deep": (
        "/Patient",
        ("organization.name", "A"),
        (("managingOrganization", "Organization"),),
        lambda one: one["name"] == "A",
    ),
    "1 deep, by a reference to several types": (
        "/MedicationRequest",
        ("requester:Practitioner.family", "X"),
        (("requester", "Practitioner"),),
        lambda one: first(one, "name") == "X",
    ),
    "2 deep": (
        "/MedicationDispense",
        ("prescription.subject:Patient.gender", "male"),
        (("authorizingPrescription", "MedicationRequest"), ("subject", "Patient")),
        lambda one: one["gender"] == "male",
    ),
    "2 deep, up the same reference": (
        "/Organization",
        ("partof.partof.name", "B"),
        (("partOf", "Organization"), ("partOf", "Organization")),
        lambda one: one["name"] == "B",
    ),
    "3 deep": (
        "/MedicationDispense",
        ("prescription.patient.organization.name", "C"),
        (
            ("authorizingPrescription", "MedicationRequest"),
            ("subject", "Patient"),
            ("managingOrganization", "Organization"),
        ),
        lambda one: one["name"] == "C",
    ),
    "3 deep, to an id": (
        "/MedicationDispense",
        ("prescription.subject:Patient.general-practitioner:Practitioner._id", "p1,p2,p4,p6,p7"),
        (
            ("authorizingPrescription", "MedicationRequest"),
            ("subject", "Patient"),
            ("generalPractitioner", "Practitioner"),
        ),
        lambda one: one["id"] in ("p1", "p2", "p4", "p6", "p7"),
    ),
}


@pytest.mark.parametrize(("url", "asked", "steps", "holds"), CHAINS.values(), ids=CHAINS)
def test_a_chain_finds_what_a_client_joins(
    client: httpx.Client,
    reads: Reads,
    url: str,
    asked: tuple[str, str],
    steps: Steps,
    holds: Callable[[Json], bool],
) -> None:
    joined = {one["id"] for one, met in chained(reads, reads.of(url[1:]), *steps) if any(map(holds, met))}
    shown = found(client, url, asked)
    assert joined
    assert len(shown) == len(set(shown))
    assert set(shown) == joined


def patients_with(reads: Reads, type_name: str, holds: Callable[[Json], bool]) -> set[str]:
    subjects = {key for one in reads.of(type_name) if holds(one) for key in references(one, ("subject",))}
    return {resource_id for kind, resource_id in subjects & reads.resources.keys() if kind == "Patient"}


def is_dispensed(reads: Reads, status: str) -> Callable[[Json], bool]:
    dispenses = [one for one in reads.of("MedicationDispense") if one["status"] == status]
    requests = {key for one in dispenses for key in references(one, ("authorizingPrescription",))}
    return lambda one: key_of(one) in requests


def requested_by(reads: Reads, family: str) -> Callable[[Json], bool]:
    wanted = {key_of(one) for one in reads.of("Practitioner") if first(one, "name") == family}
    return lambda one: bool(wanted & set(references(one, ("requester",))))


HAS: dict[str, tuple[str, str, Callable[[Reads], set[str]]]] = {
    "1 deep": (
        "_has:MedicationRequest:patient:status",
        "stopped",
        lambda reads: patients_with(reads, "MedicationRequest", lambda one: one["status"] == "stopped"),
    ),
    "2 deep": (
        "_has:MedicationRequest:subject:_has:MedicationDispense:prescription:status",
        "declined",
        lambda reads: patients_with(reads, "MedicationRequest", is_dispensed(reads, "declined")),
    ),
    "then a chain": (
        "_has:MedicationRequest:subject:requester:Practitioner.family",
        "Y",
        lambda reads: patients_with(reads, "MedicationRequest", requested_by(reads, "Y")),
    ),
    "one of several": (
        "_has:MedicationRequest:subject:status",
        "stopped,completed",
        lambda reads: patients_with(reads, "MedicationRequest", lambda one: one["status"] != "active"),
    ),
}


@pytest.mark.parametrize(("name", "value", "expected"), HAS.values(), ids=HAS)
def test_has_finds_what_a_client_joins(
    client: httpx.Client, reads: Reads, name: str, value: str, expected: Callable[[Reads], set[str]]
) -> None:
    shown = found(client, "/Patient", (name, value))
    assert shown
    assert len(shown) == len(set(shown))
    assert set(shown) == expected(reads)


def test_a_chain_may_end_in_has(client: httpx.Client, reads: Reads) -> None:
    patients = patients_with(reads, "MedicationRequest", lambda one: one["status"] == "stopped")
    observed = {one["id"] for one in reads.of("Observation") if references_to(one) & patients}
    shown = found(client, "/Observation", ("subject:Patient._has:MedicationRequest:subject:status", "stopped"))
    assert observed
    assert set(shown) == observed


def references_to(resource: Json) -> set[str]:
    return {resource_id for _, resource_id in references(resource, ("subject",))}


def test_two_has_criteria_may_be_met_by_two_resources(client: httpx.Client, reads: Reads) -> None:
    both = [("_has:MedicationRequest:subject:status", one) for one in ("active", "stopped")]
    expected = [
        patients_with(reads, "MedicationRequest", lambda one, s=status: one["status"] == s)
        for status in ("active", "stopped")
    ]
    assert set(found(client, "/Patient", *both)) == expected[0] & expected[1]


DEEPER = [
    ("/MedicationDispense", "prescription.patient.organization.partof.name"),
    ("/Organization", "partof.partof.partof.partof._id"),
    ("/Patient", "_has:Observation:subject:_has:Observation:has-member:_has:Observation:has-member:status"),
]


@pytest.mark.parametrize(("url", "name"), DEEPER)
def test_a_join_deeper_than_that_is_refused(client: httpx.Client, url: str, name: str) -> None:
    outcome = refused(client.get(url, params={name: "x"}), 403)
    assert outcome["issue"][0]["code"] == "too-costly"


def coded(group: Json, code: str) -> bool:
    return any(one["code"] == code for one in group.get("code", {}).get("coding", []))


def valued(group: Json, holds: Callable[[float], bool]) -> bool:
    return "valueQuantity" in group and holds(group["valueQuantity"]["value"])


COMPOSITES: dict[str, tuple[str, str, Callable[[Json], bool]]] = {
    "code and quantity": (
        "code-value-quantity",
        f"{CODES}|a$gt4|{UCUM}|mg",
        lambda one: coded(one, "a") and valued(one, lambda value: value > 4),
    ),
    "code and quantity, without a unit": (
        "code-value-quantity",
        "b$lt5",
        lambda one: coded(one, "b") and valued(one, lambda value: value < 5),
    ),
    "code and concept": (
        "code-value-concept",
        f"a${CODES}|v",
        lambda one: (
            coded(one, "a") and any(c["code"] == "v" for c in one.get("valueCodeableConcept", {}).get("coding", []))
        ),
    ),
    "both in one component": (
        "component-code-value-quantity",
        "a$9",
        lambda one: any(coded(c, "a") and valued(c, lambda value: value == 9) for c in one.get("component", [])),
    ),
    "either of two": (
        "component-code-value-quantity",
        "a$9,b$1",
        lambda one: any(
            (coded(c, "a") and valued(c, lambda value: value == 9))
            or (coded(c, "b") and valued(c, lambda value: value == 1))
            for c in one.get("component", [])
        ),
    ),
    "in the resource or a component": (
        "combo-code-value-quantity",
        "a$1",
        lambda one: any(
            coded(c, "a") and valued(c, lambda value: value == 1) for c in [one, *one.get("component", [])]
        ),
    ),
}


@pytest.mark.parametrize(("name", "value", "holds"), COMPOSITES.values(), ids=COMPOSITES)
def test_a_composite_finds_what_a_client_compares(
    client: httpx.Client, reads: Reads, name: str, value: str, holds: Callable[[Json], bool]
) -> None:
    expected = {one["id"] for one in reads.of("Observation") if holds(one)}
    assert expected
    assert set(found(client, "/Observation", (name, value))) == expected
