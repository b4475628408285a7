"""Less than the whole of a resource. https://hl7.org/fhir/R4/search.html#summary, #elements."""

import copy
import json

import pytest

from fhir_server.errors import Invalid
from fhir_server.model.definitions import load_definitions
from fhir_server.model.parser import parse_object, write
from fhir_server.rest.shape import SUBSETTED, SUMMARIES, refuse_unknown, shape, shaped_bytes
from tests.builders.resources import a_medication_request, a_patient, a_quantity, an_observation

DEFINITIONS = load_definitions()
HEAD = {"resourceType", "id", "meta"}
NARRATIVE = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}
EXTENSION = [{"url": "http://example.org/e", "valueString": "x"}]


def shaped(resource, summary="false", *elements):
    return shape(DEFINITIONS, {"id": "1"} | resource, summary, elements)


def names(resource, summary="false", *elements):
    """The elements that are left, without those that name the resource."""
    return set(shaped(resource, summary, *elements)) - HEAD


PATIENT = a_patient(
    id="1",
    meta={"versionId": "3"},
    language="nl",
    implicitRules="http://example.org/rules",
    text=NARRATIVE,
    contained=[{"resourceType": "Organization", "id": "o", "name": "Inside"}],
    extension=EXTENSION,
    modifierExtension=EXTENSION,
    active=True,
    birthDate="1974-12-25",
    _birthDate={"extension": EXTENSION},
    maritalStatus={"text": "M"},
    contact=[{"name": {"family": "Next"}}],
)


def test_a_summary_has_the_elements_r4_marks_and_modifier_extensions():
    assert names(PATIENT, "true") == {"implicitRules", "modifierExtension", "name", "active", "birthDate", "_birthDate"}


def test_a_summary_keeps_mandatory_elements_r4_does_not_mark():
    event = {"resourceType": "AuditEvent", "agent": [{"requestor": True, "media": {"code": "110033"}}]}
    assert shaped(event, "true")["agent"] == [{"requestor": True}]


def test_a_summary_leaves_out_what_is_not_marked_inside_types():
    name = {"id": "n", "family": "Chalmers", "extension": EXTENSION}
    assert shaped(a_patient(name=[name]), "true")["name"] == [{"family": "Chalmers"}]


def test_a_summary_leaves_out_what_is_not_marked_inside_backbones():
    component = {"code": {"text": "a"}, "interpretation": [{"text": "high"}], "valueString": "x"}
    assert shaped(an_observation(component=[component]), "true")["component"] == [
        {"code": {"text": "a"}, "valueString": "x"}
    ]


def test_a_summary_keeps_modifiers_inside_backbones():
    component = {"code": {"text": "a"}, "modifierExtension": EXTENSION}
    assert shaped(an_observation(component=[component]), "true")["component"] == [component]


def test_a_summary_has_no_attached_data():
    content = {"attachment": {"contentType": "text/plain", "data": "aGk=", "url": "http://example.org/a"}}
    document = {"resourceType": "DocumentReference", "status": "current", "content": [content]}
    assert shaped(document, "true")["content"][0]["attachment"] == {
        "contentType": "text/plain",
        "url": "http://example.org/a",
    }


def test_a_value_without_a_summary_is_kept_whole_as_none_may_be_empty():
    absent = {"extension": EXTENSION}
    assert shaped(an_observation(code=absent), "true")["code"] == absent
    assert shaped(a_patient(name=[absent, {"text": "x", "id": "i"}]), "true")["name"] == [absent, {"text": "x"}]


def test_a_summary_of_a_primitive_that_is_only_an_extension_is_its_sibling():
    assert names({"resourceType": "Patient", "_gender": {"extension": EXTENSION}}, "true") == {"_gender"}


def test_a_summary_keeps_the_siblings_of_a_list_in_their_places():
    name = {"given": ["A", None], "_given": [None, {"id": "g", "extension": EXTENSION}]}
    assert shaped(a_patient(name=[name]), "true")["name"] == [name]


def test_a_summary_of_a_choice_is_what_was_chosen():
    assert names(a_medication_request(), "true") >= {"medicationCodeableConcept", "subject", "status", "intent"}


def test_the_resources_in_a_bundle_stay_whole():
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": PATIENT, "id": "e"}]}
    assert shaped(bundle, "true")["entry"] == [{"resource": PATIENT}]


def test_a_deeply_nested_resource_has_a_summary():
    reference = {"display": "end", "id": "x"}
    for _ in range(5_000):
        reference = {"identifier": {"assigner": reference}}
    inner = shaped(an_observation(subject=reference), "true")["subject"]
    while "identifier" in inner:
        inner = inner["identifier"]["assigner"]
    assert inner == {"display": "end"}


