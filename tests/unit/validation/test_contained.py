import pytest


def an_organization(**elements):
    return {"resourceType": "Organization", "id": "o", "name": "Ward", **elements}


def a_patient(*contained, reference="#o"):
    return {
        "resourceType": "Patient",
        "contained": list(contained),
        "managingOrganization": {"reference": reference},
    }


def test_a_contained_resource_that_is_referred_to_is_valid(problems):
    assert problems(a_patient(an_organization())) == []


def test_a_contained_resource_is_checked_by_its_own_type(problems):
    assert problems(a_patient(an_organization(foo=1))) == [("structure", "Patient.contained[0].foo")]


def test_dom_2_a_contained_resource_contains_none(issues):
    (issue,) = issues(a_patient(an_organization(contained=[{"resourceType": "Patient", "id": "p"}])))
    assert issue.expression == "Patient.contained[0].contained[0]"
    assert issue.diagnostics.startswith("dom-2")


def test_dom_3_a_contained_resource_is_referred_to(issues):
    (issue,) = issues(a_patient(an_organization(), an_organization(id="lonely")))
    assert issue.expression == "Patient.contained[1]"
    assert issue.diagnostics.startswith("dom-3")


def test_dom_3_a_contained_resource_may_refer_to_its_container(problems):
    provenance = {
        "resourceType": "Provenance",
        "target": [{"reference": "#"}],
        "recorded": "2020-01-01T00:00:00Z",
        "agent": [{"who": {"reference": "Practitioner/1"}}],
    }
    assert problems(a_patient(an_organization(), provenance)) == []


def test_dom_3_contained_resources_may_refer_to_each_other(problems):
    whole = an_organization(id="whole")
    assert problems(a_patient(an_organization(partOf={"reference": "#whole"}), whole)) == []


def test_dom_3_a_canonical_refers_too(problems):
    questions = {"resourceType": "Questionnaire", "id": "q", "status": "active"}
    answers = {"resourceType": "QuestionnaireResponse", "status": "completed", "contained": [questions]}
    assert problems({**answers, "questionnaire": "#q"}) == []
    assert problems(answers) == [("invariant", "QuestionnaireResponse.contained[0]")]


@pytest.mark.parametrize(
    ("meta", "rule"),
    [
        ({"versionId": "1"}, "dom-4"),
        ({"lastUpdated": "2020-01-01T00:00:00Z"}, "dom-4"),
        ({"security": [{"code": "R"}]}, "dom-5"),
    ],
)
def test_a_contained_resource_has_no_version_and_no_label(rules, meta, rule):
    assert rules(a_patient(an_organization(meta=meta))) == [rule]


def test_two_contained_resources_do_not_share_an_id(problems):
    assert ("invariant", "Patient.contained[1].id") in problems(a_patient(an_organization(), an_organization()))


@pytest.mark.parametrize(
    "contained", [{}, [], "x", [None], [{"id": "a"}], [[]], None, [{"resourceType": [], "id": {}}]]
)
def test_a_malformed_contained_is_refused_without_a_crash(problems, contained):
    assert problems({"resourceType": "Patient", "contained": contained})


def test_a_bundled_resource_has_contained_resources_of_its_own(problems):
    entries = [{"resource": a_patient(an_organization())}, {"resource": a_patient()}]
    found = problems({"resourceType": "Bundle", "type": "collection", "entry": entries})
    assert ("invariant", "Bundle.entry[1].resource.managingOrganization.reference") in found
    assert not [place for _, place in found if place.startswith("Bundle.entry[0]")]
