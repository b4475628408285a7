"""QBP^Q31: what was dispensed to a patient, for whoever may know, and on record."""

from itertools import count
from uuid import uuid4

import psycopg
import pytest

from tests.running.galenic import Galenic
from tests.running.mllp import Wire, a_message, a_patient, fields, verdict

_numbers = count(1)


def a_number() -> str:
    return f"Q{next(_numbers)}-{uuid4().hex[:8]}"


def a_dispense(number: str, mrn: str) -> bytes:
    return a_message(
        "RDS^O13",
        number,
        a_patient(mrn),
        f"ORC|RE|{number}^WARD",
        f"RXD|1|00093310905^Amoxicillin 500 MG Oral Capsule^NDC|20261120|30|CAP||{number}",
        "RXR|PO^Oral^HL70162",
    )


def a_query(control_id: str, mrn: str) -> bytes:
    return a_message(
        "QBP^Q31", control_id, f"QPD|Q31^Query Dispense history^HL70471|T{control_id}|{mrn}^^^MRN^MR", "RCP|I"
    )


@pytest.fixture
def mrn(hospital: Wire) -> str:
    """Of a patient who was dispensed a drug twice."""
    made = a_number()
    for _ in range(2):
        assert verdict(hospital.ask(a_dispense(a_number(), made))) == ("AA", "")
    return made


def test_the_dispenses_of_a_patient_are_told_and_that_they_were_is_on_record(
    galenic: Galenic, hospital: Wire, mrn: str
) -> None:
    control_id = a_number()
    answer = hospital.ask(a_query(control_id, mrn))
    assert fields(answer, "MSH")[9].startswith("RSP^K31")
    assert verdict(answer) == ("AA", "")
    assert answer.count(b"\rRXD|") == 2
    assert mrn.encode() in answer
    with galenic.client() as client:
        (patient,) = client.get(f"/Patient?identifier={mrn}").json()["entry"]
    with psycopg.connect(galenic.environment["GALENIC_DATABASE_URL"]) as connection:
        query = (
            "SELECT a.actor, a.patients FROM audit a JOIN message m ON a.request_id = m.id::text"
            " WHERE m.control_id = %s AND a.interaction = 'message'"
        )
        assert connection.execute(query, (control_id,)).fetchall() == [
            ("partner/hospital", [patient["resource"]["id"]])
        ]
    assert hospital.ask(a_query(control_id, mrn)) == answer


def test_of_somebody_unknown_nothing_is_found(hospital: Wire) -> None:
    answer = hospital.ask(a_query(a_number(), a_number()))
    assert fields(answer, "QAK")[2] == "NF"
    assert b"RXD" not in answer


def test_what_a_patient_denies_is_not_told(galenic: Galenic, hospital: Wire, mrn: str) -> None:
    with galenic.client() as client:
        (patient,) = client.get(f"/Patient?identifier={mrn}").json()["entry"]
        consent = {
            "resourceType": "Consent",
            "status": "active",
            "scope": {
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]
            },
            "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
            "patient": {"reference": f"Patient/{patient['resource']['id']}"},
            "policy": [{"uri": "http://example.org/policy"}],
            "provision": {"type": "deny"},
        }
        assert client.post("/Consent", json=consent).status_code == 201
    answer = hospital.ask(a_query(a_number(), mrn))
    assert fields(answer, "QAK")[2] == "NF"
    assert b"RXD" not in answer


def test_a_query_that_says_nothing_is_refused(hospital: Wire) -> None:
    assert verdict(hospital.ask(a_message("QBP^Q31", a_number(), "QPD|Q31|T1"))) == ("AE", "101")
