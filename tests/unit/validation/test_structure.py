import pytest

OBSERVATION = {"resourceType": "Observation", "status": "final", "code": {"text": "weight"}}


def a_patient(**elements):
    return {"resourceType": "Patient", **elements}


def test_a_resource_of_nothing_but_its_type_is_valid(problems):
    assert problems(a_patient()) == []


@pytest.mark.parametrize("resource", [None, [], "Patient", 1, {}, {"resourceType": None}, {"resourceType": 3}])
def test_what_is_not_a_resource_is_refused(problems, resource):
    assert problems(resource) == [("structure", "Resource")]


@pytest.mark.parametrize("name", ["Resource", "DomainResource", "HumanName", "Patient.contact", "Elixir", "x" * 10**6])
def test_a_type_that_is_no_resource_is_refused_and_quoted_in_part(issues, name):
    (issue,) = issues({"resourceType": name})
    assert issue.expression == "Resource"
    assert len(issue.diagnostics) < 200


def test_an_unknown_element_is_named_at_its_place(issues):
    (issue,) = issues(a_patient(name=[{"family": "Chalmers"}, {"nick": "Jim"}]))
    assert (issue.code, issue.expression) == ("structure", "Patient.name[1].nick")
    assert "unknown element 'nick'" in issue.diagnostics


def test_an_unknown_element_with_an_unspeakable_name_is_placed_on_its_parent(problems):
    assert problems(a_patient(**{"a b'": 1, "x" * 100: 2})) == [("structure", "Patient")] * 2


def test_every_problem_is_reported_in_one_pass(problems):
    broken = a_patient(birthDate="yesterday", gender="robot", foo=1, contact=[{"name": [{}]}])
    assert problems(broken) == [
        ("value", "Patient.birthDate"),
        ("code-invalid", "Patient.gender"),
        ("structure", "Patient.foo"),
        ("structure", "Patient.contact[0].name"),
    ]


def test_a_missing_required_element_is_named_with_its_minimum(issues):
    found = {(i.code, i.expression, i.diagnostics) for i in issues({"resourceType": "Observation"})}
    assert found == {
        ("required", "Observation.status", "Observation.status is required (min 1)"),
        ("required", "Observation.code", "Observation.code is required (min 1)"),
    }


def test_a_required_primitive_may_be_nothing_but_an_extension(problems):
    reason = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    resource = {**OBSERVATION, "_status": {"extension": [reason]}}
    del resource["status"]
    assert problems(resource) == []


def test_a_missing_required_choice_is_named_without_its_type(problems):
    assert ("required", "MedicationRequest.medication") in problems({"resourceType": "MedicationRequest"})


@pytest.mark.parametrize(
    ("elements", "place"),
    [
        ({"name": {"family": "Chalmers"}}, "Patient.name"),
        ({"birthDate": ["2020"]}, "Patient.birthDate"),
        ({"active": "true"}, "Patient.active"),
        ({"maritalStatus": "M"}, "Patient.maritalStatus"),
        ({"name": ["Chalmers"]}, "Patient.name[0]"),
        ({"name": [{"given": "Jim"}]}, "Patient.name[0].given"),
        ({"name": [{"given": ["Jim", 3]}]}, "Patient.name[0].given[1]"),
        ({"name": [None]}, "Patient.name[0]"),
        ({"birthDate": None}, "Patient.birthDate"),
        ({"_birthDate": "x"}, "Patient.birthDate"),
    ],
)
def test_a_wrong_json_shape_is_a_structural_error(problems, elements, place):
    assert problems(a_patient(**elements)) == [("structure", place)]


@pytest.mark.parametrize(
    ("elements", "place"),
    [
        ({"maritalStatus": {}}, "Patient.maritalStatus"),
        ({"maritalStatus": {"id": "1"}}, "Patient.maritalStatus"),
        ({"name": []}, "Patient.name"),
        ({"name": [{}]}, "Patient.name[0]"),
        ({"name": [{"given": []}]}, "Patient.name[0].given"),
        ({"name": [{"family": ""}]}, "Patient.name[0].family"),
        ({"_birthDate": {}}, "Patient.birthDate"),
        ({"_birthDate": {"id": "x"}}, "Patient.birthDate"),
        ({"birthDate": "1974", "_birthDate": {}}, "Patient.birthDate"),
        ({"name": [{"given": [None, "b"], "_given": [{"id": "x"}, None]}]}, "Patient.name[0].given[0]"),
    ],
)
def test_ele_1_nothing_is_empty(issues, elements, place):
    (issue,) = issues(a_patient(**elements))
    assert (issue.code, issue.expression) == ("invariant", place)
    assert issue.diagnostics.startswith("ele-1")


