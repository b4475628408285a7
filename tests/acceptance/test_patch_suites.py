"""The public patch suites of FHIR/fhir-test-cases, each case a test."""

import json
import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from fhir_server.errors import Invalid, Unprocessable
from fhir_server.model.definitions import load_definitions
from fhir_server.model.patching import fhirpath_patch, json_patch
from fhir_server.model.patching.limits import Limits
from tests.acceptance.fhir_xml import one_line, resource_of

CORPUS = Path(os.environ.get("GALENIC_CORPUS", Path(__file__).parents[2] / "../shared/data"))
SUITES = CORPUS / "examples/fhir-test-cases/patch"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not SUITES.is_dir(), reason=f"the patch suites are not at {SUITES}"),
]


def json_cases() -> list:
    path = SUITES / "json-patch-tests.json"
    return json.loads(path.read_text()) if path.exists() else []


def xml_cases() -> list:
    path = SUITES / "fhir-patch-tests.xml"
    return list(ET.parse(path).getroot()) if path.exists() else []  # noqa: S314 - our own corpus


@pytest.mark.parametrize("case", [pytest.param(case, id=case["comment"]) for case in json_cases()])
def test_a_json_patch_case_passes(case):
    if "error" in case:
        with pytest.raises((Invalid, Unprocessable)):
            json_patch.apply(case["doc"], case["patch"], Limits())
    else:
        assert json_patch.apply(case["doc"], case["patch"], Limits()) == case["expected"]


@pytest.mark.parametrize("case", [pytest.param(case, id=case.get("name")) for case in xml_cases()])
def test_a_fhirpath_patch_case_passes(case):
    definitions = load_definitions()
    before = resource_of(definitions, case.find("input")[0])
    patch = resource_of(definitions, case.find("diff")[0])
    if case.find("error") is not None:
        with pytest.raises(Unprocessable):
            fhirpath_patch.apply(before, patch, Limits(), definitions)
        return
    after = fhirpath_patch.apply(before, patch, Limits(), definitions)
    assert with_plain_markup(after) == resource_of(definitions, case.find("output")[0])


def with_plain_markup(resource):
    """The suite writes a narrative once as text and once as elements: compared without their white space."""
    if "text" in resource:
        resource["text"]["div"] = one_line(resource["text"]["div"])
    return resource


def test_the_suites_are_read_whole():
    assert (len(json_cases()), len(xml_cases())) == (16, 33)