def test_text_is_the_narrative_and_what_is_mandatory():
    assert names(PATIENT, "text") == {"text", "implicitRules", "modifierExtension"}
    request = a_medication_request(text=NARRATIVE, note=[{"text": "x"}], _status={"id": "s"})
    kept = {"text", "status", "_status", "intent", "subject", "medicationCodeableConcept"}
    assert names(request, "text") == kept
    assert shaped(request, "text")["text"] == NARRATIVE


def test_what_is_mandatory_stays_whole_in_a_text():
    code = {"coding": [{"code": "1", "extension": EXTENSION}], "id": "c"}
    assert shaped(an_observation(code=code), "text")["code"] == code


def test_data_is_everything_but_the_narrative():
    assert names(PATIENT, "data") == set(PATIENT) - {"text"} - HEAD


@pytest.mark.parametrize("summary", SUMMARIES)
def test_the_tag_is_there_once_in_every_shape_but_the_whole(summary):
    other = {"system": "http://example.org", "code": "SUBSETTED"}
    untagged, tagged = ({"tag": [other]}, {"tag": [{**SUBSETTED, "display": "subsetted"}, other]})
    expected = untagged if summary == "false" else {"tag": [other, SUBSETTED]}
    assert shaped(a_patient(meta=untagged), summary)["meta"] == expected
    assert shaped(a_patient(meta=tagged), summary)["meta"] == tagged


def test_the_rest_of_meta_is_undisturbed():
    meta = {"versionId": "3", "extension": EXTENSION, "security": [{"code": "R", "id": "s"}]}
    for summary in ("true", "text", "data"):
        assert shaped(a_patient(meta=meta), summary)["meta"] == {**meta, "tag": [SUBSETTED]}
    assert shaped(a_patient(meta=meta), "false", "name")["meta"] == {**meta, "tag": [SUBSETTED]}


@pytest.mark.parametrize("summary", SUMMARIES)
def test_a_shape_names_its_resource(summary):
    for elements in ((), ("birthDate",)):
        resource = shape(DEFINITIONS, PATIENT, summary, elements)
        assert [resource["resourceType"], resource["id"], resource["meta"]["versionId"]] == ["Patient", "1", "3"]


def test_a_resource_without_meta_gets_one_behind_its_id():
    assert list(shaped(a_patient(active=True, id="1"), "true"))[:3] == ["resourceType", "id", "meta"]


def test_elements_are_those_named_the_mandatory_ones_and_the_modifiers():
    assert names(PATIENT, "false", "birthDate") == {
        "birthDate",
        "_birthDate",
        "active",
        "implicitRules",
        "modifierExtension",
    }
    assert names(an_observation(issued="2026-01-01T00:00:00Z"), "false", "method") == {"status", "code"}


def test_elements_stay_whole():
    name = {"id": "n", "family": "Chalmers", "extension": EXTENSION}
    assert shaped(a_patient(name=[name]), "false", "name")["name"] == [name]


@pytest.mark.parametrize("element", ["value", "value[x]", "Observation.value", "Observation.value[x]"])
def test_a_choice_is_named_with_or_without_its_x(element):
    quantity = an_observation(valueQuantity={"value": 1}, issued="2026-01-01T00:00:00Z")
    assert names(quantity, "false", element) == {"status", "code", "valueQuantity"}
    assert "_valueString" in names(an_observation(_valueString={"id": "v"}), "false", element)


@pytest.mark.parametrize("element", ["Patient.name", "DomainResource.name", "Resource.name"])
def test_elements_may_be_named_with_their_type(element):
    assert "name" in names(a_patient(), "false", element)


def test_elements_of_other_types_name_nothing_here():
    assert names(a_patient(birthDate="1974"), "false", "Practitioner.name", "birthDate") == {"birthDate"}


def test_contained_resources_are_kept_only_where_they_are_named():
    assert "contained" in names(PATIENT, "false", "contained")
    assert "contained" not in names(PATIENT, "false", "name")


def test_summary_and_elements_together_keep_what_both_keep():
    assert names(PATIENT, "true", "birthDate", "maritalStatus") == names(PATIENT, "false", "birthDate")
    assert names(an_observation(text=NARRATIVE), "data", "text") == {"status", "code"}


