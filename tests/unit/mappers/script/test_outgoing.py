"""What keeps a message from being sent."""

from dataclasses import replace

import pytest

from mappers.script.message import Message, read
from mappers.script.outgoing import faults_of_outgoing
from tests.unit.mappers.script.messages import a_new_rx

PRODUCT = "<DrugCoded><ProductCode><Code>00000111122</Code><Qualifier>ND</Qualifier></ProductCode>{}</DrugCoded>"
SCHEDULED = PRODUCT.format("<DEASchedule><Code>C48675</Code></DEASchedule>")
SIGNED = "<DigitalSignature><DigitalSignatureIndicator>true</DigitalSignatureIndicator></DigitalSignature>"
WITH_DEA = "<Identification><DEANumber>FA1234563</DEANumber>"


def places(message: Message) -> list[str]:
    return [fault.place for fault in faults_of_outgoing(message)]


def test_a_good_message_may_go() -> None:
    assert places(read(a_new_rx(PRODUCT.format("")))) == []


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("1999999984", "1999999985", "NewRx/Prescriber/NonVeterinarian/Identification/NPI"),
        (
            "<Identification>",
            "<Identification><DEANumber>FA1234564</DEANumber>",
            "NewRx/Prescriber/NonVeterinarian/Identification/DEANumber",
        ),
        (
            "<NPI>1999999984</NPI>",
            "<NCPDPID>140001</NCPDPID>",
            "NewRx/Prescriber/NonVeterinarian/Identification/NCPDPID",
        ),
        ("00000111122", "0000-1111-22", "NewRx/MedicationPrescribed/DrugCoded/ProductCode/Code"),
        ("00000111122", "0000111122", "NewRx/MedicationPrescribed/DrugCoded/ProductCode/Code"),
        ("<Value>20<", "<Value>0<", "NewRx/MedicationPrescribed/Quantity/Value"),
        ("<Value>20<", "<Value>some<", "NewRx/MedicationPrescribed/Quantity/Value"),
        ("Chew 1", "Chew" * 300, "NewRx/MedicationPrescribed/Sig/SigText"),
        ("Amoxicillin", "Amoxicillin" * 10, "NewRx/MedicationPrescribed/DrugDescription"),
        ("M-1", "M" * 36, "Header/MessageID"),
        ("15:04:05Z", "15:04:05", "Header/SentTime"),
        ("1400010", "", "Header/To"),
    ],
)
def test_a_bad_one_stays_with_the_place_of_what_is_bad(old: str, new: str, place: str) -> None:
    raw = a_new_rx(PRODUCT.format(""))
    assert old.encode() in raw
    assert places(read(raw.replace(old.encode(), new.encode()))) == [place]


def test_a_pharmacy_may_have_no_npi() -> None:
    assert places(read(a_new_rx(PRODUCT.format("")).replace(b"1999999984", b"NONE"))) == []


def test_a_controlled_drug_needs_a_dea_number_and_a_signature_and_in_schedule_two_has_no_refills() -> None:
    raw = a_new_rx(f"{SCHEDULED}<NumberOfRefills>1</NumberOfRefills>")
    assert places(read(raw)) == [
        "NewRx/MedicationPrescribed/NumberOfRefills",
        "NewRx/Prescriber/NonVeterinarian/Identification/DEANumber",
        "Header/DigitalSignature",
    ]
    good = a_new_rx(f"{SCHEDULED}<NumberOfRefills>0</NumberOfRefills>", header=SIGNED)
    assert places(read(good.replace(b"<Identification>", WITH_DEA.encode()))) == []


def test_what_could_not_be_read_back_is_not_sent() -> None:
    message = read(a_new_rx(PRODUCT.format("")))
    assert "Header/MessageID" in places(replace(message, header=replace(message.header, message_id="")))


@pytest.mark.parametrize("schedule", ["<DEASchedule>CII</DEASchedule>", '<DrugDEASchedule Code="2"/>'])
def test_a_controlled_drug_is_known_by_every_spelling_of_its_schedule(schedule: str) -> None:
    raw = a_new_rx(PRODUCT.format(schedule) + "<NumberOfRefills>1</NumberOfRefills>")
    assert places(read(raw))[0] == "NewRx/MedicationPrescribed/NumberOfRefills"
