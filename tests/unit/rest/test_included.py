"""What `_include` adds to a page. https://hl7.org/fhir/R4/search.html#include."""

import json

import pytest

from fhir_server.model.definitions import SearchParameterDefinition, load_definitions
from fhir_server.rest.included import forward_targets
from fhir_server.search.query import Include
from fhir_server.search.registry import Registry
from tests.builders.resources import a_medication_request, a_patient, an_observation

BASE = "http://example.org/fhir"


@pytest.fixture(scope="module")
def registry():
    return Registry(load_definitions())


def include(source="", *parameters, target="", reverse=False, iterate=False):
    return Include(source, parameters, target, reverse, iterate)


def shown(resource, resource_id="1"):
    return resource["resourceType"], resource_id, json.dumps(resource).encode()


def targets(registry, includes, *resources):
    return forward_targets(registry, includes, [shown(resource) for resource in resources], BASE)


REQUEST = a_medication_request(
    "Patient/p1",
    requester={"reference": "Practitioner/d1"},
    encounter={"reference": "Encounter/e1"},
    performer={"reference": "Organization/o1"},
)


def test_a_named_parameter_is_followed_and_no_other(registry):
    assert targets(registry, [include("MedicationRequest", "requester")], REQUEST) == (("Practitioner", "d1"),)


@pytest.mark.parametrize("source", ["", "MedicationRequest"])
def test_without_names_every_reference_parameter_is_followed(registry, source):
    found = targets(registry, [include(source)], REQUEST)
    performers = {("Practitioner", "d1"), ("Organization", "o1")}
    assert set(found) == {("Patient", "p1"), ("Encounter", "e1"), *performers}


def test_an_include_of_another_type_does_not_apply(registry):
    assert targets(registry, [include("Observation", "subject"), include("Observation")], REQUEST) == ()


def test_an_include_of_any_type_applies_to_each(registry):
    observation = an_observation(subject={"reference": "Patient/p2"})
    found = targets(registry, [include(target="Patient")], REQUEST, observation)
    assert found == (("Patient", "p1"), ("Patient", "p2"))


def test_a_target_type_is_a_filter(registry):
    assert targets(registry, [include("MedicationRequest", target="Encounter")], REQUEST) == (("Encounter", "e1"),)
    assert targets(registry, [include("MedicationRequest", "subject", target="Group")], REQUEST) == ()


def test_a_reverse_include_is_passed_over(registry):
    assert targets(registry, [include("MedicationRequest", "subject", reverse=True)], REQUEST) == ()


def test_an_include_that_iterates_is_followed_too(registry):
    assert targets(registry, [include("MedicationRequest", "subject", iterate=True)], REQUEST) == (("Patient", "p1"),)


def test_each_target_comes_once_in_the_order_it_is_met(registry):
    requests = [a_medication_request(f"Patient/{number}") for number in (3, 1, 3, 2, 1)]
    found = targets(registry, [include("MedicationRequest", "subject"), include("MedicationRequest")], *requests)
    assert found == (("Patient", "3"), ("Patient", "1"), ("Patient", "2"))


REFERENCES = {
    "relative": ("Patient/p1", True),
    "absolute": (f"{BASE}/Patient/p1", True),
    "versioned": ("Patient/p1/_history/2", True),
    "absolute and versioned": (f"{BASE}/Patient/p1/_history/2", True),
    "foreign": ("http://elsewhere.example.org/fhir/Patient/p1", False),
    "contained": ("#p1", False),
    "a URN": ("urn:uuid:7b0d4bd9-9c9d-4ae6-9b0a-62a0ae7ea3a9", False),
    "conditional": ("Patient?identifier=x", False),
    "no type of R4": ("Shoe/p1", False),
    "no id": ("Patient/p_1", False),
}


@pytest.mark.parametrize(("reference", "is_local"), REFERENCES.values(), ids=REFERENCES)
def test_only_references_to_this_server_are_followed(registry, reference, is_local):
    found = targets(registry, [include("MedicationRequest", "subject")], a_medication_request(reference))
    assert found == ((("Patient", "p1"),) if is_local else ())


def test_a_logical_reference_leads_nowhere(registry):
    observation = an_observation(subject={"identifier": {"value": "1"}, "type": "Patient"})
    assert targets(registry, [include("Observation")], observation) == ()


CANONICALS = {
    "relative": ("Questionnaire/q1", True),
    "absolute": (f"{BASE}/Questionnaire/q1", True),
    "with its version": (f"{BASE}/Questionnaire/q1|2.0", True),
    "with its fragment": (f"{BASE}/Questionnaire/q1#part", True),
    "foreign": ("http://elsewhere.example.org/Questionnaire/q1", False),
}


@pytest.mark.parametrize(("canonical", "is_local"), CANONICALS.values(), ids=CANONICALS)
def test_a_canonical_to_this_server_is_followed(registry, canonical, is_local):
    response = {"resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": canonical}
    found = targets(registry, [include("QuestionnaireResponse", "questionnaire")], response)
    assert found == ((("Questionnaire", "q1"),) if is_local else ())


def test_references_in_repeating_elements_are_all_followed(registry):
    performers = [{"reference": f"Practitioner/{number}"} for number in range(3)]
    found = targets(registry, [include("Observation", "performer")], an_observation(performer=performers))
    assert found == (("Practitioner", "0"), ("Practitioner", "1"), ("Practitioner", "2"))


def test_a_parameter_that_is_no_reference_leads_nowhere(registry):
    patient = a_patient("Patient/p1")
    assert targets(registry, [include("Patient", "family")], patient) == ()
    assert targets(registry, [include("Patient")], patient) == ()
    assert targets(registry, [include("Patient", "no-such-parameter")], patient) == ()


def test_a_parameter_that_selects_an_extension_is_followed_to_its_value():
    url = "http://example.org/counsellor"
    added = SearchParameterDefinition(
        url="http://example.org/SearchParameter/counsellor",
        code="counsellor",
        type="reference",
        base=("Patient",),
        expression=f"Patient.extension('{url}')",
        target=("Practitioner",),
        components=(),
        multiple_or=True,
        multiple_and=True,
        modifiers=(),
        comparators=(),
    )
    patient = a_patient(extension=[{"url": url, "valueReference": {"reference": "Practitioner/d1"}}])
    registry = Registry(load_definitions(), (added,))
    assert targets(registry, [include("Patient", "counsellor")], patient) == (("Practitioner", "d1"),)


def test_without_an_include_that_applies_nothing_is_parsed(registry):
    assert forward_targets(registry, [include("Observation")], [("Patient", "1", b"no JSON")], BASE) == ()
