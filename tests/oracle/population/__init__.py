"""Invented resources of a pharmacy, made to be searched for."""

import random
from collections.abc import Callable, Iterator

from tests.oracle.population import clinical, orders, people, records
from tests.oracle.population.maker import Json, Maker, sparse

MAKERS: dict[str, tuple[int, Callable[[Maker], Json]]] = {
    "Patient": (9, people.a_patient),
    "Practitioner": (4, people.a_practitioner),
    "PractitionerRole": (3, people.a_practitioner_role),
    "Organization": (4, people.an_organization),
    "Location": (4, people.a_location),
    "Group": (3, people.a_group),
    "Medication": (4, orders.a_medication),
    "MedicationRequest": (8, orders.a_medication_request),
    "MedicationDispense": (5, orders.a_medication_dispense),
    "MedicationAdministration": (4, orders.a_medication_administration),
    "MedicationStatement": (4, orders.a_medication_statement),
    "ServiceRequest": (5, orders.a_service_request),
    "Task": (4, orders.a_task),
    "Observation": (12, clinical.an_observation),
    "AllergyIntolerance": (4, clinical.an_allergy_intolerance),
    "Condition": (5, clinical.a_condition),
    "Encounter": (4, clinical.an_encounter),
    "RiskAssessment": (3, clinical.a_risk_assessment),
    "Appointment": (3, clinical.an_appointment),
    "List": (2, records.a_list),
    "DocumentReference": (4, records.a_document_reference),
    "ValueSet": (2, records.a_value_set),
    "CodeSystem": (2, records.a_code_system),
    "Coverage": (2, records.a_coverage),
    "Provenance": (3, records.a_provenance),
    "Invoice": (2, records.an_invoice),
}
"""Shares and how to make one."""


def population(rng: random.Random, size: int, base_url: str) -> Iterator[Json]:
    """About `size` resources with ids r1, r2 … of each type."""
    whole = sum(share for share, _ in MAKERS.values())
    counts = {type_name: max(2, size * share // whole) for type_name, (share, _) in MAKERS.items()}
    maker = Maker(rng, counts, base_url)
    for type_name, (_, make) in MAKERS.items():
        for number in range(1, counts[type_name] + 1):
            yield {"resourceType": type_name, "id": f"r{number}", **decorated(maker), **make(maker)}


def decorated(m: Maker) -> Json:
    return sparse(meta=m.maybe(0.5, m.meta), text=m.maybe(0.4, m.narrative))
