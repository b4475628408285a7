"""Hostile input: no crash, no quadratic work, no endless answer."""

from time import thread_time

import pytest

from fhir_server.model.definitions import load_definitions
from fhir_server.model.walk import rewrite_links
from fhir_server.validation.findings import MAX_ISSUES, State
from fhir_server.validation.primitives import primitive_checks

CHECKS = primitive_checks(load_definitions().types)
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">'
HOSTILE = {
    "spaces": ("", " ", "!"),
    "tabs": ("", "\t", "\x00"),
    "letters": ("", "a", "\x00"),
    "words": ("", "a ", " "),
    "base64": ("", "AAAA", "!"),
    "spaced base64": ("", "A ", "!"),
    "digits": ("", "1", "x"),
    "fractions": ("2023-01-01T00:00:00.", "1", "x"),
    "arcs": ("urn:oid:1", ".1", ".x"),
    "opened elements": (DIV, "<div>", ""),
    "opened and spoilt elements": (DIV, "<a ", ""),
    "brackets": ("", "<", ""),
    "entities": (DIV, "&nbsp;", "&"),
    "half entities": (DIV, "&a", ""),
    "attributes": (DIV, "<p ", 'href="'),
    "slashes": ("", "/", ""),
}
SIZE = 2**17


def seconds(run):
    def once():
        start = thread_time()
        run()
        return thread_time() - start

    return min(once() for _ in range(3))


def grown(shape, size):
    before, unit, after = HOSTILE[shape]
    return before + unit * (size // len(unit)) + after


def grows_linearly(run, shape):
    """Eight times the input takes about eight times as long; quadratic work would take 64 times."""
    small, large = grown(shape, SIZE), grown(shape, 8 * SIZE - 100)
    return seconds(lambda: run(large)) < 32 * seconds(lambda: run(small)) + 0.1


@pytest.mark.parametrize("shape", HOSTILE)
@pytest.mark.parametrize("name", sorted(CHECKS))
def test_a_hostile_megabyte_takes_linear_time(name, shape):
    assert grows_linearly(lambda text: CHECKS[name](text, {}, State()), shape)


@pytest.mark.parametrize("shape", HOSTILE)
def test_a_hostile_reference_takes_linear_time(validator, shape):
    def run(text):
        validator.validate({"resourceType": "Patient", "managingOrganization": {"reference": text, "type": text}})

    assert grows_linearly(run, shape)


@pytest.mark.parametrize("shape", HOSTILE)
def test_rewriting_a_hostile_narrative_takes_linear_time(shape):
    def run(text):
        rewrite_links({"resourceType": "Patient", "text": {"div": text + " href"}}, {"urn:uuid:1": "Patient/1"})

    assert grows_linearly(run, shape)


def test_issues_are_capped_and_the_rest_is_counted(issues):
    found = issues({"resourceType": "Patient", "name": [{"given": [1, 2, 3]}] * 1000})
    assert len(found) == MAX_ISSUES + 1
    assert found[-1].severity == "information"
    assert found[-1].diagnostics == f"{3000 - MAX_ISSUES} more problems are not listed"


def test_exactly_the_most_issues_are_all_listed(issues):
    found = issues({"resourceType": "Patient", "name": [{"given": [1] * MAX_ISSUES}]})
    assert {issue.severity for issue in found} == {"error"}
    assert len(found) == MAX_ISSUES


def test_rules_between_elements_survive_elements_past_the_cap(issues):
    concept = {"resourceType": "Condition", "clinicalStatus": {"coding": [1]}, "subject": {"reference": 3}}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": concept}] * 500}
    assert len(issues(bundle)) == MAX_ISSUES + 1


def test_the_deepest_nesting_the_parser_lets_through_is_walked(problems):
    extension = {"url": "a", "valueString": 1}
    for _ in range(48):
        extension = {"url": "a", "extension": [extension]}
    (problem,) = problems({"resourceType": "Patient", "extension": [extension]})
    assert problem == ("structure", "Patient" + ".extension[0]" * 49 + ".value")


def test_many_contained_resources_take_linear_time(validator):
    def a_patient(count):
        contained = [{"resourceType": "Patient", "id": str(i)} for i in range(count)]
        return {"resourceType": "Patient", "contained": contained}

    small, large = a_patient(2_000), a_patient(16_000)
    assert seconds(lambda: validator.validate(large)) < 32 * seconds(lambda: validator.validate(small))
