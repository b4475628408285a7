import dataclasses
from time import perf_counter

import pytest

from fhir_server.model.definitions import load_definitions
from tests.running.waiting import allowed

DEFINITIONS = load_definitions()
LOAD_SECONDS_MAX = 1.0
"""Far above the usual 0.04 s: only a table that stopped being compact breaks it."""


def test_every_type_of_r4_is_there():
    kinds = [definition.kind for definition in DEFINITIONS.types.values()]
    assert kinds.count("primitive-type") == 20
    assert kinds.count("resource") == 148
    assert len(DEFINITIONS.resource_types) == 146
    assert not DEFINITIONS.resource_types & {"Resource", "DomainResource"}


def test_an_element_carries_its_cardinality_types_and_flags():
    status = DEFINITIONS.property_of("MedicationRequest", "status").element
    assert (status.min, status.max, status.is_summary, status.is_modifier) == (1, 1, True, True)
    assert status.types[0].name == "code"
    assert "active" in status.value_set.codes
    assert DEFINITIONS.property_of("Patient", "name").element.max is None


def test_a_choice_is_found_by_its_json_name():
    found = DEFINITIONS.property_of("Observation", "valueQuantity")
    assert (found.element.name, found.type.name, found.element.is_choice) == ("value[x]", "Quantity", True)
    assert DEFINITIONS.property_of("Observation", "valueUri") is None
    assert DEFINITIONS.property_of("Observation", "value[x]") is None


def test_a_primitive_has_a_sibling_and_a_complex_element_none():
    sibling = DEFINITIONS.property_of("Patient", "_birthDate")
    assert sibling.is_sibling
    assert sibling.element is DEFINITIONS.property_of("Patient", "birthDate").element
    assert DEFINITIONS.property_of("Patient", "_name") is None
    assert DEFINITIONS.property_of("Observation", "_valueString").element.name == "value[x]"


def test_a_backbone_element_is_a_type_named_by_its_path():
    assert DEFINITIONS.property_of("Patient", "contact").type.name == "Patient.contact"
    assert DEFINITIONS.types["Patient.contact"].kind == "backbone"
    assert DEFINITIONS.types["Patient.contact"].base == "BackboneElement"


def test_a_content_reference_is_the_type_it_refers_to():
    assert DEFINITIONS.property_of("Observation.component", "referenceRange").type.name == "Observation.referenceRange"
    assert DEFINITIONS.property_of("Questionnaire.item", "item").type.name == "Questionnaire.item"


def test_the_id_of_a_resource_is_an_id_and_of_an_element_a_string():
    assert DEFINITIONS.property_of("Patient", "id").type.name == "id"
    assert DEFINITIONS.property_of("HumanName", "id").type.name == "string"


def test_a_reference_names_its_targets_unless_it_may_be_any():
    assert DEFINITIONS.property_of("Patient", "managingOrganization").type.targets == ("Organization",)
    assert DEFINITIONS.property_of("List.entry", "item").type.targets == ()


def test_every_element_has_types_that_are_defined():
    named = {t.name for d in DEFINITIONS.types.values() for e in d.elements for t in e.types}
    assert named <= DEFINITIONS.types.keys()


def test_an_unknown_name_is_none():
    assert DEFINITIONS.property_of("Patient", "colour") is None
    assert DEFINITIONS.property_of("Elixir", "id") is None


def test_open_value_sets_are_not_closed_lists():
    assert DEFINITIONS.property_of("Attachment", "contentType").element.value_set is None
    assert "EUR" in DEFINITIONS.property_of("Money", "currency").element.value_set.codes


def test_every_search_parameter_is_there():
    by_url = {parameter.url: parameter for parameter in DEFINITIONS.search_parameters}
    assert len(by_url) == len(DEFINITIONS.search_parameters) == 1400
    composite = by_url["http://hl7.org/fhir/SearchParameter/Observation-code-value-quantity"]
    assert composite.base == ("Observation",)
    assert composite.components[0] == ("http://hl7.org/fhir/SearchParameter/clinical-code", "code")
    assert "Patient" in by_url["http://hl7.org/fhir/SearchParameter/clinical-patient"].target


def test_every_compartment_is_there_by_its_official_definition():
    assert set(DEFINITIONS.compartments) == {"Patient", "Encounter", "RelatedPerson", "Practitioner", "Device"}
    assert DEFINITIONS.compartments["Patient"]["Observation"] == ("subject", "performer")
    assert "Flag" in DEFINITIONS.compartments["Device"]
    assert "Medication" not in DEFINITIONS.compartments["Patient"]


def test_definitions_are_loaded_once_and_frozen():
    assert load_definitions() is DEFINITIONS
    with pytest.raises(dataclasses.FrozenInstanceError):
        DEFINITIONS.types["Patient"].name = "Person"


def test_elements_that_recur_are_shared():
    patient, observation = DEFINITIONS.types["Patient"], DEFINITIONS.types["Observation"]
    assert patient.properties["meta"] is observation.properties["meta"]


def test_loading_stays_quick():
    start = perf_counter()
    load_definitions.__wrapped__()
    assert perf_counter() - start < allowed(LOAD_SECONDS_MAX)
