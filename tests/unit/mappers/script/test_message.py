"""Messages of every version as one model."""

from dataclasses import replace

import pytest

from mappers.script.faults import ScriptFault
from mappers.script.message import Header, Party, adapted, header_of, read, write
from mappers.script.tree import Node
from tests.unit.mappers.script.messages import DRUG, PATIENT, PRESCRIBER, QUANTITY, SIG, a_message, a_new_rx, the_new_rx

OLD = """<Pharmacy><StoreName>Lakeside</StoreName></Pharmacy>
<Prescriber><Identification><NPI>1999999984</NPI></Identification><ClinicName>Northside</ClinicName>
<Name><LastName>Lindqvist</LastName></Name><Address><State>IL</State><ZipCode>62702</ZipCode></Address></Prescriber>
<Patient><Name><LastName>Okafor</LastName></Name><Gender>F</Gender><DateOfBirth><Date>2011-03-09</Date></DateOfBirth>
<CommunicationNumbers><Communication><Number>2175550100</Number><Qualifier>TE</Qualifier></Communication>
<Communication><Number>a@mail.example</Number><Qualifier>EM</Qualifier></Communication></CommunicationNumbers></Patient>
<MedicationPrescribed><DrugDescription>Drug</DrugDescription><DrugCoded><ProductCode>00000111122</ProductCode>
<ProductCodeQualifier>ND</ProductCodeQualifier><Strength>250</Strength><FormCode>C42998</FormCode>
<StrengthCode>C28253</StrengthCode></DrugCoded><Quantity><Value>20</Value><CodeListQualifier>38</CodeListQualifier>
<PotencyUnitCode>C48542</PotencyUnitCode></Quantity><Directions>Chew 1 tablet</Directions>
<Refills><Qualifier>R</Qualifier><Value>2</Value></Refills></MedicationPrescribed>"""
NEW = """<Patient><HumanPatient>
<Names><Name><LastName>Okafor</LastName></Name><Name><LastName>Obi</LastName></Name></Names>
<GenderAndSex><AdministrativeGender>N</AdministrativeGender><SexAssignedAtBirth>F</SexAssignedAtBirth></GenderAndSex>
<Address><Country>US</Country></Address></HumanPatient></Patient>
<Prescriber><NonVeterinarian><Names><Name><LastName>Lindqvist</LastName></Name></Names></NonVeterinarian></Prescriber>
<MedicationPrescribed><Product><DrugCoded><NDC>00000111122</NDC></DrugCoded></Product>
<DrugDescription>Drug</DrugDescription><Quantity><Value>1</Value></Quantity><Sig><SigText>Chew</SigText></Sig>
<Substitutions><Substitutions>1</Substitutions></Substitutions></MedicationPrescribed>"""


def values(raw: bytes, *paths: str) -> list[str]:
    body = read(raw).body
    return [body.value(path) for path in paths]


def test_ten_six_is_read_by_the_names_of_2017071() -> None:
    raw = a_message("NewRx", OLD, attributes='version="010" release="006" xmlns="http://www.ncpdp.org/schema/SCRIPT"')
    assert read(raw).version == "10.6"
    assert values(
        raw,
        "Pharmacy/BusinessName",
        "Prescriber/NonVeterinarian/PracticeLocation/BusinessName",
        "Prescriber/NonVeterinarian/Address/StateProvince",
        "Prescriber/NonVeterinarian/Address/PostalCode",
        "Patient/HumanPatient/Name/LastName",
        "Patient/HumanPatient/CommunicationNumbers/PrimaryTelephone/Number",
        "Patient/HumanPatient/CommunicationNumbers/ElectronicMail",
        "MedicationPrescribed/DrugCoded/ProductCode/Code",
        "MedicationPrescribed/DrugCoded/ProductCode/Qualifier",
        "MedicationPrescribed/DrugCoded/Strength/StrengthValue",
        "MedicationPrescribed/DrugCoded/Strength/StrengthForm/Code",
        "MedicationPrescribed/DrugCoded/Strength/StrengthUnitOfMeasure/Code",
        "MedicationPrescribed/Quantity/QuantityUnitOfMeasure/Code",
        "MedicationPrescribed/Sig/SigText",
        "MedicationPrescribed/NumberOfRefills",
    ) == [
        "Lakeside",
        "Northside",
        "IL",
        "62702",
        "Okafor",
        "2175550100",
        "a@mail.example",
        "00000111122",
        "ND",
        "250",
        "C42998",
        "C28253",
        "C48542",
        "Chew 1 tablet",
        "2",
    ]


