from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.errors import Invalid, TooCostly, Unprocessable
from fhir_server.model.definitions import load_definitions
from fhir_server.model.patching import fhirpath_patch
from fhir_server.model.patching.limits import Limits
from tests.unit.model.json_trees import as_text, number

LIMITS = Limits(operations_max=1_000, depth_max=100)
INTEGERS = ("index", "source", "destination")


def operation(operation_type, path, value=None, **parts):
    """A `parameter` of a patch; `value` is the value part without its name."""
    found = [{"name": "type", "valueCode": operation_type}, {"name": "path", "valueString": path}]
    found += [{"name": n, "valueInteger" if n in INTEGERS else "valueString": v} for n, v in parts.items()]
    found += [{"name": "value", **value}] if value is not None else []
    return {"name": "operation", "part": found}


def parameters(*operations):
    return {"resourceType": "Parameters", "parameter": list(operations)}


def patched(resource, *operations):
    before = as_text([resource, operations])
    try:
        return fhirpath_patch.apply(resource, parameters(*operations), LIMITS, load_definitions())
    finally:
        assert as_text([resource, operations]) == before


def patient(**members):
    return {"resourceType": "Patient", **members}


def observation(**members):
    return {"resourceType": "Observation", **members}


def test_add_to_a_choice_names_the_property_by_the_type_of_the_value():
    value = {"valueQuantity": {"value": number("1.00")}}
    result = patched(observation(), operation("add", "Observation", value, name="value"))
    assert as_text(result) == b'{"resourceType":"Observation","valueQuantity":{"value":1.00}}'


def test_a_choice_is_not_added_twice():
    with pytest.raises(Unprocessable, match="has 'value' already"):
        patched(observation(valueString="x"), operation("add", "Observation", {"valueInteger": 1}, name="value"))


def test_a_path_through_a_choice_finds_its_property():
    found = observation(valueQuantity={"value": 1, "unit": "mg"})
    result = patched(found, operation("replace", "Observation.value.unit", {"valueString": "g"}))
    assert result["valueQuantity"] == {"value": 1, "unit": "g"}


def test_replace_may_change_the_type_of_a_choice():
    found = observation(status="final", valueString="x", _valueString={"id": "1"}, issued="2020-01-01T00:00:00Z")
    result = patched(found, operation("replace", "Observation.value", {"valueBoolean": False}))
    assert result == observation(status="final", valueBoolean=False, issued="2020-01-01T00:00:00Z")


def test_replace_takes_the_extensions_of_a_primitive_with_it():
    extension = {"extension": [{"url": "u", "valueString": "x"}]}
    result = patched(
        patient(birthDate="1970", _birthDate={"id": "old"}),
        operation("replace", "Patient.birthDate", {"valueDate": "1971", "_valueDate": extension}),
    )
    assert result == patient(birthDate="1971", _birthDate=extension)


def test_the_items_of_a_primitive_list_move_with_their_siblings():
    given = {"given": ["a", "b", "c"], "_given": [{"id": "1"}]}
    result = patched(patient(name=[given]), operation("move", "Patient.name[0].given", source=0, destination=2))
    assert result["name"] == [{"given": ["b", "c", "a"], "_given": [None, None, {"id": "1"}]}]


def test_an_item_of_a_primitive_list_leaves_with_its_sibling():
    given = {"given": ["a", "b"], "_given": [None, {"id": "1"}]}
    result = patched(patient(name=[given]), operation("delete", "Patient.name[0].given[1]"))
    assert result["name"] == [{"given": ["a"]}]


def test_an_item_is_inserted_beside_siblings():
    given = {"given": ["a", "b"], "_given": [None, {"id": "1"}]}
    new = {"valueString": "x"}
    result = patched(patient(name=[given]), operation("insert", "Patient.name[0].given", new, index=1))
    assert result["name"] == [{"given": ["a", "x", "b"], "_given": [None, None, {"id": "1"}]}]


def test_an_item_without_a_value_is_inserted_with_its_sibling():
    result = patched(
        patient(name=[{"given": ["a"]}]),
        operation("add", "Patient.name[0]", {"_valueString": {"id": "1"}}, name="given"),
    )
    assert result["name"] == [{"given": ["a", None], "_given": [None, {"id": "1"}]}]


