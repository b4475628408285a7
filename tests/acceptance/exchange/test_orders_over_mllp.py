"""HL7 v2 from a partner's bytes to FHIR and back to the acknowledgement (H3, H4)."""

import base64
import re
import threading
from itertools import count
from uuid import uuid4

import psycopg
import pytest

from tests.running.galenic import Galenic
from tests.running.mllp import Wire, a_message, a_patient, an_order, fields, verdict, wire

_numbers = count(1)


def a_number() -> str:
    return f"N{next(_numbers)}-{uuid4().hex[:8]}"


def found(galenic: Galenic, query: str) -> list[dict]:
    with galenic.client() as client:
        return [one["resource"] for one in client.get(query).json().get("entry", [])]


def orders(galenic: Galenic, number: str) -> list[dict]:
    return found(galenic, f"/MedicationRequest?identifier={number}")


def rows(galenic: Galenic, control_id: str) -> list[tuple]:
    with psycopg.connect(galenic.environment["GALENIC_DATABASE_URL"]) as connection:
        query = "SELECT raw, answer, state, code, attempts FROM message WHERE control_id = %s ORDER BY number"
        return connection.execute(query, (control_id,)).fetchall()


def test_an_order_is_in_the_store_when_it_is_acknowledged(galenic: Galenic, hospital: Wire) -> None:
    number = a_number()
    raw = an_order(number, number, mrn=number)
    answer = hospital.ask(raw)
    assert verdict(answer) == ("AA", "")
    (order,) = orders(galenic, number)
    assert order["status"] == "active"
    assert order["dispenseRequest"]["numberOfRepeatsAllowed"] == 2
    (patient,) = found(galenic, f"/Patient?identifier={number}")
    assert order["subject"]["reference"] == f"Patient/{patient['id']}"
    assert rows(galenic, number) == [(raw, answer, "answered", "AA", 1)]


def test_a_decimal_is_stored_as_the_message_has_it(galenic: Galenic, hospital: Wire) -> None:
    number = a_number()
    raw = an_order(number, number).replace(b"|500||mg|", b"|2.50||mg|")
    assert verdict(hospital.ask(raw)) == ("AA", "")
    with galenic.client() as client:
        text = client.get(f"/MedicationRequest?identifier={number}").text
    assert re.search(r'"value":2\.50?[,}]', text), text


def test_an_order_leaves_its_provenance_and_its_bytes(galenic: Galenic, hospital: Wire) -> None:
    number = a_number()
    raw = an_order(number, number, mrn=number)
    hospital.ask(raw)
    (order,) = orders(galenic, number)
    (provenance,) = found(galenic, f"/Provenance?target=MedicationRequest/{order['id']}")
    (binary,) = [one["what"]["reference"] for one in provenance["entity"] if "reference" in one["what"]]
    with galenic.client() as client:
        kept = client.get(f"/{binary}").json()
    assert base64.b64decode(kept["data"]) == raw
    assert kept["securityContext"]["reference"] == order["subject"]["reference"]


def test_the_acknowledgement_goes_back_to_whoever_sent_the_message(hospital: Wire) -> None:
    number = a_number()
    answer = hospital.ask(an_order(number, number))
    header = fields(answer, "MSH")
    assert header[3:7] == ["GALENIC", "PHARMACY", "WARD", "HOSPITAL"]
    assert header[9].startswith("RRE^O12")
    assert header[12] == "2.5.1"
    assert fields(answer, "MSA")[2] == number


def test_a_second_message_about_an_order_changes_the_order_there_is(galenic: Galenic, hospital: Wire) -> None:
    number = a_number()
    hospital.ask(an_order(a_number(), number))
    assert verdict(hospital.ask(an_order(a_number(), number, control="XO"))) == ("AA", "")
    assert len(orders(galenic, number)) == 1