def test_the_later_versions_are_read_by_the_names_of_2017071() -> None:
    raw = a_message("NewRx", NEW, attributes='TransactionVersion="2023011"')
    assert values(
        raw,
        "Patient/HumanPatient/Name/LastName",
        "Patient/HumanPatient/Gender",
        "Patient/HumanPatient/Address/CountryCode",
        "MedicationPrescribed/DrugCoded/ProductCode/Code",
        "MedicationPrescribed/Substitutions",
    ) == ["Okafor", "N", "US", "00000111122", "1"]


def test_what_the_earlier_version_has_no_place_for_is_noted() -> None:
    message = read(a_message("NewRx", NEW, attributes='TransactionVersion="2023011"'))
    made = adapted(message, "2017071")
    assert [note.place for note in made.notes] == [
        "NewRx/Patient/HumanPatient/Name",
        "NewRx/Patient/HumanPatient/Gender",
        "NewRx/Patient/HumanPatient/GenderAndSex",
    ]
    patient = made.root.first("Body/NewRx/Patient/HumanPatient")
    assert patient is not None
    assert [node.value("LastName") for node in patient.all("Name")] == ["Okafor"]
    assert patient.value("Gender") == "U"


def test_the_later_version_is_written_with_its_names_and_attributes() -> None:
    root = adapted(the_new_rx("<Substitutions>0</Substitutions>"), "2023011").root
    assert root.attributes == {
        "DatatypesVersion": "2023011",
        "TransportVersion": "2023011",
        "TransactionDomain": "SCRIPT",
        "TransactionVersion": "2023011",
        "StructuresVersion": "2023011",
        "ECLVersion": "2023011",
    }
    assert root.value("Body/NewRx/Patient/HumanPatient/Names/Name/LastName") == "Okafor"
    assert root.value("Body/NewRx/Patient/HumanPatient/GenderAndSex/AdministrativeGender") == "F"
    assert root.value("Body/NewRx/MedicationPrescribed/Substitutions/Substitutions") == "0"


@pytest.mark.parametrize(
    ("attributes", "version"),
    [
        ('DatatypesVersion="20170715" TransactionVersion="20170715"', "2017071"),
        ('version="2017071"', "2017071"),
        ('version="010" release="006"', "10.6"),
        ('version="10.6"', "10.6"),
        ('version="2022011"', "2022011"),
        ('TransactionVersion="2023011"', "2023011"),
        ('DatatypesVersion="20170715" xmlns="http://www.ncpdp.org/schema/SCRIPT"', "2017071"),
    ],
)
def test_a_version_is_known_by_any_of_the_attributes_in_use(attributes: str, version: str) -> None:
    assert the_new_rx(attributes=attributes).version == version


def test_a_message_that_names_no_version_is_known_by_its_elements() -> None:
    message = read(a_message("NewRx", NEW, attributes=""))
    assert message.version == "2023011"
    assert [note.place for note in message.notes] == ["Message"]
    assert the_new_rx(attributes="").version == "2017071"


