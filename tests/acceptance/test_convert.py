"""$convert: a message as FHIR, FHIR as a message, and nothing stored."""

import base64

import httpx
import pytest

from tests.acceptance.outcomes import VALIDATOR
from tests.builders.resources import PLACED
from tests.running.mllp import a_message, a_patient, an_order

ER7 = {"Content-Type": "x-application/hl7-v2+er7"}


def convert(client: httpx.Client, raw: bytes, **parameters: str) -> httpx.Response:
    return client.post("/$convert", content=raw, headers=ER7, params=parameters)


def test_a_message_comes_back_as_a_transaction_that_can_be_posted(client: httpx.Client) -> None:
    answer = convert(client, an_order("1", "N1"), partner="county")
    assert answer.status_code == 200, answer.text
    parameters = answer.json()
    assert VALIDATOR.validate(parameters) == []
    named = {one["name"]: one.get("resource") for one in parameters["parameter"]}
    assert client.get("/MedicationRequest?identifier=N1").json().get("entry", []) == []
    assert client.post("/", json=named["return"]).status_code == 200
    (entry,) = client.get("/MedicationRequest?identifier=N1").json()["entry"]
    assert entry["resource"]["identifier"][0]["value"] == "N1"
    assert named["outcome"]["resourceType"] == "OperationOutcome"


def test_a_time_without_an_offset_is_the_senders(client: httpx.Client) -> None:
    segments = ("EVN||20261121", a_patient("1"), "PV1|1|O" + "|" * 42 + "202611211200")
    raw = a_message("ADT^A04", "1", *segments)
    for zone, start in (("UTC", "2026-11-21T12:00:00+00:00"), ("America/Chicago", "2026-11-21T12:00:00-06:00")):
        entries = convert(client, raw, zone=zone).json()["parameter"][0]["resource"]["entry"]
        (encounter,) = [one["resource"] for one in entries if one["resource"]["resourceType"] == "Encounter"]
        assert encounter["period"]["start"].replace("Z", "+00:00") == start


@pytest.mark.parametrize(
    ("raw", "status", "place"),
    [
        (b"neither", 400, None),
        (a_message("SIU^S12", "1", a_patient("1")), 400, "MSH-9"),
        (b"<Message><Header/><Body/></Message>", 400, "Body"),
    ],
)
def test_what_stands_against_it_is_named(client: httpx.Client, raw: bytes, status: int, place: str | None) -> None:
    answer = convert(client, raw)
    assert answer.status_code == status
    assert answer.json()["issue"][0].get("expression") == ([place] if place else None)


def test_other_media_and_zones_are_refused(client: httpx.Client) -> None:
    assert client.post("/$convert", json={}, headers={"Content-Type": "application/json"}).status_code == 415
    assert convert(client, an_order("1", "N1"), zone="Springfield").status_code == 400


def test_fhir_comes_back_as_the_message_that_is_asked_for(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/fhir+json"}
    asked = {"to": "hl7v2-rde", "partner": "county", "sender": "GALENIC|PHARMACY", "receiver": "WARD|HOSPITAL"}
    answer = client.post("/$convert", json=PLACED, headers=headers, params=asked)
    assert answer.status_code == 200, answer.text
    assert VALIDATOR.validate(answer.json()) == []
    binary = answer.json()["parameter"][0]["resource"]
    assert binary["contentType"] == "x-application/hl7-v2+er7"
    lines = base64.b64decode(binary["data"]).decode().split("\r")
    assert lines[0].startswith("MSH|^~\\&|GALENIC|PHARMACY|WARD|HOSPITAL|")
    assert "ORC|NW|A1^OE" in lines
    wrong = ({}, {"to": "hl7v2-rds"}, {"to": "hl7v2-orm"})
    assert [client.post("/$convert", json=PLACED, headers=headers, params=one).status_code for one in wrong] == [
        400
    ] * 3


def test_several_messages_are_refused(client: httpx.Client) -> None:
    answer = convert(client, an_order("1", "N1") + an_order("2", "N2"))
    assert answer.status_code == 400
    assert "2 messages" in answer.text