def test_the_patient_of_an_order_is_not_changed_by_it(galenic: Galenic, hospital: Wire) -> None:
    mrn = a_number()
    hospital.ask(a_message("ADT^A04", a_number(), "EVN||20261121", a_patient(mrn, "Chalmers"), "PV1|1|O"))
    hospital.ask(an_order(a_number(), a_number(), mrn=mrn, family="Misspelt"))
    (patient,) = found(galenic, f"/Patient?identifier={mrn}")
    assert patient["name"][0]["family"] == "Chalmers"
    hospital.ask(a_message("ADT^A08", a_number(), "EVN||20261121", a_patient(mrn, "Windsor"), "PV1|1|O"))
    (patient,) = found(galenic, f"/Patient?identifier={mrn}")
    assert patient["name"][0]["family"] == "Windsor"


def test_what_is_not_spoken_of_stays_and_what_is_said_to_be_empty_goes(galenic: Galenic, hospital: Wire) -> None:
    mrn = a_number()
    full = a_patient(mrn) + "|||1 Main St^^Springfield^IL^62701||5551234567"
    hospital.ask(a_message("ADT^A04", a_number(), "EVN||20261121", full, "PV1|1|O"))
    emptied = a_patient(mrn) + '|||""'
    hospital.ask(a_message("ADT^A08", a_number(), "EVN||20261121", emptied, "PV1|1|O"))
    (patient,) = found(galenic, f"/Patient?identifier={mrn}")
    assert "address" not in patient
    assert "telecom" in patient


def test_the_same_message_again_is_answered_as_before_and_does_nothing(galenic: Galenic, hospital: Wire) -> None:
    number = a_number()
    raw = an_order(number, number)
    first = hospital.ask(raw)
    assert hospital.ask(raw) == first
    with wire(galenic) as another:
        assert another.ask(raw) == first
    (order,) = orders(galenic, number)
    assert order["meta"]["versionId"] == "1"
    assert [row[4] for row in rows(galenic, number)] == [1]


def test_the_same_message_on_eight_connections_at_once_has_one_effect(galenic: Galenic) -> None:
    number, answers = a_number(), []
    raw = an_order(number, number, mrn=number)

    def ask() -> None:
        with wire(galenic) as one:
            answers.append(one.ask(raw))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len(set(answers)) == 1
    assert verdict(answers[0]) == ("AA", "")
    (order,) = orders(galenic, number)
    assert order["meta"]["versionId"] == "1"
    assert len(found(galenic, f"/Patient?identifier={number}")) == 1


def test_another_message_under_a_known_control_id_is_refused_and_the_first_stays(
    galenic: Galenic, hospital: Wire
) -> None:
    number = a_number()
    raw = an_order(number, number)
    first = hospital.ask(raw)
    other = hospital.ask(an_order(number, a_number()))
    assert verdict(other) == ("AE", "205")
    assert rows(galenic, number) == [(raw, first, "answered", "AA", 1)]


def test_a_cancel_of_an_order_that_is_not_there_is_refused_and_taken_once_it_is(
    galenic: Galenic, hospital: Wire
) -> None:
    number, control_id = a_number(), a_number()
    cancel = an_order(control_id, number, control="CA")
    refusal = hospital.ask(cancel)
    assert verdict(refusal) == ("AE", "204")
    assert fields(refusal, "ERR")[2] == "ORC^1^2"
    assert [row[2] for row in rows(galenic, control_id)] == ["failed"]
    hospital.ask(an_order(a_number(), number))
    assert verdict(hospital.ask(cancel)) == ("AA", "")
    assert [row[2:] for row in rows(galenic, control_id)] == [("answered", "AA", 2)]
    (order,) = orders(galenic, number)
    assert order["status"] == "active"
    (task,) = found(galenic, f"/Task?focus=MedicationRequest/{order['id']}")
    assert task["status"] == "requested"
    (provenance,) = found(galenic, f"/Provenance?target=Task/{task['id']}")
    with psycopg.connect(galenic.environment["GALENIC_DATABASE_URL"]) as connection:
        (kept,) = connection.execute("SELECT id FROM message WHERE control_id = %s", (control_id,)).fetchone() or ()
    assert f"Binary/{kept}" in [entity["what"].get("reference") for entity in provenance["entity"]]


