import copy

import pytest

from fhir_server.model.walk import elements_of_types, references, rewrite_links

OLD, NEW = "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "Patient/1"


def a_bundle(*resources):
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]}


def an_observation(**elements):
    return {"resourceType": "Observation", "subject": {"reference": OLD}, **elements}


def test_every_reference_is_found_with_its_path():
    observation = an_observation(
        contained=[{"resourceType": "Patient", "managingOrganization": {"reference": "#"}}],
        performer=[{"display": "x"}, {"reference": "Practitioner/1"}],
        extension=[{"url": "a", "valueReference": {"reference": "Device/1"}}],
        _status={"extension": [{"url": "a", "valueReference": {"reference": "Device/2"}}]},
        valueString="Patient/2",
    )
    found = {site.path: site.reference for site in references(a_bundle({}, observation))}
    at = ("entry", 1, "resource")
    assert found == {
        (*at, "subject", "reference"): OLD,
        (*at, "contained", 0, "managingOrganization", "reference"): "#",
        (*at, "performer", 1, "reference"): "Practitioner/1",
        (*at, "extension", 0, "valueReference", "reference"): "Device/1",
        (*at, "_status", "extension", 0, "valueReference", "reference"): "Device/2",
    }


def test_references_come_in_document_order():
    observation = an_observation(encounter={"reference": "Encounter/1"})
    assert [site.reference for site in references(observation)] == [OLD, "Encounter/1"]


def test_a_reference_inside_a_reference_is_found():
    subject = {"identifier": {"value": "1", "assigner": {"reference": "Organization/1"}}}
    assert [s.reference for s in references(an_observation(subject=subject))] == ["Organization/1"]


def test_a_uri_element_named_reference_is_no_reference():
    assert references({"resourceType": "DetectedIssue", "reference": "http://a.example"}) == []


def test_elements_of_a_type_are_found_in_place():
    patient = {"resourceType": "Patient", "name": [{"family": "a"}, {"given": ["b", "c"]}]}
    names = elements_of_types(patient, frozenset({"HumanName"}))
    assert [(site.path, site.value) for site in names] == [
        (("name", 0), {"family": "a"}),
        (("name", 1), {"given": ["b", "c"]}),
    ]
    assert [site.value for site in elements_of_types(patient, frozenset({"string"}))] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"subject": {"reference": OLD}}, {"subject": {"reference": NEW}}),
        ({"implicitRules": OLD}, {"implicitRules": NEW}),
        ({"instantiatesUri": [OLD, "urn:x"]}, {"instantiatesUri": [NEW, "urn:x"]}),
        ({"extension": [{"url": "a", "valueUuid": OLD}]}, {"extension": [{"url": "a", "valueUuid": NEW}]}),
        ({"extension": [{"url": "a", "valueOid": OLD}]}, {"extension": [{"url": "a", "valueOid": NEW}]}),
        ({"extension": [{"url": "a", "valueUrl": OLD}]}, {"extension": [{"url": "a", "valueUrl": NEW}]}),
    ],
)
def test_a_link_is_rewritten(before, after):
    resource = {"resourceType": "Communication", **before}
    rewrite_links(resource, {OLD: NEW})
    assert resource == {"resourceType": "Communication", **after}


@pytest.mark.parametrize(
    "elements",
    [
        {"instantiatesCanonical": [OLD]},
        {"extension": [{"url": "a", "valueString": OLD}]},
        {"note": [{"text": OLD}]},
        {"subject": {"display": OLD, "reference": OLD + "#part"}},
        {"subject": {"reference": 3}},
        {"text": {"div": f"<div>{OLD} href</div>"}},
    ],
)
def test_what_only_looks_like_a_link_stays(elements):
    resource = {"resourceType": "Communication", **elements}
    before = copy.deepcopy(resource)
    rewrite_links(resource, {OLD: NEW})
    assert resource == before


def test_links_in_narrative_are_rewritten_and_nothing_else():
    div = f'<div xmlns="x"><a href="{OLD}" title="{OLD}">{OLD}</a><img alt="a" src=\'{OLD}\'/><a href="b">b</a></div>'
    resource = {"resourceType": "Patient", "text": {"div": div}}
    rewrite_links(resource, {OLD: "Binary/1?a=1&b=2"})
    assert resource["text"]["div"] == (
        f'<div xmlns="x"><a href="Binary/1?a=1&amp;b=2" title="{OLD}">{OLD}</a>'
        '<img alt="a" src="Binary/1?a=1&amp;b=2"/><a href="b">b</a></div>'
    )


def test_links_in_bundled_and_contained_resources_are_rewritten():
    bundle = a_bundle(an_observation(contained=[an_observation()]))
    rewrite_links(bundle, {OLD: NEW})
    assert [site.reference for site in references(bundle)] == [NEW, NEW]


@pytest.mark.parametrize(
    "resource",
    [
        {},
        {"resourceType": "Elixir", "subject": {"reference": OLD}},
        {"resourceType": ["Patient"]},
        {"resourceType": "Patient", "name": "x", "text": [], "link": {"other": [[{"reference": OLD}]]}},
        {"resourceType": "Bundle", "entry": [None, 3, {"resource": None}]},
        {"resourceType": "Patient", "implicitRules": [[OLD], None], "contained": [None]},
    ],
)
def test_a_malformed_resource_is_walked_without_a_crash(resource):
    rewrite_links(resource, {OLD: NEW})
    assert references(resource) == []
