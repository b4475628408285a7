"""SCRIPT over HTTP: kept, acknowledged, done by a job, and told what came of it."""

import threading
from itertools import count
from uuid import uuid4

import httpx
import psycopg
import pytest
from lxml import etree

from fhir_server.cli.main import main
from tests.running.galenic import Galenic
from tests.running.waiting import wait_until

_numbers = count(1)

NEW_RX = """<?xml version="1.0" encoding="UTF-8"?>
<Message DatatypesVersion="20170715" TransportVersion="20170715" TransactionDomain="SCRIPT"
 TransactionVersion="20170715" StructuresVersion="20170715" ECLVersion="20170715">
 <Header><To Qualifier="P">7654321</To><From Qualifier="{qualifier}">{sender}</From><MessageID>{id}</MessageID>
  <SentTime>2026-11-21T12:00:00Z</SentTime><PrescriberOrderNumber>{order}</PrescriberOrderNumber></Header>
 <Body><NewRx>
  <Patient><HumanPatient><Name><LastName>Chalmers</LastName><FirstName>Peter</FirstName></Name><Gender>M</Gender>
   <DateOfBirth><Date>1974-12-25</Date></DateOfBirth></HumanPatient></Patient>
  <Pharmacy><Identification><NCPDPID>7654321</NCPDPID></Identification><BusinessName>Corner</BusinessName></Pharmacy>
  <Prescriber><NonVeterinarian><Identification><NPI>1234567893</NPI></Identification>
   <Name><LastName>Primary</LastName><FirstName>Ines</FirstName></Name></NonVeterinarian></Prescriber>
  <MedicationPrescribed><DrugDescription>{drug}</DrugDescription>
   <Quantity><Value>30</Value><CodeListQualifier>38</CodeListQualifier>
    <QuantityUnitOfMeasure><Code>C48480</Code></QuantityUnitOfMeasure></Quantity>
   <WrittenDate><Date>2026-11-21</Date></WrittenDate><Substitutions>0</Substitutions>
   <NumberOfRefills>2</NumberOfRefills><Sig><SigText>Take 1 capsule three times a day</SigText></Sig>
  </MedicationPrescribed></NewRx></Body></Message>"""

CANCEL_RX = """<?xml version="1.0" encoding="UTF-8"?>
<Message DatatypesVersion="20170715" TransactionDomain="SCRIPT" TransactionVersion="20170715">
 <Header><To Qualifier="P">7654321</To><From Qualifier="D">clinic</From><MessageID>{id}</MessageID>
  <RelatesToMessageID>{relates}</RelatesToMessageID><SentTime>2026-11-21T12:00:00Z</SentTime>
  <PrescriberOrderNumber>{order}</PrescriberOrderNumber></Header>
 <Body><CancelRx>
  <Patient><HumanPatient><Name><LastName>Chalmers</LastName><FirstName>Peter</FirstName></Name><Gender>M</Gender>
   <DateOfBirth><Date>1974-12-25</Date></DateOfBirth></HumanPatient></Patient>
  <Prescriber><NonVeterinarian><Identification><NPI>1234567893</NPI></Identification>
   <Name><LastName>Primary</LastName><FirstName>Ines</FirstName></Name></NonVeterinarian></Prescriber>
  <MedicationPrescribed><DrugDescription>Amoxicillin 500 MG Oral Capsule</DrugDescription>
   <Quantity><Value>30</Value><CodeListQualifier>38</CodeListQualifier>
    <QuantityUnitOfMeasure><Code>C48480</Code></QuantityUnitOfMeasure></Quantity>
   <WrittenDate><Date>2026-11-21</Date></WrittenDate><Substitutions>0</Substitutions>
   <NumberOfRefills>2</NumberOfRefills><Sig><SigText>Take 1 capsule three times a day</SigText></Sig>
  </MedicationPrescribed></CancelRx></Body></Message>"""

GET_MESSAGE = """<?xml version="1.0" encoding="UTF-8"?>
<Message DatatypesVersion="20170715" TransactionDomain="SCRIPT" TransactionVersion="20170715">
 <Header><To Qualifier="P">7654321</To><From Qualifier="D">clinic</From><MessageID>{id}</MessageID>
  <SentTime>2026-11-21T12:00:00Z</SentTime></Header><Body><GetMessage/></Body></Message>"""