EXTENDED = {"extension": [{"url": "http://a.example", "valueString": "x"}]}


@pytest.mark.parametrize(
    "name",
    [
        {"given": ["a", None], "_given": [None, EXTENDED]},
        {"given": ["a", "b"], "_given": [EXTENDED, None]},
        {"_given": [EXTENDED, EXTENDED]},
        {"family": "a", "_family": EXTENDED},
        {"_family": EXTENDED},
        {"family": "a", "_family": {"id": "x"}},
        {"given": ["a", "b"], "_given": [None, {"id": "x"}]},
    ],
)
def test_primitives_and_their_siblings_may_stand_side_by_side(problems, name):
    assert problems(a_patient(name=[name])) == []


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ({"given": ["a", None]}, "given[1]"),
        ({"given": ["a", None], "_given": [EXTENDED, None]}, "given[1]"),
        ({"given": ["a"], "_given": [EXTENDED, EXTENDED]}, "given"),
        ({"given": ["a", "b"], "_given": [EXTENDED]}, "given"),
        ({"_given": [None, EXTENDED]}, "given[0]"),
        ({"given": ["a"], "_given": EXTENDED}, "given"),
    ],
)
def test_arrays_of_primitives_and_siblings_are_aligned(problems, name, place):
    assert {expression for _, expression in problems(a_patient(name=[name]))} == {"Patient.name[0]." + place}


def test_a_choice_has_one_type(problems):
    resource = {**OBSERVATION, "valueString": "80 kg", "valueBoolean": True}
    assert problems(resource) == [("structure", "Observation.value")]


def test_a_choice_may_carry_its_sibling(problems):
    assert problems({**OBSERVATION, "valueString": "80 kg", "_valueString": EXTENDED}) == []


def test_the_sibling_of_another_choice_is_another_choice(problems):
    assert problems({**OBSERVATION, "valueString": "80 kg", "_valueTime": EXTENDED})


def test_a_choice_allows_only_its_types(problems):
    assert problems({**OBSERVATION, "valueUri": "a"}) == [("structure", "Observation.valueUri")]


def test_the_content_of_another_element_is_checked_by_its_definition(problems):
    component = {"code": {"text": "x"}, "referenceRange": [{"low": {"value": "1"}}]}
    assert problems({**OBSERVATION, "component": [component]}) == [
        ("structure", "Observation.component[0].referenceRange[0].low.value")
    ]


@pytest.mark.parametrize(
    "extension",
    [
        {"url": "http://a.example"},
        {"url": "http://a.example", "valueString": "x", "extension": [{"url": "b", "valueString": "y"}]},
    ],
)
def test_ext_1_an_extension_has_a_value_or_extensions(rules, extension):
    assert rules(a_patient(extension=[extension])) == ["ext-1"]


def test_an_extension_has_a_url(problems):
    assert problems(a_patient(extension=[{"valueString": "x"}])) == [("required", "Patient.extension[0].url")]


def test_an_element_id_is_unique_within_its_resource(problems):
    names = [{"id": "n1", "family": "a"}, {"id": "n2", "family": "b"}, {"id": "n1", "family": "c"}]
    assert problems(a_patient(name=names)) == [("invariant", "Patient.name[2].id")]


def test_resources_of_one_bundle_have_element_ids_of_their_own(problems):
    entry = {"fullUrl": "urn:uuid:1", "resource": a_patient(name=[{"id": "n1", "family": "a"}])}
    assert problems({"resourceType": "Bundle", "type": "collection", "entry": [entry, {**entry, "fullUrl": "b"}]}) == []


def test_a_problem_in_a_bundled_resource_is_placed_from_the_bundle(problems):
    entries = [{"resource": a_patient()}, {"resource": a_patient(birthDate="x")}]
    assert problems({"resourceType": "Bundle", "type": "collection", "entry": entries}) == [
        ("value", "Bundle.entry[1].resource.birthDate")
    ]


def test_a_problem_in_a_parameter_resource_is_found(problems):
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "a", "resource": a_patient(foo=1)}]}
    assert problems(parameters) == [("structure", "Parameters.parameter[0].resource.foo")]
