"""N3: NewRx -> FHIR -> NewRx says the same, whatever is filled in."""

from hypothesis import given
from hypothesis import strategies as st

from mappers.making import Making
from mappers.script.from_fhir.convert import from_fhir
from mappers.script.message import Header, Message, Party, read, write
from mappers.script.order import ordered
from mappers.script.to_fhir.convert import to_fhir
from mappers.script.tree import Node, grown

WORDS = st.text(st.sampled_from("abcXYZ 0123456789&<>'\"éß漢-.,|\\"), min_size=1, max_size=30).map(
    lambda text: " ".join(text.split())
)
TEXT = WORDS.filter(bool)
DAY = st.dates().map(str).filter(lambda day: day >= "1000")
NUMBER = st.decimals(1, 9999, places=2).map(lambda value: format(value, "f")) | st.integers(1, 9999).map(str)
COUNT = st.integers(0, 99).map(str)
MAYBE = {
    "Patient/HumanPatient/Identification/MedicalRecordIdentificationNumberEHR": TEXT,
    "Patient/HumanPatient/Name/Suffix": TEXT,
    "Patient/HumanPatient/DateOfBirth/Date": DAY,
    "Patient/HumanPatient/Address/AddressLine1": TEXT,
    "Patient/HumanPatient/Address/City": TEXT,
    "Patient/HumanPatient/Address/CountryCode": TEXT,
    "Patient/HumanPatient/CommunicationNumbers/ElectronicMail": TEXT,
    "Pharmacy/Identification/NCPDPID": TEXT,
    "Prescriber/NonVeterinarian/Identification/StateLicenseNumber": TEXT,
    "Prescriber/NonVeterinarian/PracticeLocation/BusinessName": TEXT,
    "Prescriber/NonVeterinarian/Specialty": st.sampled_from(["207R00000X", "208000000X"]),
    "Prescriber/NonVeterinarian/PrescriberAgent/Name/LastName": TEXT,
    "Supervisor/NonVeterinarian/Name/LastName": TEXT,
    "FollowUpPrescriber/NonVeterinarian/Name/LastName": TEXT,
    "Facility/FacilityName": TEXT,
    "ProhibitRenewalRequest": st.sampled_from(["true", "false"]),
    "MedicationPrescribed/DaysSupply": COUNT,
    "MedicationPrescribed/WrittenDate/Date": DAY,
    "MedicationPrescribed/Substitutions": st.sampled_from("01"),
    "MedicationPrescribed/NumberOfRefills": COUNT,
    "MedicationPrescribed/Note": TEXT,
    "MedicationPrescribed/RxFillIndicator": TEXT,
    "MedicationPrescribed/DrugCoverageStatusCode": st.sampled_from(["PR", "SI"]),
    "MedicationPrescribed/PrescriberCheckedREMS": st.sampled_from("ABN"),
    "MedicationPrescribed/DrugCoded/DEASchedule/Code": st.sampled_from(["C48675", "C48679"]),
    "MedicationPrescribed/DrugCoded/Strength/StrengthForm/Code": st.sampled_from(["C42998", "C25158"]),
}
ALWAYS = {
    "Patient/HumanPatient/Name/LastName": TEXT,
    "Patient/HumanPatient/Gender": st.sampled_from("MFUN"),
    "Pharmacy/BusinessName": TEXT,
    "Prescriber/NonVeterinarian/Identification/NPI": TEXT,
    "Prescriber/NonVeterinarian/Name/LastName": TEXT,
    "MedicationPrescribed/DrugDescription": TEXT,
    "MedicationPrescribed/Quantity/Value": NUMBER,
    "MedicationPrescribed/Quantity/QuantityUnitOfMeasure/Code": st.sampled_from(["C48542", "C28254", "C64933"]),
    "MedicationPrescribed/Sig/SigText": TEXT,
}
HEADER = Header(
    Party("1400010", "P"),
    Party("6100000000001", "D"),
    "M-1",
    sent_time="2026-03-02T15:04:05Z",
    prescriber_order_number="O",
)


def a_body(values: dict[str, str]) -> Node:
    fixed = {"MedicationPrescribed/Quantity/CodeListQualifier": "38"}
    return ordered(grown("NewRx", (values | fixed).items()))


BODIES = st.fixed_dictionaries(ALWAYS, optional=MAYBE).map(a_body)


@given(BODIES)
def test_everything_that_is_mapped_comes_back(making: Making, body: Node) -> None:
    mapped = to_fhir(Message(HEADER, "NewRx", "2017071", body), making)
    resources = {one.full_url: one.resource for one in mapped.entries}
    (order,) = [one.resource for one in mapped.entries if one.type_name == "MedicationRequest"]
    assert from_fhir("NewRx", order, resources, HEADER, making).message.body == body


@given(BODIES, st.sampled_from(["2017071", "2022011", "2023011"]))
def test_what_is_written_is_what_is_read(body: Node, version: str) -> None:
    message = read(write(Message(HEADER, "NewRx", "2023011", body), "2023011"))
    assert message.body == body
    assert message.header == HEADER
    assert read(write(message, version)).kind == "NewRx"