def test_replacing_an_item_keeps_the_lists_aligned():
    given = {"given": ["a", "b"], "_given": [None, {"id": "1"}]}
    result = patched(patient(name=[given]), operation("replace", "Patient.name[0].given[1]", {"valueString": "x"}))
    assert result["name"] == [{"given": ["a", "x"]}]


def test_an_extension_is_added_to_a_primitive_and_taken_away():
    extension = {"url": "http://e", "valueString": "x"}
    add = operation("add", "Patient.birthDate", {"valueExtension": extension}, name="extension")
    result = patched(patient(birthDate="1970"), add)
    assert result == patient(birthDate="1970", _birthDate={"extension": [extension]})
    delete = operation("delete", "Patient.birthDate.extension('http://e')")
    assert patched(result, delete) == patient(birthDate="1970")


def test_an_extension_of_an_item_is_added_and_taken_away():
    extension = {"url": "http://e", "valueString": "x"}
    add = operation("add", "Patient.name.given[1]", {"valueExtension": extension}, name="extension")
    result = patched(patient(name=[{"given": ["a", "b"]}]), add)
    assert result["name"] == [{"given": ["a", "b"], "_given": [None, {"extension": [extension]}]}]
    delete = operation("delete", "Patient.name.given.extension('http://e')")
    assert patched(result, delete) == patient(name=[{"given": ["a", "b"]}])


def test_an_element_that_is_only_an_extension_disappears_with_it():
    found = patient(gender="male", _birthDate={"extension": [{"url": "http://e", "valueString": "x"}]})
    assert patched(found, operation("delete", "Patient.birthDate.extension[0]")) == patient(gender="male")


def test_delete_of_what_is_not_there_changes_nothing():
    assert patched(patient(), operation("delete", "Patient.birthDate")) == patient()


def test_delete_takes_emptied_lists_and_objects_along():
    found = patient(contact=[{"name": {"text": "x"}}])
    assert patched(found, operation("delete", "Patient.contact.name.text")) == patient()


def test_a_backbone_element_is_made_of_parts_with_parts():
    value = {
        "part": [
            {"name": "relationship", "valueCodeableConcept": {"text": "a"}},
            {"name": "relationship", "valueCodeableConcept": {"text": "b"}},
            {"name": "gender", "valueCode": "male"},
        ]
    }
    result = patched(patient(), operation("add", "Patient", value, name="contact"))
    assert result["contact"] == [{"relationship": [{"text": "a"}, {"text": "b"}], "gender": "male"}]


def test_parts_go_into_parts_and_into_choices():
    fill = {"name": "initialFill", "part": [{"name": "duration", "valueDuration": {"value": 1}}]}
    request = {"resourceType": "MedicationRequest"}
    dispense = {"part": [fill, {"name": "numberOfRepeatsAllowed", "valueUnsignedInt": 2}]}
    substitution = {"part": [{"name": "allowed", "valueBoolean": True}]}
    result = patched(
        request,
        operation("add", "MedicationRequest", dispense, name="dispenseRequest"),
        operation("add", "MedicationRequest", substitution, name="substitution"),
    )
    assert result["dispenseRequest"] == {
        "initialFill": {"duration": {"value": 1}},
        "numberOfRepeatsAllowed": 2,
    }
    assert result["substitution"] == {"allowedBoolean": True}


def test_a_recursive_element_has_the_type_of_its_ancestor():
    questionnaire = {"resourceType": "Questionnaire", "item": [{"linkId": "1", "item": [{"linkId": "2"}]}]}
    add = operation("add", "Questionnaire.item.item", {"valueString": "x"}, name="text")
    assert patched(questionnaire, add)["item"][0]["item"] == [{"linkId": "2", "text": "x"}]


def test_a_contained_resource_has_the_elements_of_its_type():
    found = patient(contained=[{"resourceType": "Organization", "id": "o"}])
    add = operation("add", "Patient.contained.where(id = 'o')", {"valueString": "x"}, name="name")
    assert patched(found, add)["contained"] == [{"resourceType": "Organization", "id": "o", "name": "x"}]


def test_a_resource_can_be_added_to_contained():
    organization = {"resourceType": "Organization", "id": "o"}
    add = operation("add", "Patient", {"resource": organization}, name="contained")
    assert patched(patient(), add) == patient(contained=[organization])


