"""Prescriptions for controlled substances: signed, or vouched for, or refused and on record (N4)."""

import hashlib

import httpx
import psycopg
import pytest
import trustme
from lxml import etree
from signxml import methods
from signxml.signer import XMLSigner

from tests.acceptance.exchange.conftest import AUTHORITY
from tests.acceptance.exchange.test_script_gateway import a_new_rx, a_number, orders, post, state, told
from tests.running.galenic import Galenic

SCHEDULE = b"<DrugCoded><DEASchedule><Code>C48675</Code></DEASchedule></DrugCoded><Quantity>"
INDICATOR = (
    b'<DigitalSignature Version="1.1"><DigitalSignatureIndicator>true</DigitalSignatureIndicator>'
    b"</DigitalSignature></Header>"
)


def a_controlled(number: str) -> bytes:
    return a_new_rx(number, number, drug="Oxycodone 5 MG Oral Tablet").replace(b"<Quantity>", SCHEDULE, 1)


def signed(raw: bytes, authority: trustme.CA = AUTHORITY) -> bytes:
    leaf = authority.issue_cert("prescriber@clinic.example")
    chain = "".join(pem.bytes().decode() for pem in leaf.cert_chain_pems)
    exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
    signer = XMLSigner(methods.enveloped, "ecdsa-sha256", "sha256", exclusive)
    return etree.tostring(signer.sign(etree.fromstring(raw), key=leaf.private_key_pem.bytes(), cert=chain))


def test_a_signed_prescription_is_taken_and_its_bytes_are_kept(galenic: Galenic, clinic: httpx.Client) -> None:
    number = a_number()
    raw = signed(a_controlled(number))
    assert told(post(clinic, raw)) == ("Status", "000")
    assert state(galenic, number) == "answered"
    assert len(orders(galenic, number)) == 1
    with psycopg.connect(galenic.environment["GALENIC_DATABASE_URL"]) as connection:
        row = connection.execute("SELECT raw, digest FROM message WHERE control_id = %s", (number,)).fetchone()
    assert row == (raw, hashlib.sha256(raw).digest())


def test_one_whose_header_says_it_was_signed_is_taken(galenic: Galenic, clinic: httpx.Client) -> None:
    number = a_number()
    assert told(post(clinic, a_controlled(number).replace(b"</Header>", INDICATOR))) == ("Status", "000")
    assert state(galenic, number) == "answered"


@pytest.mark.parametrize(
    "attack",
    [
        a_controlled,
        lambda number: signed(a_controlled(number)).replace(b"<Value>30<", b"<Value>90<"),
        lambda number: signed(a_controlled(number)).replace(b"</Header>", INDICATOR),
        lambda number: signed(a_controlled(number), trustme.CA()),
        lambda number: signed(a_new_rx(number, number)).replace(b"<Value>30<", b"<Value>90<"),
    ],
    ids=["unsigned", "quantity changed", "header changed", "another authority", "not controlled, and changed"],
)
def test_what_is_not_signed_as_it_is_read_is_refused_and_on_record(
    galenic: Galenic, clinic: httpx.Client, attack: object
) -> None:
    number = a_number()
    assert told(post(clinic, attack(number))) == ("Error", "900")
    assert orders(galenic, number) == []
    with psycopg.connect(galenic.environment["GALENIC_DATABASE_URL"]) as connection:
        query = (
            "SELECT m.state, a.interaction, a.outcome FROM message m JOIN audit a ON a.request_id = m.id::text"
            " WHERE m.partner = 'clinic' ORDER BY m.number DESC LIMIT 1"
        )
        assert connection.execute(query).fetchone() == ("failed", "message", 422)