STATUS = """<?xml version="1.0" encoding="UTF-8"?>
<Message DatatypesVersion="20170715" TransactionDomain="SCRIPT" TransactionVersion="20170715">
 <Header><To Qualifier="P">7654321</To><From Qualifier="D">clinic</From><MessageID>{id}</MessageID>
  <RelatesToMessageID>{relates}</RelatesToMessageID><SentTime>2026-11-21T12:00:00Z</SentTime></Header>
 <Body><Status><Code>000</Code></Status></Body></Message>"""


def a_number() -> str:
    return f"S{next(_numbers)}-{uuid4().hex[:8]}"


def a_new_rx(message_id: str, order: str, **more: str) -> bytes:
    given = {"qualifier": "D", "sender": "clinic", "drug": "Amoxicillin 500 MG Oral Capsule", **more}
    return NEW_RX.format(id=message_id, order=order, **given).encode()


def text(answer: bytes, path: str) -> str:
    return etree.fromstring(answer).findtext(path) or ""


def told(answer: httpx.Response) -> tuple[str, str]:
    """Status or Error, and its code."""
    body = etree.fromstring(answer.content).find("Body")
    return body[0].tag, body[0].findtext("Code") or ""


def post(client: httpx.Client, raw: bytes) -> httpx.Response:
    return client.post("/script", content=raw, headers={"Content-Type": "application/xml"})


def orders(galenic: Galenic, number: str) -> list[dict]:
    with galenic.client() as client:
        found = client.get(f"/MedicationRequest?identifier={number}").json()
    return [one["resource"] for one in found.get("entry", [])]


def state(galenic: Galenic, message_id: str) -> str:
    """Of a message, once its job is done."""
    done = "SELECT state FROM message WHERE control_id = %s AND state <> 'received'"
    with psycopg.connect(galenic.environment["GALENIC_DATABASE_URL"], autocommit=True) as connection:
        wait_until(lambda: connection.execute(done, (message_id,)).fetchone())
        return connection.execute(done, (message_id,)).fetchone()[0]


def test_a_prescription_is_acknowledged_and_then_in_the_store(galenic: Galenic, clinic: httpx.Client) -> None:
    number = a_number()
    answer = post(clinic, a_new_rx(number, number))
    assert told(answer) == ("Status", "000")
    assert text(answer.content, "Header/RelatesToMessageID") == number
    assert (text(answer.content, "Header/To"), text(answer.content, "Header/From")) == ("clinic", "7654321")
    assert state(galenic, number) == "answered"
    (order,) = orders(galenic, number)
    assert order["dispenseRequest"]["numberOfRepeatsAllowed"] == 2
    assert order["dosageInstruction"][0]["text"] == "Take 1 capsule three times a day"


def test_a_decimal_keeps_its_digits(galenic: Galenic, clinic: httpx.Client) -> None:
    number = a_number()
    post(clinic, a_new_rx(number, number).replace(b"<Value>30<", b"<Value>37.50<"))
    assert state(galenic, number) == "answered"
    with galenic.client() as client:
        assert '"value":37.50' in client.get(f"/MedicationRequest?identifier={number}").text