def test_conditions_choose_the_element():
    found = patient(telecom=[{"system": "phone", "value": "1"}, {"system": "email", "value": "2"}])
    path = "Patient.telecom.where(system = 'email' and value.exists()).value"
    assert patched(found, operation("replace", path, {"valueString": "3"}))["telecom"][1]["value"] == "3"


@pytest.mark.parametrize(
    ("path", "selected"),
    [
        ("name[0]", 0),
        ("Patient.name.first()", 0),
        ("Patient.name.last()", 1),
        ("Patient.name[1]", 1),
        ("Patient.name.where(use != 'usual').single()", 1),
        ("Patient.name.where(family = 'B' or use = 'other')", 1),
        ("Patient.name.where(given.empty())", 1),
        ("Patient.name.where(family)", 1),
        ("Patient.name.where(family.exists() = true)", 1),
        ("Patient.name.where(given.exists().not())", 1),
        ("Patient.name.where(given.exists($this = 'x'))", 0),
        ("Patient.name[5] | Patient.name[1] | Patient.name[1]", 1),
        ("Patient.name.where(hasExtension('http://e'))", 1),
        ("Patient.name.where(use is code and family is string and period is Period)", 1),
        ("Patient.name.where(period.start as date = '2020')", None),
        ("Patient.name.where(period.start as dateTime = '2020')", 1),
    ],
)
def test_paths_select(path, selected):
    names = [
        {"use": "usual", "given": ["x"]},
        {
            "use": "old",
            "family": "B",
            "period": {"start": "2020"},
            "extension": [{"url": "http://e", "valueBoolean": True}],
        },
    ]
    found = patient(name=names)
    result = patched(found, operation("delete", path))
    kept = [name for index, name in enumerate(names) if index != selected]
    assert result == patient(name=kept)


def test_numbers_are_compared_by_value():
    found = observation(component=[{"valueQuantity": {"value": number("1.50")}}, {"valueString": "x"}])
    result = patched(found, operation("delete", "Observation.component.where(value.value = 1.5)"))
    assert result["component"] == [{"valueString": "x"}]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "other", "part": []},
        {"name": "operation"},
        {"name": "operation", "part": [{"name": "type", "valueCode": "spam"}]},
        {"name": "operation", "part": [{"name": "type", "valueString": "delete"}]},
        operation("delete", "Patient.name["),
        operation("delete", "Patient.name.spam()"),
        operation("delete", "Patient"),
        operation("delete", "Patient.managingOrganization.resolve()"),
        operation("delete", "Patient.name = 'x'"),
        operation("delete", "Patient.birthDate", {"valueDate": "1970"}),
        operation("replace", "Patient.birthDate"),
        operation("replace", "Patient.birthDate", {}),
        operation("replace", "Patient.birthDate", {"valueDate": "1", "valueString": "2"}),
        operation("replace", "Patient.birthDate", {"valueDate": None}),
        operation("replace", "Patient.birthDate", {"valueDate": ["1970"]}),
        operation("replace", "Patient.birthDate", {"valueDate": "1970", "_valueDate": 1}),
        operation("replace", "Patient.birthDate", {"valueString": "1970"}),
        operation("replace", "Patient.birthDate", {"valueSpam": "1970"}),
        operation("replace", "Patient.birthDate", {"part": [{"name": "id", "valueString": "x"}]}),
        operation("add", "Patient", {"valueString": "x"}, name="spam"),
        operation("add", "Patient", {"valueString": "x"}, name="maritalStatus"),
        operation("add", "Patient", {"valueCodeableConcept": "x"}, name="maritalStatus"),
        operation("add", "Patient", {"part": []}, name="contact"),
        operation("add", "Patient", {"part": [1]}, name="contact"),
        operation("add", "Patient", {"part": [{"name": "spam", "valueString": "x"}]}, name="contact"),
        operation("add", "Patient", {"part": [{"name": "gender", "valueCode": "x"}] * 2}, name="contact"),
        operation("add", "Patient", {"resource": {"resourceType": "Spam"}}, name="contained"),
        operation("insert", "Patient.name.where(use = 'usual')", {"valueHumanName": {"text": "x"}}, index=0),
        operation("insert", "Patient.birthDate", {"valueDate": "1970"}, index=0),
        operation("move", "Patient.name", source="0", destination=1),
        operation("move", "Patient.name", source=0),
        operation("insert", "Patient.name", {"valueHumanName": {"text": "x"}}),
    ],
)
def test_a_wrong_operation_is_invalid_and_named(wrong):
    right = operation("delete", "Patient.gender")
    with pytest.raises(Invalid, match=r"^Operation 1 of the FHIRPath Patch") as caught:
        patched(patient(birthDate="1970", name=[{"use": "usual"}]), right, wrong)
    assert [issue.expression for issue in caught.value.issues] == ["Parameters.parameter[1]"]