def an_event(control_id: str, number: str, control: str, status: str) -> bytes:
    """About an order, without repeating it."""
    return a_message("RDE^O11", control_id, a_patient("1"), f"ORC|{control}|{number}^WARD|||{status}")


def test_an_event_of_an_order_changes_its_status_and_nothing_else(galenic: Galenic, hospital: Wire) -> None:
    number = a_number()
    assert verdict(hospital.ask(an_event(a_number(), number, "SC", "CM"))) == ("AE", "204")
    hospital.ask(an_order(a_number(), number))
    (before,) = orders(galenic, number)
    assert verdict(hospital.ask(an_event(a_number(), number, "SC", "CM"))) == ("AA", "")
    (after,) = orders(galenic, number)
    assert after["status"] == "completed"
    assert after["medicationCodeableConcept"] == before["medicationCodeableConcept"]
    assert after["subject"] == before["subject"]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (a_message("RDE^O11", "1", a_patient("1"), sender="NOBODY|NOWHERE"), ("AR", "204")),
        (a_message("RDE^O11", "1", a_patient("1"), sender="DISTANT|HOSPITAL"), ("AR", "204")),
        (a_message("RDE^O11", "1", a_patient("1"), sender="NURSE|HOSPITAL"), ("AR", "200")),
        (a_message("ADT^A04", "", a_patient("1")), ("AR", "101")),
        (a_message("SIU^S12", "S12", a_patient("1")), ("AR", "200")),
        (a_message("ADT^A04", "v9", a_patient("1"), version="9.9"), ("AR", "203")),
    ],
    ids=["unknown sender", "other address", "other kind", "no control id", "other type", "other version"],
)
def test_what_stands_against_the_header_is_rejected(hospital: Wire, message: bytes, expected: tuple[str, str]) -> None:
    assert verdict(hospital.ask(message)) == expected


def test_several_messages_of_a_frame_are_answered_one_by_one(galenic: Galenic, hospital: Wire) -> None:
    numbers = [a_number(), a_number()]
    hospital.send(b"".join(an_order(number, number) for number in numbers))
    answers = [hospital.receive(), hospital.receive()]
    assert [fields(answer, "MSA")[1:3] for answer in answers] == [["AA", number] for number in numbers]
    assert all(len(orders(galenic, number)) == 1 for number in numbers)


def with_modes(raw: bytes, accept: str, application: str) -> bytes:
    header, _, rest = raw.partition(b"\r")
    return header + f"|||{accept}|{application}\r".encode() + rest


@pytest.mark.parametrize(
    ("accept", "application", "codes"),
    [
        ("AL", "AL", ["CA", "AA"]),
        ("AL", "NE", ["CA"]),
        ("NE", "NE", []),
        ("NE", "AL", ["AA"]),
        ("NE", "SU", ["AA"]),
        ("ER", "AL", ["AA"]),
    ],
)
def test_in_enhanced_mode_the_message_says_which_acknowledgements_it_wants(
    galenic: Galenic, hospital: Wire, accept: str, application: str, codes: list[str]
) -> None:
    number = a_number()
    raw = with_modes(an_order(number, number), accept, application)
    told = []
    for next_one in (a_number(), a_number()):  # what is not answered is done before the next one is
        hospital.send(raw)
        told.append([hospital.receive() for _ in codes])
        between = "there is no other answer between"
        assert fields(hospital.ask(an_order(next_one, next_one)), "MSA")[2] == next_one, between
    assert [fields(answer, "MSA")[1] for answer in told[0]] == codes
    assert told[0] == told[1]
    assert len(orders(galenic, number)) == 1
