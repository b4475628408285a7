import pytest

CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"


def an_allergy(status):
    return {"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/1"}, "clinicalStatus": status}


def test_a_code_outside_a_required_value_set_is_refused(issues):
    (issue,) = issues({"resourceType": "Patient", "gender": "robot"})
    assert (issue.code, issue.expression) == ("code-invalid", "Patient.gender")
    assert "http://hl7.org/fhir/ValueSet/administrative-gender" in issue.diagnostics


@pytest.mark.parametrize("gender", ["Male", "male ", 1, None, ["male"], {}])
def test_a_code_is_compared_as_written(problems, gender):
    assert problems({"resourceType": "Patient", "gender": gender})


@pytest.mark.parametrize(
    "status",
    [
        {"coding": [{"system": CLINICAL, "code": "active"}]},
        {"coding": [{"system": "http://local.example", "code": "A"}, {"system": CLINICAL, "code": "active"}]},
        {"extension": [{"url": "http://a.example", "valueCode": "unknown"}]},
    ],
)
def test_a_concept_with_one_coding_of_the_value_set_is_accepted(problems, status):
    assert problems(an_allergy(status)) == []


@pytest.mark.parametrize(
    "status",
    [
        {"coding": [{"system": CLINICAL, "code": "busy"}]},
        {"coding": [{"system": "http://local.example", "code": "active"}]},
        {"coding": [{"code": "active"}]},
        {"text": "active"},
    ],
)
def test_a_concept_without_a_coding_of_a_required_value_set_is_refused(problems, status):
    assert problems(an_allergy(status)) == [("code-invalid", "AllergyIntolerance.clinicalStatus")]


def test_a_code_of_an_open_registry_needs_only_its_form(problems):
    def binary(content_type):
        return {"resourceType": "Binary", "contentType": content_type}

    assert problems(binary("application/x-unheard-of")) == []
    assert problems(binary(" text/plain")) == [("value", "Binary.contentType")]