@pytest.mark.parametrize(
    "patch", [None, [], {}, {"resourceType": "Patient"}, {"resourceType": "Parameters", "parameter": 1}]
)
def test_a_patch_that_is_no_parameters_is_invalid(patch):
    with pytest.raises(Invalid, match="Parameters"):
        fhirpath_patch.apply(patient(), patch, LIMITS, load_definitions())


@pytest.mark.parametrize(
    "misplaced",
    [
        operation("add", "Patient.contact", {"valueCode": "male"}, name="gender"),
        operation("add", "Patient.name", {"valueString": "x"}, name="family"),
        operation("add", "Patient", {"valueDate": "1970"}, name="birthDate"),
        operation("delete", "Patient.name"),
        operation("replace", "Patient.gender", {"valueCode": "male"}),
        operation("insert", "Patient.name", {"valueHumanName": {"text": "x"}}, index=3),
        operation("insert", "Patient.name", {"valueHumanName": {"text": "x"}}, index=-1),
        operation("insert", "Patient.contact.telecom", {"valueContactPoint": {"value": "x"}}, index=0),
        operation("move", "Patient.name", source=2, destination=0),
        operation("move", "Patient.name", source=0, destination=2),
        operation("move", "Patient.contact", source=0, destination=0),
    ],
)
def test_an_operation_that_does_not_fit_is_unprocessable(misplaced):
    with pytest.raises(Unprocessable, match=r"^Operation 0 of the FHIRPath Patch"):
        patched(patient(birthDate="1970", name=[{"use": "usual"}, {"use": "old"}]), misplaced)


def test_the_shapes_a_client_patched_in_do_not_break_what_follows():
    twisted = {"valueHumanName": {"given": "x", "_given": [None]}}
    add = operation("add", "Patient", twisted, name="name")
    with pytest.raises(Unprocessable, match="'given' is not a list"):
        patched(patient(), add, operation("insert", "Patient.name.given", {"valueString": "y"}, index=0))
    kept = patched(patient(), add, operation("delete", "Patient.name.given"))
    assert kept == patient(name=[twisted["valueHumanName"]])


def test_a_hundred_thousand_operations_are_refused_unread():
    with pytest.raises(TooCostly, match="100000 operations"):
        fhirpath_patch.apply(patient(), parameters(*[None] * 100_000), LIMITS, load_definitions())


def test_paths_that_look_at_too_much_are_refused():
    found = patient(name=[{"given": ["x"] * 100} for _ in range(100)])
    expensive = operation("delete", "Patient.name.where(given.exists($this = 'y'))")
    with pytest.raises(TooCostly, match="look at more than"):
        patched(found, *[expensive] * 100)


def test_long_lists_are_paid_for_at_every_step():
    found = patient(name=[{"given": ["x"] * 1_000} for _ in range(100)])
    with pytest.raises(TooCostly, match="look at more than"):
        patched(found, *[operation("delete", "Patient.name.given.id")] * 3)


@pytest.mark.parametrize("path", ["Patient" + ".a" * 4_000, "|".join(["a"] * 4_000)])
def test_paths_that_are_long_altogether_are_refused(path):
    with pytest.raises(TooCostly, match="more than 200000 characters"):
        patched(patient(), *[operation("delete", path)] * 26)


def test_values_of_too_many_parts_are_refused():
    part = {"name": "relationship", "valueCodeableConcept": {"text": "x"}}
    add = operation("add", "Patient", {"part": [part] * 5_000}, name="contact")
    assert len(patched(patient(), *[add] * 4)["contact"]) == 4
    with pytest.raises(TooCostly, match="more than 20000 parts"):
        patched(patient(), *[add] * 5)


