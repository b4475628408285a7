"""The validator against what it must accept: the official examples of R4, and Synthea."""

import bz2
import random
from pathlib import Path

import msgspec
import pytest

from fhir_server.model.compile_definitions import TARGET, render
from fhir_server.model.definitions import load_definitions
from fhir_server.validation.validator import Validator

pytestmark = pytest.mark.corpus

DECODER = msgspec.json.Decoder(float_hook=lambda text: msgspec.Raw(text.encode()))
VALIDATOR = Validator(load_definitions())
SEED = 20250301
SYNTHEA_SAMPLE = 10

REFUSED = {
    # file: (what is truly wrong with it, and where)
    "ActivityDefinition-blood-tubes-supply.json": ("txt-2", "ActivityDefinition.text.div"),
    "ActivityDefinition-heart-valve-replacement.json": ("txt-2", "ActivityDefinition.text.div"),
    "EventDefinition-example.json": ("txt-2", "EventDefinition.text.div"),
    "Questionnaire-zika-virus-exposure-assessment.json": ("txt-2", "Questionnaire.text.div"),
    # targets that the element does not allow
    "DeviceMetric-example.json": ("refers to 'DeviceDefinition'", "DeviceMetric.parent.reference"),
    "DeviceUseStatement-example.json": ("refers to 'Procedure'", "DeviceUseStatement.reasonReference[0].reference"),
    "MedicationRequest-medrx0301.json": (
        "refers to 'Practitioner'",
        "MedicationRequest.dispenseRequest.performer.reference",
    ),
    "Observation-clinical-gender.json": ("refers to 'Encounter'", "Observation.performer[0].reference"),
    # 32 items without their linkId
    "Questionnaire-qs1.json": ("linkId is required (min 1)", "Questionnaire.item[0].item[0].linkId"),
}


def errors(resource):
    return [issue for issue in VALIDATOR.validate(resource) if issue.severity == "error"]


@pytest.fixture(scope="module")
def examples(corpus):
    files = sorted((corpus / "examples/r4-official").glob("*.json"))
    return {file.name: DECODER.decode(file.read_bytes()) for file in files}


def test_every_official_example_is_valid_or_refused_for_a_fault_in_it(examples):
    assert len(examples) == 719
    found = {name: errors(example) for name, example in examples.items()}
    assert {name for name, issues in found.items() if issues} == set(REFUSED)
    for name, (rule, place) in REFUSED.items():
        assert rule in found[name][0].diagnostics
        assert found[name][0].expression == place
        assert all(rule in issue.diagnostics for issue in found[name])


def test_synthea_bundles_and_their_resources_are_valid(corpus, at_full_counts):
    files = sorted((corpus / "examples/synthea/blaze-full-bundles").glob("*.json.bz2"))
    sample = files if at_full_counts else random.Random(SEED).sample(files, SYNTHEA_SAMPLE)
    for file in sample:
        bundle = DECODER.decode(bz2.decompress(file.read_bytes()))
        assert errors(bundle) == [], file.name
        assert not [issue for entry in bundle["entry"] for issue in errors(entry["resource"])]


def test_the_table_is_what_the_official_packages_compile_to(corpus):
    packages = [corpus / "definitions" / f"hl7.fhir.r4.{name}-4.0.1.tgz" for name in ("core", "expansions")]
    assert render(*packages) == Path(TARGET).read_bytes()
