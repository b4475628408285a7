"""A practice that talks SCRIPT with the pharmacy."""

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import httpx
import psycopg

from fhir_server.exchange import ledger
from fhir_server.exchange.ledger import Arrived
from tests.acceptance.exchange.test_script_gateway import orders, post, state, text, told
from tests.running.galenic import Galenic

PARTNER = "practice"
_numbers = itertools.count(1)

MESSAGE = """<Message DatatypesVersion="20170715" TransactionDomain="SCRIPT" TransactionVersion="20170715">
 <Header><To Qualifier="{to}</To><From Qualifier="{from_}</From><MessageID>{id}</MessageID>{relates}
  <SentTime>2026-11-21T12:00:00Z</SentTime>{order}</Header><Body><{kind}>{body}</{kind}></Body></Message>"""
PRACTICE, PHARMACY = 'D">practice', 'P">7654321'
PATIENT = """<Patient><HumanPatient><Name><LastName>Iversen</LastName><FirstName>Una</FirstName></Name>
 <Gender>F</Gender><DateOfBirth><Date>1981-04-30</Date></DateOfBirth></HumanPatient></Patient>"""
PRESCRIBER = """<Prescriber><NonVeterinarian><Identification><NPI>1234567893</NPI></Identification>
 <Name><LastName>Primary</LastName></Name></NonVeterinarian></Prescriber>"""
DRUG = """<{name}><DrugDescription>Amoxicillin 500 MG Oral Capsule</DrugDescription><Quantity><Value>30</Value>
 <CodeListQualifier>38</CodeListQualifier></Quantity><WrittenDate><Date>2026-11-21</Date></WrittenDate>
 <Substitutions>0</Substitutions><NumberOfRefills>2</NumberOfRefills><Sig><SigText>Take 1 capsule a day</SigText></Sig>
 </{name}>"""
PRESCRIBED = PATIENT + PRESCRIBER + DRUG.format(name="MedicationPrescribed")
RESPONDED = PATIENT + PRESCRIBER + DRUG.format(name="MedicationResponse")
FILLED = "<FillStatus><Dispensed/></FillStatus>" + PRESCRIBED

REQUESTS = {
    "RxChangeRequest": "<MessageRequestCode>G</MessageRequestCode>" + PRESCRIBED,
    "RxRenewalRequest": PRESCRIBED,
    "CancelRx": PRESCRIBED,
    "NewRxRequest": PATIENT,
}
LEGAL = {
    ("RxChangeRequest", "RxChangeResponse"): ("Approved", "ApprovedWithChanges", "Denied", "Pending"),
    ("RxRenewalRequest", "RxRenewalResponse"): ("Approved", "ApprovedWithChanges", "Replace", "Denied", "Pending"),
    ("CancelRx", "CancelRxResponse"): ("Denied",),
    ("NewRxRequest", "NewRxResponseDenied"): ("Denied",),
}
ANSWERS = sorted({answer for _, answer in LEGAL})
OUTCOMES = ("Approved", "ApprovedWithChanges", "Replace", "Denied", "Pending", "Validated")
APPROVING = ("Approved", "ApprovedWithChanges", "Replace")
TAKEN, REFUSED = ("Status", "000"), ("Error", "900")


def a_number() -> str:
    return f"V{next(_numbers)}-{uuid4().hex[:8]}"


def a_script(kind: str, body: str, number: str, *, relates: str = "", order: str = "", sent: bool = False) -> bytes:
    """From the practice; `sent`: to it."""
    to, from_ = (PRACTICE, PHARMACY) if sent else (PHARMACY, PRACTICE)
    return MESSAGE.format(
        to=to,
        from_=from_,
        id=number,
        relates=f"<RelatesToMessageID>{relates}</RelatesToMessageID>" if relates else "",
        order=f"<PrescriberOrderNumber>{order}</PrescriberOrderNumber>" if order else "",
        kind=kind,
        body=body,
    ).encode()


def an_answer(kind: str, outcome: str, relates: str, number: str = "") -> bytes:
    if kind in ("Status", "Error", "Verify"):
        return a_script(kind, "<Code>010</Code>", number or a_number(), relates=relates)
    medication = RESPONDED if outcome in APPROVING and kind != "CancelRxResponse" else ""
    body = f"<Response><{outcome}/></Response>{medication}"
    return a_script(kind, body, number or a_number(), relates=relates)


@dataclass
class Office:
    """The practice's system, and the pharmacy that it talks to."""

    galenic: Galenic
    client: httpx.Client

    def send(self, raw: bytes, number: str) -> tuple[str, str]:
        """What it is told; every answer says what it answers."""
        answer = post(self.client, raw)
        assert answer.status_code == 200
        assert text(answer.content, "Header/RelatesToMessageID") == number
        assert text(answer.content, "Header/MessageID")
        return told(answer)

    def at_once(self, raws: list[bytes]) -> list[bytes]:
        answers: list[bytes] = []
        threads = [
            threading.Thread(target=lambda one=raw: answers.append(post(self.client, one).content)) for raw in raws
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def ask(self, kind: str, order: str, code: str = "G") -> str:
        """The pharmacy sends a request, which is a Task about the order here."""
        number = a_number()
        raw = a_script(kind, REQUESTS[kind].replace(">G<", f">{code}<"), number, order=order, sent=True)
        with psycopg.connect(self.galenic.environment["GALENIC_DATABASE_URL"]) as connection:
            leaving = Arrived(uuid4(), "script", raw, kind, "P:7654321", number, PARTNER)
            connection.execute(ledger.SEND, ledger.leaving_values(leaving))
        (prescribed,) = orders(self.galenic, order)
        task = {
            "resourceType": "Task",
            "identifier": [{"system": f"urn:galenic:partner:{PARTNER}:MessageID", "value": number}],
            "status": "requested",
            "intent": "order",
            "focus": {"reference": f"MedicationRequest/{prescribed['id']}"},
        }
        with self.galenic.client() as client:
            assert client.post("/Task", json=task).status_code == 201
        return number

    def prescribe(self) -> str:
        """The number of an order that is written; it is its message's too."""
        number = a_number()
        assert self.send(a_script("NewRx", PRESCRIBED, number, order=number), number) == TAKEN
        assert state(self.galenic, number) == "answered"
        return number

    def cancelled(self, order: str) -> None:
        """The pharmacist cancels it."""
        (prescribed,) = orders(self.galenic, order)
        with self.galenic.client() as client:
            body = prescribed | {"status": "cancelled"}
            assert client.put(f"/MedicationRequest/{prescribed['id']}", json=body).status_code == 200

    def mailbox(self) -> Iterator[bytes]:
        """Every message that waits, each taken with a Status."""
        while True:
            number = a_number()
            raw = post(self.client, a_script("GetMessage", "", number)).content
            if text(raw, "Header/RelatesToMessageID") == number:
                assert text(raw, "Body/Status/Code") == "000"
                return
            yield raw
            confirming = a_number()
            relates = text(raw, "Header/MessageID")
            assert self.send(an_answer("Status", "", relates, confirming), confirming) == TAKEN