@pytest.mark.parametrize("summary", SUMMARIES)
def test_the_resource_that_is_shaped_does_not_change(summary):
    patient = PATIENT | {"meta": {"versionId": "3", "tag": []}}
    before = copy.deepcopy(patient)
    shape(DEFINITIONS, patient, summary, ("name",))
    shape(DEFINITIONS, patient, summary, ())
    assert before == patient


def test_bytes_that_are_asked_for_whole_are_the_same_bytes():
    body = b'{ "not": parsed'
    assert shaped_bytes(DEFINITIONS, body, "false", ()) is body


def test_numbers_stay_as_they_were_written():
    for number in ("1.00", "1e5", "-0.0", "1234567890123456789"):
        body = a_quantity(number).encode()
        assert f'"value":{number}'.encode() in shaped_bytes(DEFINITIONS, body, "true", ())


@pytest.mark.parametrize(
    ("type_name", "element", "named"),
    [
        ("Patient", "shoeSize", "'shoeSize'"),
        ("Patient", "", "''"),
        ("Patient", "Patient.shoeSize", "'shoeSize'"),
        ("Patient", "Patient.contact.name", "'contact.name'"),
        ("Patient", "contact.name", "contact"),
        ("Patient", "Observation.shoeSize", "Observation"),
        ("Patient", "Shoe.size", "Shoe"),
        ("Patient", "HumanName.family", "HumanName"),
        ("Observation", "valueQuantity", "'valueQuantity'"),
        ("Patient", "_birthDate", "'_birthDate'"),
        ("", "shoeSize", "'shoeSize'"),
    ],
)
def test_an_unknown_element_is_refused_by_name(type_name, element, named):
    with pytest.raises(Invalid, match="_elements") as refusal:
        refuse_unknown(DEFINITIONS, type_name, ("id", element))
    assert named in refusal.value.message


def test_known_elements_are_not_refused():
    refuse_unknown(DEFINITIONS, "Patient", ("name", "Patient.deceased[x]", "deceased", "Observation.value", "text"))
    refuse_unknown(DEFINITIONS, "", ("birthDate", "valueSet", "Patient.name", "Resource.meta"))
    refuse_unknown(DEFINITIONS, "", ())


@pytest.mark.corpus
def test_every_shape_of_every_official_example_is_a_part_of_it_that_still_stands(corpus):
    files = sorted((corpus / "examples/r4-official").glob("*.json"))
    for file in files:
        resource = parse_object(file.read_bytes(), 100)
        for summary in ("true", "text", "data"):
            assert_part(resource, shape(DEFINITIONS, resource, summary, ()), file.name)
        elements = tuple(e.name for e in DEFINITIONS.types[resource["resourceType"]].elements[1::3])
        assert_part(resource, shape(DEFINITIONS, resource, "false", elements), file.name)
    assert len(files) == 719


@pytest.mark.corpus
def test_a_shape_of_bytes_is_the_shape_of_what_they_say(corpus):
    for file in sorted((corpus / "examples/r4-official").glob("*.json"))[::8]:
        body = write(parse_object(file.read_bytes(), 100))
        expected = json.loads(write(shape(DEFINITIONS, parse_object(body, 100), "true", ())))
        assert json.loads(shaped_bytes(DEFINITIONS, body, "true", ())) == expected


def assert_part(whole, part, file):
    """`part` is tagged, and but for its tag a sub-tree of `whole` with every mandatory element."""
    assert SUBSETTED.items() <= part["meta"]["tag"][-1].items()
    original = whole.get("meta", {})
    assert part["id"] == whole["id"]
    assert all(part["meta"][name] == value for name, value in original.items() if name != "tag")
    assert part["meta"]["tag"][: len(original.get("tag", []))] == original.get("tag", [])
    rest = {name: value for name, value in part.items() if name != "meta"}
    assert_sub_tree(whole, rest, whole["resourceType"], f"{file} {whole['resourceType']}")


def assert_sub_tree(whole, part, type_name, place):
    if isinstance(part, list):
        assert len(whole) == len(part), place
        for number, item in enumerate(part):
            assert_sub_tree(whole[number], item, type_name, f"{place}[{number}]")
        return
    if not isinstance(part, dict):
        assert whole == part, place
        return
    assert part, f"{place} is empty"
    assert set(part) <= set(whole), place
    is_resource = DEFINITIONS.types[type_name].kind == "resource"  # a backbone has an element of that name
    properties = DEFINITIONS.types[whole["resourceType"] if is_resource else type_name].properties
    assert {n for n in whole if n in properties and properties[n].element.min} <= set(part), place
    for name, value in part.items():
        inner = properties[name].type.name if name in properties else ""
        assert_sub_tree(whole[name], value, inner, f"{place}.{name}")
