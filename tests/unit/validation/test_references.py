import pytest

from fhir_server.model.definitions import load_definitions
from fhir_server.validation.findings import Scope
from fhir_server.validation.references import target_type

KNOWN = load_definitions().resource_types


def an_observation(**subject):
    return {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "subject": subject}


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/1",
        "Patient/1/_history/2",
        "https://a.example/fhir/Patient/1",
        "https://a.example/fhir/Patient/1/_history/1",
        "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
        "https://a.example/people?id=4",
        "https://a.example/Pigeon/4",
        "Patient?identifier=a|b/c",
    ],
)
def test_a_reference_to_an_allowed_or_unknowable_type_is_accepted(problems, reference):
    assert problems(an_observation(reference=reference)) == []


@pytest.mark.parametrize(
    "reference",
    [
        "Encounter/1",
        "Encounter/1/_history/2",
        "Pigeon/1",
        "https://a.example/fhir/Encounter/1",
        "https://a.example/fhir/Encounter/1/_history/1",
        "Encounter?identifier=a|b",
    ],
)
def test_a_reference_to_another_type_is_refused_at_its_place(problems, reference):
    assert problems(an_observation(reference=reference)) == [("value", "Observation.subject.reference")]


def test_the_type_element_is_held_to_the_targets_too(problems):
    assert problems(an_observation(display="x", type="Encounter")) == [("value", "Observation.subject.type")]
    assert problems(an_observation(display="x", type="Patient")) == []


def test_a_reference_to_any_resource_still_names_a_resource(problems):
    def a_list(reference):
        entry = [{"item": {"reference": reference}}]
        return {"resourceType": "List", "status": "current", "mode": "working", "entry": entry}

    assert problems(a_list("Device/1")) == []
    assert problems(a_list("Pigeon/1")) == [("value", "List.entry[0].item.reference")]


def test_ref_1_a_local_reference_resolves(issues):
    (issue,) = issues(an_observation(reference="#p"))
    assert issue.expression == "Observation.subject.reference"
    assert issue.diagnostics.startswith("ref-1")


def test_a_contained_target_has_an_allowed_type(problems):
    contained = [{"resourceType": "Encounter", "id": "e", "status": "planned", "class": {"code": "AMB"}}]
    resource = {**an_observation(reference="#e"), "contained": contained}
    assert problems(resource) == [("value", "Observation.subject.reference")]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("Patient/1", "Patient"),
        ("Patient", ""),
        ("", ""),
        ("/", ""),
        ("Patient/1/2", ""),
        ("urn:oid:1.2", ""),
        ("http://a.example/Patient/1", "Patient"),
        ("_history/1", "_history"),
        ("a/_history/1", ""),
        ("a/_history/_history/1", "a"),
    ],
)
def test_the_type_a_reference_names(reference, expected):
    assert target_type(reference, Scope({}), KNOWN) == expected
