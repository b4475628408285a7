from dataclasses import replace

import pytest

from fhir_server.model.definitions import load_definitions
from fhir_server.model.fhirpath.syntax import FhirPathError
from fhir_server.search.extract import Typed, compile_expression
from fhir_server.search.references import target_type
from fhir_server.search.registry import Registry


def extracted(resource, expression, type_name=""):
    return compile_expression(load_definitions(), type_name or resource["resourceType"], expression)(resource)


def parameter(resource, code):
    return Registry(load_definitions()).official(resource["resourceType"])[code].extract(resource)


def patient(**members):
    return {"resourceType": "Patient", **members}


def observation(**members):
    return {"resourceType": "Observation", **members}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("Patient.birthDate", [("date", "1970")]),
        ("Patient.active", [("boolean", False)]),
        ("Patient.name.given", [("string", "a"), ("string", "b"), ("string", "c")]),
        ("name.family", [("string", "F")]),
        ("Resource.id", [("id", "1")]),
        ("id", [("id", "1")]),
        ("DomainResource.language", [("code", "en")]),
        ("Patient.contact", [("Patient.contact", {"gender": "male"})]),
        ("Patient.deceased", [("dateTime", "2020")]),
        ("Patient.deceased.as(dateTime)", [("dateTime", "2020")]),
        ("Patient.deceased as boolean", []),
        ("Patient.meta.profile", [("canonical", "http://p")]),
        ("Patient.photo", []),
        ("Patient.name.first().given", [("string", "a"), ("string", "b")]),
        ("Patient.name.last().given.last()", [("string", "c")]),
        ("Patient.name.given[1]", [("string", "b")]),
        ("Patient.name[7].given", []),
        ("(Patient.name | Patient.contact.name).given", [("string", "a"), ("string", "b"), ("string", "c")]),
        ("Observation.code | Patient.gender | Device.type", [("code", "male")]),
        ("Patient.gender | Patient.contact.gender", [("code", "male"), ("code", "male")]),
        ("Patient.birthDate.extension('http://e').value", [("code", "x")]),
        ("Patient.birthDate.extension.url", [("uri", "http://e"), ("uri", "http://f")]),
        ("Patient", [("Patient", ...)]),
        ("Patient.contained", [("Device", {"resourceType": "Device", "id": "d"})]),
    ],
)
def test_values_come_with_their_type(expression, expected):
    resource = patient(
        id="1",
        meta={"profile": ["http://p"]},
        language="en",
        active=False,
        gender="male",
        birthDate="1970",
        _birthDate={"extension": [{"url": "http://e", "valueCode": "x"}, {"url": "http://f"}]},
        deceasedDateTime="2020",
        name=[{"family": "F", "given": ["a", None, "b"], "_given": [None, {"id": "x"}]}, {"given": ["c"]}],
        contact=[{"gender": "male"}],
        contained=[{"resourceType": "Device", "id": "d"}],
    )
    wanted = [Typed(name, resource if value is ... else value) for name, value in expected]
    assert extracted(resource, expression) == wanted


def test_a_choice_without_a_type_gives_each_its_own_type():
    expression = "Observation.effective"
    assert extracted(observation(effectivePeriod={"start": "2020"}), expression) == [("Period", {"start": "2020"})]
    assert extracted(observation(effectiveDateTime="2020"), expression) == [("dateTime", "2020")]


def test_a_derived_type_is_its_ancestor_and_keeps_its_name():
    condition = {"resourceType": "Condition", "onsetAge": {"value": 1}}
    assert extracted(condition, "Condition.onset.as(Quantity)") == [("Age", {"value": 1})]


def test_content_references_lead_to_the_type_they_name():
    questionnaire = {"resourceType": "Questionnaire", "item": [{"item": [{"linkId": "2"}]}]}
    assert extracted(questionnaire, "Questionnaire.item.item") == [("Questionnaire.item", {"linkId": "2"})]


def test_a_component_starts_from_a_backbone_element():
    component = {"code": {"text": "x"}, "valueQuantity": {"value": 1}}
    found = extracted(component, "value.as(Quantity)", "Observation.component")
    assert found == [("Quantity", {"value": 1})]


def test_the_resource_at_an_index_says_its_type():
    bundle = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Composition"}}, {"resource": {}}]}
    assert parameter(bundle, "composition") == [("Composition", {"resourceType": "Composition"})]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, False),
        ({"deceasedBoolean": False}, False),
        ({"deceasedBoolean": True}, True),
        ({"deceasedDateTime": "2020"}, True),
    ],
)
def test_a_computed_parameter_is_a_boolean(members, expected):
    assert parameter(patient(**members), "deceased") == [("boolean", expected)]


