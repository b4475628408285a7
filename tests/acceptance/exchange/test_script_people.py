"""People without a number, and orders of ours that a pharmacy cancels."""

import httpx
import psycopg

from tests.acceptance.exchange.office import (
    PRESCRIBED,
    REFUSED,
    RESPONDED,
    TAKEN,
    Office,
    a_number,
    a_script,
)
from tests.acceptance.exchange.test_script_gateway import CANCEL_RX, a_new_rx, orders, post, state, told
from tests.running.galenic import Galenic

LIVES = b"</HumanPatient>", b"<Address><PostalCode>62701</PostalCode></Address></HumanPatient>"


def prescribed(galenic: Galenic, clinic: httpx.Client, *all_changes: tuple[tuple[bytes, bytes], ...]) -> list[dict]:
    """The orders of prescriptions with what is changed in each, once all are there."""
    numbers = [a_number() for _ in all_changes]
    for number, changes in zip(numbers, all_changes, strict=True):
        raw = a_new_rx(number, number)
        for old, new in changes:
            raw = raw.replace(old, new)
        assert told(post(clinic, raw)) == TAKEN
    assert {state(galenic, number) for number in numbers} == {"answered"}
    return [order for number in numbers for order in orders(galenic, number)]


def test_two_prescriptions_of_one_person_share_a_patient(galenic: Galenic, clinic: httpx.Client) -> None:
    born, named = (b"1974-12-25", b"1974-12-26"), (b"Peter", b"Paul")
    first, same, *others = prescribed(galenic, clinic, (), (), (born,), (named,), (LIVES,))
    assert same["subject"] == first["subject"]
    assert len({one["subject"]["reference"] for one in (first, *others)}) == 4


def test_a_cancellation_under_another_address_is_taken(galenic: Galenic, clinic: httpx.Client) -> None:
    (order,) = prescribed(galenic, clinic, ())
    (number,) = {one["value"] for one in order["identifier"]}
    cancel = a_number()
    post(clinic, CANCEL_RX.format(id=cancel, relates=number, order=number).encode().replace(*LIVES))
    assert state(galenic, cancel) == "answered"


def test_a_person_whose_record_was_merged_is_still_prescribed_for(galenic: Galenic, clinic: httpx.Client) -> None:
    name = b"Peter", a_number().encode()
    (before,) = prescribed(galenic, clinic, (name,))
    patient = before["subject"]["reference"]
    with galenic.client() as client:
        other = client.post("/Patient", json={"resourceType": "Patient"}).json()["id"]
        link = {"other": {"reference": f"Patient/{other}"}, "type": "replaced-by"}
        body = client.get(f"/{patient}").json() | {"active": False, "link": [link]}
        assert client.put(f"/{patient}", json=body).status_code == 200
    (after,) = prescribed(galenic, clinic, (name,))
    assert after["subject"] == before["subject"]


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


def test_two_orders_of_one_number_are_not_guessed_between(galenic: Galenic, office: Office) -> None:
    order = office.prescribe()
    asked, approved, cancel = office.ask("RxChangeRequest", order), a_number(), a_number()
    raw = a_script(
        "RxChangeResponse", f"<Response><Approved/></Response>{RESPONDED}", approved, relates=asked, order=order
    )
    assert office.send(raw, approved) == TAKEN
    assert state(galenic, approved) == "answered"
    assert len(orders(galenic, order)) == 2
    assert office.send(a_script("CancelRx", PRESCRIBED, cancel, order=order), cancel) == TAKEN
    assert state(galenic, cancel) == "failed"


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