@pytest.mark.parametrize("attributes", ['version="8.1"', 'TransactionVersion="2031011"'])
def test_an_unknown_version_is_refused(attributes: str) -> None:
    with pytest.raises(ScriptFault, match="version"):
        the_new_rx(attributes=attributes)


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"<Nachricht/>", "Nachricht"),
        (b'<Message version="2017071"/>', "Message"),
        (b"<Message><Header><MessageID>1</MessageID></Header><Body/></Message>", "Body"),
        (a_message("Greeting", ""), "Body"),
        (
            a_message("Status", "<Code>000</Code></Status><Error>").replace(b"</Status></Body>", b"</Error></Body>"),
            "Body",
        ),
        (a_new_rx().replace(b"<MessageID>M-1</MessageID>", b""), "Header/MessageID"),
        (a_new_rx().replace(b'<From Qualifier="D">6100000000001</From>', b""), "Header/From"),
        (a_message("NewRx", PRESCRIBER), "NewRx/Patient/HumanPatient"),
        (a_message("NewRx", PATIENT), "NewRx/Prescriber/NonVeterinarian"),
        (a_new_rx(quantity=""), "NewRx/MedicationPrescribed/Quantity"),
        (a_new_rx(sig=""), "NewRx/MedicationPrescribed/Sig/SigText"),
        (a_message("RxFill", f"{PATIENT}<MedicationDispensed>{DRUG}</MedicationDispensed>"), "RxFill/FillStatus"),
        (
            a_message("RxRenewalResponse", "<Response><Approved/><Denied/></Response>"),
            "RxRenewalResponse/Patient/HumanPatient",
        ),
        (a_message("CancelRxResponse", "<Response><Approved/><Denied/></Response>"), "CancelRxResponse/Response"),
        (a_message("CancelRxResponse", ""), "CancelRxResponse/Response"),
        (a_message("Status", ""), "Status/Code"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_at_its_place(raw: bytes, place: str) -> None:
    with pytest.raises(ScriptFault) as refused:
        read(raw)
    assert (refused.value.place, refused.value.code) == (place, "900")


def test_an_id_may_have_two_hundred_characters_and_no_more() -> None:
    raw = a_new_rx()
    assert read(raw.replace(b"M-1", b"M" * 200)).header.message_id == "M" * 200
    with pytest.raises(ScriptFault, match="longer than 200 characters") as refused:
        read(raw.replace(b"M-1", b"M" * 201))
    assert refused.value.place == "Header/MessageID"


def test_the_header_says_who_when_and_about_what() -> None:
    numbers = "<RelatesToMessageID>M-0</RelatesToMessageID><TestMessage>true</TestMessage>"
    numbers += "<RxReferenceNumber>R</RxReferenceNumber>"
    numbers += "<PrescriberOrderNumber>O</PrescriberOrderNumber><DigitalSignature><DigitalSignatureIndicator>true"
    numbers += "</DigitalSignatureIndicator></DigitalSignature><Mailbox><DeliveredID>7</DeliveredID></Mailbox>"
    assert the_new_rx(header=numbers).header == Header(
        Party("1400010", "P"),
        Party("6100000000001", "D"),
        "M-1",
        "M-0",
        "2026-03-02T15:04:05Z",
        "O",
        "R",
        test=True,
        digital_signature_indicator=True,
        other=(Node("Mailbox", children=(Node("DeliveredID", "7"),)),),
    )


def test_what_is_refused_has_a_header_to_answer_to_if_it_has_any() -> None:
    refused = header_of(a_message("NewRx", ""))
    assert refused is not None
    assert refused.message_id == "M-1"
    assert header_of(b"<Message/>") is None
    assert header_of(b"no XML") is None


def test_ten_six_is_not_written() -> None:
    with pytest.raises(ScriptFault, match="read and not written"):
        write(replace(the_new_rx(), version="10.6"))


def test_elements_are_written_in_the_order_of_the_samples() -> None:
    raw = a_message("NewRx", f"<MedicationPrescribed>{SIG}{QUANTITY}{DRUG}</MedicationPrescribed>{PRESCRIBER}{PATIENT}")
    body = adapted(read(raw), "2017071").root.first("Body/NewRx")
    assert body is not None
    assert [node.name for node in body.children] == ["Patient", "Prescriber", "MedicationPrescribed"]
    medication = body.first("MedicationPrescribed")
    assert medication is not None
    assert [node.name for node in medication.children] == ["DrugDescription", "Quantity", "Sig"]


def test_an_element_that_nobody_knows_is_written_as_it_came() -> None:
    message = the_new_rx("<Unheard><Of>it</Of></Unheard>")
    assert b"<Unheard>\n          <Of>it</Of>\n        </Unheard>" in write(message)


def test_a_refill_of_ten_six_is_a_renewal() -> None:
    medication = f"<MedicationPrescribed>{DRUG}</MedicationPrescribed>"
    raw = a_message("RefillRequest", PATIENT + medication, attributes='version="010" release="006"')
    assert read(raw).kind == "RxRenewalRequest"
    denied = a_message("RefillResponse", "<Response><Denied/></Response>", attributes='version="010" release="006"')
    assert (read(denied).kind, read(denied).outcome) == ("RxRenewalResponse", "Denied")
