"""Consents as rules. https://hl7.org/fhir/R4/consent.html."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_server.model.resource_types import type_number
from fhir_server.search.consent import DEPTH_MAX, ConsentRule, rules_of
from fhir_server.search.types.date import EARLIEST, LATEST

BASE = "http://here.example/fhir"
ANYTHING = (None, None, None, None, EARLIEST, LATEST)


def a_consent(provision: dict[str, Any] | None = None, **elements: Any) -> dict[str, Any]:
    scope = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]}
    consent = {"resourceType": "Consent", "status": "active", "scope": scope, "patient": {"reference": "Patient/1"}}
    return consent | ({} if provision is None else {"provision": provision}) | elements


def the_rule(**provision: Any) -> ConsentRule:
    (rule,) = rules_of(a_consent({"type": "deny", **provision}), BASE)
    return rule


def test_a_denial_of_everything_is_one_rule() -> None:
    assert the_rule() == ConsentRule("Patient/1", False, (), *ANYTHING)


@pytest.mark.parametrize(
    "consent",
    [
        a_consent({"type": "deny"}, status="inactive"),
        a_consent({"type": "deny"}, status="draft"),
        a_consent({"type": "deny"}, scope={"coding": [{"code": "research"}]}),
        a_consent({"type": "deny"}, patient={"display": "somebody"}),
        a_consent({"type": "deny"}, patient=None),
        a_consent(),
    ],
)
def test_what_is_no_active_consent_on_privacy_has_no_rules(consent: dict[str, Any]) -> None:
    assert rules_of(consent, BASE) == ()


def test_actors_are_found_by_their_references_to_this_server() -> None:
    references = ["Practitioner/1", f"{BASE}/Organization/2", "https://other.example/Practitioner/3"]
    rule = the_rule(actor=[{"reference": {"reference": text}} for text in references])
    assert rule.actors == ("Practitioner/1", "Organization/2", "https://other.example/Practitioner/3")


def test_purposes_types_labels_and_periods_are_taken_over() -> None:
    rule = the_rule(
        purpose=[{"code": "HRESCH"}],
        **{"class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]},
        securityLabel=[{"system": "urn:s", "code": "PSY"}],
        period={"start": "2026", "end": "2026-06"},
    )
    assert rule[3:7] == (None, ("HRESCH",), (type_number("Observation"),), ("urn:s|PSY",))
    assert (rule.low, rule.high) == (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))


def test_exceptions_stand_deeper_than_what_they_are_from() -> None:
    inner = {"type": "permit", "actor": [{"reference": {"reference": "Practitioner/1"}}]}
    rules = rules_of(a_consent({"type": "deny", "provision": [inner]}), BASE)
    assert [(rule.permits, rule.path, rule.actors) for rule in rules] == [
        (False, (), None),
        (True, (0,), ("Practitioner/1",)),
    ]


def test_an_exception_is_about_whom_and_what_it_is_an_exception_from() -> None:
    label = {"type": "permit", "securityLabel": [{"system": "urn:s", "code": "R"}]}
    actor = {"type": "permit", "actor": [{"reference": {"reference": "Practitioner/1"}}], "provision": [label]}
    rules = rules_of(a_consent({"type": "deny", "provision": [{"type": "deny"}, actor]}), BASE)
    assert [(rule.path, rule.actors, rule.labels) for rule in rules] == [
        ((), None, None),
        ((0,), None, None),
        ((1,), ("Practitioner/1",), None),
        ((1, 0), ("Practitioner/1",), ("urn:s|R",)),
    ]


NOT_UNDERSTOOD = [
    {"class": [{"system": "http://loinc.org", "code": "11506-3"}]},
    {"class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Lab"}]},
    {"actor": [{"reference": {"identifier": {"value": "x"}}}]},
    {"actor": [{"role": {"text": "x"}, "reference": {"display": "Doctor X"}}]},
    {"securityLabel": [{"code": "R"}]},
    {"purpose": [{"display": "research"}]},
]


@pytest.mark.parametrize("said", NOT_UNDERSTOOD)
def test_what_is_said_and_not_understood_denies_all_and_permits_nothing(said: dict[str, Any]) -> None:
    assert the_rule(**said) == ConsentRule("Patient/1", False, (), *ANYTHING)
    assert rules_of(a_consent({"type": "permit", **said}), BASE) == ()


def test_an_exception_that_could_be_about_nobody_is_none() -> None:
    other = {"type": "permit", "actor": [{"reference": {"reference": "Practitioner/2"}}]}
    provision = {"type": "deny", "actor": [{"reference": {"reference": "Practitioner/1"}}], "provision": [other]}
    assert [rule.path for rule in rules_of(a_consent(provision), BASE)] == [()]


@pytest.mark.parametrize(
    "narrowing", [{"code": [{"text": "x"}]}, {"data": [{"meaning": "instance"}]}, {"dataPeriod": {}}]
)
def test_what_cannot_be_applied_to_the_letter_denies_and_does_not_permit(narrowing: dict[str, Any]) -> None:
    assert the_rule(**narrowing) == ConsentRule("Patient/1", False, (), *ANYTHING)
    assert rules_of(a_consent({"type": "permit", **narrowing}), BASE) == ()


def test_an_action_that_is_not_about_seeing_makes_no_rule() -> None:
    assert rules_of(a_consent({"type": "deny", "action": [{"coding": [{"code": "collect"}]}]}), BASE) == ()
    assert the_rule(action=[{"coding": [{"code": "access"}]}]).permits is False


def test_an_exception_without_a_type_denies() -> None:
    rules = rules_of(a_consent({"type": "permit", "provision": [{}]}), BASE)
    assert [rule.permits for rule in rules] == [True, False]


def test_provisions_deeper_than_is_looked_at_deny() -> None:
    provision: dict[str, Any] = {"type": "permit"}
    for _ in range(DEPTH_MAX + 5):
        provision = {"type": "permit", "provision": [provision]}
    rules = rules_of(a_consent(provision), BASE)
    assert [rule.permits for rule in rules] == [True] * DEPTH_MAX + [False]