def test_comparing_the_whole_resource_with_itself_is_paid_for():
    found = patient(name=[{"text": "x"} for _ in range(10_000)])
    with pytest.raises(TooCostly, match="look at more than"):
        patched(found, *[operation("delete", "Patient.where($this = $this).birthDate")] * 100)


def test_a_result_nested_too_deep_is_refused():
    deep = {"url": "http://e", "extension": []}
    nested = {"url": "http://e", "extension": [{"url": "http://e", "extension": [deep]}]}
    add = operation("add", "Patient", {"valueExtension": nested}, name="extension")
    with pytest.raises(TooCostly, match="deeper than 5 levels"):
        fhirpath_patch.apply(patient(), parameters(add), Limits(10, 5), load_definitions())


def nesting(count):
    """Operations that put an extension of 20 levels into the innermost of the one before."""
    levels, extension = 20, {"url": "http://e"}
    for _ in range(levels - 1):
        extension = {"url": "http://e", "extension": [extension]}
    value = {"valueExtension": extension}
    paths = ["Patient" + ".extension" * (levels * number) for number in range(count)]
    return [operation("add", path, value, name="extension") for path in paths]


def test_operations_that_nest_ever_deeper_are_refused():
    with pytest.raises(TooCostly, match="deeper than 100 levels"):
        patched(patient(), *nesting(3))


def test_what_python_cannot_walk_is_refused_before_the_end():
    walk = operation("delete", "Patient.extension.where($this = $this).spam")
    with pytest.raises(TooCostly, match="deeper than 100 levels"):
        patched(patient(), *nesting(30), walk)


STEPS = st.sampled_from(
    [
        ".name",
        ".given",
        ".family",
        ".birthDate",
        ".extension",
        ".value",
        ".contact",
        ".deceased",
        ".identifier",
        ".contained",
        ".use",
        "[0]",
        "[1]",
        ".first()",
        ".last()",
        ".single()",
        ".where(use='usual')",
        ".where(use)",
        ".where(family!='A')",
        ".extension('http://e')",
        ".exists()",
        ".spam",
        "|name",
        ".as(HumanName)",
        ".ofType(date)",
        ".is(string)",
        ".where(given.exists($this='x')or(use.empty()))",
    ]
)
VALUES = st.sampled_from(
    [
        {"valueString": "x", "_valueString": {"id": "1"}},
        {"_valueString": {"extension": []}},
        {"valueDate": "1970"},
        {"valueHumanName": {"given": "not a list", "_given": [1]}},
        {"valueHumanName": {"given": [{}, [[]]], "family": ["x"]}},
        {"valueExtension": {"url": "http://e", "extension": {}, "valueString": ["x"]}},
        {"resource": {"resourceType": "Patient", "name": [[], None, 1]}},
        {"part": [{"name": "gender", "valueCode": "x"}, {"name": "name", "part": [{"name": "use", "valueCode": "x"}]}]},
    ]
)
NAMES = st.sampled_from(
    ["name", "given", "family", "birthDate", "extension", "contact", "deceased", "contained", "id", "spam"]
)


@st.composite
def operations(draw):
    operation_type = draw(st.sampled_from(["add", "insert", "delete", "replace", "move"]))
    path = "Patient" + "".join(draw(st.lists(STEPS, max_size=3)))
    parts = {"name": draw(NAMES)} if operation_type == "add" else {}
    counted = {"insert": ["index"], "move": ["source", "destination"]}.get(operation_type, [])
    parts |= {name: draw(st.integers(-1, 2)) for name in counted}
    value = draw(VALUES) if operation_type in ("add", "insert", "replace") else None
    return operation(operation_type, path, value, **parts)


@settings(max_examples=300)
@given(st.lists(operations(), min_size=1, max_size=5))
def test_whatever_is_asked_the_resource_stays_and_failures_have_a_name(asked):
    resource = patient(
        birthDate="1970",
        _birthDate={"extension": [{"url": "http://e", "valueString": "x"}]},
        name=[{"use": "usual", "given": ["x", None], "_given": [None, {"id": "1"}]}, {"family": "A"}],
        contained=[{"resourceType": "Patient", "id": "p", "name": [{"use": "old"}]}],
    )
    with suppress(Invalid, Unprocessable):
        patched(resource, *asked)
