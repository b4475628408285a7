"""People without a number, and orders of ours that a pharmacy cancels."""

import httpx
import psycopg

from tests.acceptance.exchange.test_script_conversations import (
    REFUSED,
    TAKEN,
    Office,
    a_number,
    a_script,
    office,
    practice,
)
from tests.acceptance.exchange.test_script_gateway import CANCEL_RX, a_new_rx, orders, post, state, told
from tests.running.galenic import Galenic

__all__ = ["office", "practice"]

LIVES = b"</HumanPatient>", b"<Address><PostalCode>62701</PostalCode></Address></HumanPatient>"


def prescribed(galenic: Galenic, clinic: httpx.Client, *changes: tuple[bytes, bytes]) -> dict:
    number = a_number()
    raw = a_new_rx(number, number)
    for old, new in changes:
        raw = raw.replace(old, new)
    assert told(post(clinic, raw)) == TAKEN
    assert state(galenic, number) == "answered"
    (order,) = orders(galenic, number)
    return order


def test_two_prescriptions_of_one_person_share_a_patient(galenic: Galenic, clinic: httpx.Client) -> None:
    first = prescribed(galenic, clinic)
    assert prescribed(galenic, clinic)["subject"] == first["subject"]
    others = [
        prescribed(galenic, clinic, (b"1974-12-25", b"1974-12-26")),
        prescribed(galenic, clinic, (b"Peter", b"Paul")),
        prescribed(galenic, clinic, LIVES),
    ]
    assert len({one["subject"]["reference"] for one in (first, *others)}) == 4


def test_a_cancellation_under_another_address_is_taken(galenic: Galenic, clinic: httpx.Client) -> None:
    order = prescribed(galenic, clinic)
    (number,) = {one["value"] for one in order["identifier"]}
    cancel = a_number()
    post(clinic, CANCEL_RX.format(id=cancel, relates=number, order=number).encode().replace(*LIVES))
    assert state(galenic, cancel) == "answered"


def test_a_person_whose_record_was_merged_is_still_prescribed_for(galenic: Galenic, clinic: httpx.Client) -> None:
    name = b"Peter", a_number().encode()
    patient = prescribed(galenic, clinic, name)["subject"]["reference"]
    with galenic.client() as client:
        other = client.post("/Patient", json={"resourceType": "Patient"}).json()["id"]
        link = {"other": {"reference": f"Patient/{other}"}, "type": "replaced-by"}
        body = client.get(f"/{patient}").json() | {"active": False, "link": [link]}
        assert client.put(f"/{patient}", json=body).status_code == 200
    assert prescribed(galenic, clinic, name)["subject"]["reference"] == patient


def approval(number: str, relates: str, order: str) -> bytes:
    return a_script("CancelRxResponse", "<Response><Approved/></Response>", number, relates=relates, order=order)


def test_an_approved_cancellation_cancels_the_order_and_no_other(galenic: Galenic, office: Office) -> None:
    order, other = office.prescribe(), office.prescribe()
    asked = office.ask("CancelRx", order)
    wrong, right = a_number(), a_number()
    assert office.send(approval(wrong, asked, other), wrong) == REFUSED
    assert office.send(approval(right, asked, order), right) == TAKEN
    assert state(galenic, right) == "answered"
    (cancelled,), (kept,) = orders(galenic, order), orders(galenic, other)
    assert (cancelled["status"], kept["status"]) == ("cancelled", "active")
    assert cancelled["statusReason"] == {"text": "A CancelRx was approved"}
    assert cancelled["dosageInstruction"] == kept["dosageInstruction"]


def test_an_answer_that_came_to_nothing_may_be_given_again(galenic: Galenic, office: Office) -> None:
    order = office.prescribe()
    asked, first, second = office.ask("RxChangeRequest", order), a_number(), a_number()
    office.cancelled(order)
    medication = "<Patient><HumanPatient><Name><LastName>Iversen</LastName></Name></HumanPatient></Patient>"
    medication += "<MedicationResponse><DrugDescription>Amoxicillin</DrugDescription></MedicationResponse>"
    raw = a_script("RxChangeResponse", f"<Response><Approved/></Response>{medication}", first, relates=asked)
    assert office.send(raw, first) == TAKEN
    assert state(galenic, first) == "failed"
    with psycopg.connect(galenic.environment["GALENIC_DATABASE_URL"]) as connection:
        query = "SELECT code, answer FROM message WHERE direction = 'out' AND control_id = %s"
        assert connection.execute(query, (asked,)).fetchone() == ("", None)
    denial = a_script("RxChangeResponse", "<Response><Denied/></Response>", second, relates=asked)
    assert office.send(denial, second) == TAKEN