def test_conditions_filter():
    resource = patient(telecom=[{"system": "phone", "value": "1"}, {"system": "email", "value": "2"}, {"value": "3"}])
    assert [found.value["value"] for found in parameter(resource, "email")] == ["2"]


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("use = 'usual'", [0]),
        ("use != 'usual'", [1]),
        ("use.exists()", [0, 1]),
        ("use.empty()", [2]),
        ("use.exists().not()", [2]),
        ("(use = 'usual').not()", [1]),
        ("use = 'usual' or family = 'C'", [0, 2]),
        ("use = 'old' and given = 'b'", [1]),
        ("use = 'old' and given = 'x'", []),
        ("family = given", [1]),
        ("given.exists($this = 'a')", [0]),
        ("use", [0, 1]),
        ("hasExtension('http://e')", [2]),
        ("given.hasExtension('http://e')", [0]),
        ("true", [0, 1, 2]),
        ("given.first() = 'b'", [1]),
    ],
)
def test_a_condition_holds_only_when_true(condition, kept):
    extension = {"extension": [{"url": "http://e"}]}
    names = [
        {"use": "usual", "given": ["a", "z"], "_given": [extension]},
        {"use": "old", "given": ["b"], "family": "b"},
        {"family": "C", **extension},
    ]
    found = extracted(patient(name=names), f"Patient.name.where({condition})")
    assert [item.value for item in found] == [names[index] for index in kept]


def test_numbers_in_conditions_are_compared_by_value():
    found = extracted(
        {"resourceType": "RiskAssessment", "prediction": [{"whenRange": {"low": {"value": 1}}}]},
        "RiskAssessment.prediction.where(when.low.value = 1.0)",
    )
    assert len(found) == 1


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"reference": "Patient/1"}, "Patient"),
        ({"reference": "Patient/1/_history/2"}, "Patient"),
        ({"reference": "http://example.org/fhir/Patient/1"}, "Patient"),
        ({"reference": "https://example.org/fhir/Group/a-b.c/_history/9"}, "Group"),
        ({"reference": "#p"}, "RelatedPerson"),
        ({"reference": "#"}, "Observation"),
        ({"reference": "#other"}, ""),
        ({"reference": "urn:uuid:0b2f4a3c", "type": "Patient"}, "Patient"),
        ({"type": "http://hl7.org/fhir/StructureDefinition/Patient"}, "Patient"),
        ({"reference": "urn:uuid:0b2f4a3c"}, ""),
        ({"identifier": {"value": "1"}}, ""),
        ({"reference": "patient/1"}, ""),
        ({"reference": "http://example.org/theirPatient/1"}, ""),
        ({"reference": "Patient/" + "1" * 65}, ""),
        ({"reference": "http://example.org/Patient"}, ""),
        ({}, ""),
    ],
)
def test_a_reference_says_what_it_points_to(reference, expected):
    container = observation(contained=[{"resourceType": "RelatedPerson", "id": "p"}])
    assert target_type(reference, container) == expected


def test_resolve_is_decided_by_the_reference():
    by_type = [observation(subject={"reference": f"{name}/1"}) for name in ("Patient", "Group")]
    assert [len(parameter(resource, "patient")) for resource in by_type] == [1, 0]
    assert [len(parameter(resource, "subject")) for resource in by_type] == [1, 1]


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("Patient.spam", "selects-nothing"),
        ("Device.type", "selects-nothing"),
        ("Patient.birthDate as Quantity", "selects-nothing"),
        ("Patient.name.where(spam = 'x')", "selects-nothing"),
        ("Patient.managingOrganization.resolve()", "unsupported-here"),
        ("Patient.managingOrganization.where(resolve().exists())", "unsupported-here"),
        ("Patient.name.where(use is code)", "unsupported-here"),
        ("Patient.contained as Device", "unsupported-here"),
        ("Patient.name.exists().first()", "unsupported-here"),
        ("'x'.extension('http://e')", "unsupported-start"),
    ],
)
def test_what_cannot_be_compiled_is_refused_by_name(expression, name):
    with pytest.raises(FhirPathError) as caught:
        compile_expression(load_definitions(), "Patient", expression)
    assert caught.value.name == name


def test_of_two_parameters_with_one_code_the_first_is_taken():
    definitions = load_definitions()
    gender = next(p for p in definitions.search_parameters if p.code == "gender" and "Patient" in p.base)
    other = replace(gender, url=gender.url + "-other", expression="Patient.birthDate")
    both = replace(definitions, search_parameters=(gender, other))
    found = Registry(both).official("Patient")["gender"].extract(patient(gender="male", birthDate="1970"))
    assert found == [("code", "male")]


def test_every_call_answers_with_a_list_of_its_own():
    extract = compile_expression(load_definitions(), "Patient", "Patient.gender")
    extract(patient(gender="male")).clear()
    assert extract(patient(gender="male")) == [("code", "male")]