def test_the_same_message_again_gets_the_same_answer_and_has_one_effect(galenic: Galenic, clinic: httpx.Client) -> None:
    number, answers = a_number(), []
    raw = a_new_rx(number, number)
    threads = [threading.Thread(target=lambda: answers.append(post(clinic, raw).content)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len(set(answers)) == 1
    assert state(galenic, number) == "answered"
    assert post(clinic, raw).content == answers[0]
    (order,) = orders(galenic, number)
    assert order["meta"]["versionId"] == "1"


def test_another_message_under_a_known_id_is_an_error(clinic: httpx.Client) -> None:
    number = a_number()
    post(clinic, a_new_rx(number, number))
    assert told(post(clinic, a_new_rx(number, a_number()))) == ("Error", "900")


@pytest.mark.parametrize(
    "raw",
    [
        b"<Message/>",
        b"not XML",
        a_new_rx("S0", "S0", drug=""),
        a_new_rx("S0", "S0", sender="somebody else"),
        b'<!DOCTYPE a [<!ENTITY b "c">]><Message>&b;</Message>',
    ],
    ids=["no message", "no XML", "no drug", "another sender", "a DTD"],
)
def test_what_cannot_be_taken_is_answered_by_an_error(clinic: httpx.Client, raw: bytes) -> None:
    answer = post(clinic, raw)
    assert answer.status_code == 200
    assert told(answer) == ("Error", "900")


def test_a_cancellation_of_what_is_not_there_is_told_by_the_mailbox(galenic: Galenic, clinic: httpx.Client) -> None:
    number = a_number()
    assert told(post(clinic, CANCEL_RX.format(id=number, relates="none", order=a_number()).encode())) == (
        "Status",
        "000",
    )
    assert state(galenic, number) == "failed"
    fetched = post(clinic, GET_MESSAGE.format(id=a_number()).encode())
    assert told(fetched) == ("Error", "900")
    assert text(fetched.content, "Header/RelatesToMessageID") == number
    again = post(clinic, GET_MESSAGE.format(id=a_number()).encode())
    assert again.content == fetched.content
    taken = STATUS.format(id=a_number(), relates=text(fetched.content, "Header/MessageID"))
    assert told(post(clinic, taken.encode())) == ("Status", "000")
    assert told(post(clinic, GET_MESSAGE.format(id=a_number()).encode())) == ("Status", "000")


def test_what_failed_is_done_once_more_when_it_is_replayed(
    galenic: Galenic, clinic: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in galenic.environment.items():
        monkeypatch.setenv(name, value)
    number, cancel = a_number(), a_number()
    post(clinic, CANCEL_RX.format(id=cancel, relates=number, order=number).encode())
    assert state(galenic, cancel) == "failed"
    post(clinic, a_new_rx(number, number))
    assert state(galenic, number) == "answered"
    with psycopg.connect(galenic.environment["GALENIC_DATABASE_URL"]) as connection:
        (kept,) = connection.execute("SELECT id FROM message WHERE control_id = %s", (cancel,)).fetchone() or ()
    assert main(["messages", "replay", str(kept)]) == 0
    assert state(galenic, cancel) == "answered"
    assert main(["messages", "replay", str(kept)]) == 1
    told_then = post(clinic, GET_MESSAGE.format(id=a_number()).encode())  # the Error of the first time waits still
    assert text(told_then.content, "Header/RelatesToMessageID") == cancel
    taken = STATUS.format(id=a_number(), relates=text(told_then.content, "Header/MessageID"))
    assert told(post(clinic, taken.encode())) == ("Status", "000")


def test_a_cancellation_is_a_task_and_the_order_stays_as_it_is(galenic: Galenic, clinic: httpx.Client) -> None:
    number, cancel = a_number(), a_number()
    post(clinic, a_new_rx(number, number))
    assert state(galenic, number) == "answered"
    post(clinic, CANCEL_RX.format(id=cancel, relates=number, order=number).encode())
    assert state(galenic, cancel) == "answered"
    (order,) = orders(galenic, number)
    assert order["status"] == "active"
    with galenic.client() as client:
        tasks = client.get(f"/Task?focus=MedicationRequest/{order['id']}").json()
    assert [one["resource"]["status"] for one in tasks["entry"]] == ["requested"]


@pytest.mark.parametrize("auth", [None, ("clinic", "wrong"), ("nobody", "wrong"), ("hospital", "")])
def test_who_does_not_say_who_they_are_is_answered_nothing(galenic: Galenic, auth: tuple[str, str] | None) -> None:
    with httpx.Client(base_url=galenic.root_url, auth=auth, timeout=60) as stranger:
        answer = post(stranger, a_new_rx("S0", "S0"))
    assert (answer.status_code, answer.content) == (401, b"")


def test_a_message_that_is_too_long_is_not_read(clinic: httpx.Client) -> None:
    assert post(clinic, b"<" + b"x" * 9 * 2**20).status_code == 413
