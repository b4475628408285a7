"""The traps between a prescription in SCRIPT and a MedicationRequest, one test each."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from mappers.making import Making
from mappers.mapped import Mapped
from mappers.script.from_fhir.convert import from_fhir
from mappers.script.message import Header, Party, read
from mappers.script.to_fhir.convert import to_fhir
from mappers.script.tree import Node
from tests.unit.mappers.script.messages import DRUG, PATIENT, QUANTITY, SIG, a_message, a_new_rx, the_new_rx

HEADER = Header(Party("1400010", "P"), Party("6100000000001", "D"), "M-2", sent_time="2026-03-02T15:04:05Z")
EXTENSION = "urn:galenic:script:"
NCIT = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"


@pytest.fixture
def order(making: Making) -> Callable[..., dict[str, Any]]:
    """The MedicationRequest of a NewRx with what is given."""

    def made(medication: str = "", **more: str) -> dict[str, Any]:
        mapped = to_fhir(the_new_rx(medication, **more), making)
        return next(one.resource for one in mapped.entries if one.type_name == "MedicationRequest")

    return made


def renewal(outcome: str, refills: str) -> bytes:
    response = f"<Response><{outcome}/></Response>{PATIENT}"
    medication = (
        f"<MedicationResponse>{DRUG}{QUANTITY}<NumberOfRefills>{refills}</NumberOfRefills>{SIG}</MedicationResponse>"
    )
    return a_message("RxRenewalResponse", response + medication, header="<RelatesToMessageID>M-0</RelatesToMessageID>")


def repeats(raw: bytes, making: Making) -> Any:
    mapped = to_fhir(read(raw), making)
    found = next(one.resource for one in mapped.entries if one.type_name == "MedicationRequest")
    return found["dispenseRequest"].get("numberOfRepeatsAllowed")


def test_the_refills_of_a_new_order_leave_the_first_fill_out(order: Callable[..., dict[str, Any]]) -> None:
    assert order("<NumberOfRefills>3</NumberOfRefills>")["dispenseRequest"]["numberOfRepeatsAllowed"] == 3


@pytest.mark.parametrize("outcome", ["Approved", "ApprovedWithChanges"])
def test_an_approved_renewal_counts_every_dispensing(outcome: str, making: Making) -> None:
    assert repeats(renewal(outcome, "3"), making) == 2
    assert repeats(renewal(outcome, "1"), making) == 0


def test_a_replaced_prescription_counts_like_a_new_one(making: Making) -> None:
    assert repeats(renewal("Replace", "3"), making) == 3


def test_an_approval_of_no_dispensing_has_no_number_and_a_note(making: Making) -> None:
    assert repeats(renewal("Approved", "0"), making) is None
    notes = to_fhir(read(renewal("Approved", "0")), making).notes
    assert "RxRenewalResponse/MedicationResponse/NumberOfRefills" in [note.place for note in notes]


def test_why_a_renewal_has_one_repeat_less_is_a_choice(making: Making) -> None:
    choices = to_fhir(read(renewal("Approved", "3")), making).choices
    places = [one.place for one in choices if one.element.startswith("MedicationRequest")]
    assert places == ["RxRenewalResponse/MedicationResponse/NumberOfRefills"]


def test_refills_as_needed_have_no_number(order: Callable[..., dict[str, Any]]) -> None:
    made = order("<Refills><Qualifier>PRN</Qualifier></Refills>")
    assert "numberOfRepeatsAllowed" not in made.get("dispenseRequest", {})
    assert made["extension"] == [{"url": f"{EXTENSION}Refills-Qualifier", "valueCode": "PRN"}]


def test_a_sufficient_quantity_has_no_number(order: Callable[..., dict[str, Any]]) -> None:
    made = order(quantity="<Quantity><Value>0</Value><CodeListQualifier>QS</CodeListQualifier></Quantity>")
    assert "quantity" not in made.get("dispenseRequest", {})
    assert made["extension"] == [{"url": f"{EXTENSION}Quantity-CodeListQualifier", "valueCode": "QS"}]


@pytest.mark.parametrize(("said", "allowed"), [("0", True), ("1", False)])
def test_zero_allows_substitution(said: str, allowed: bool, order: Callable[..., dict[str, Any]]) -> None:
    assert order(f"<Substitutions>{said}</Substitutions>")["substitution"] == {"allowedBoolean": allowed}


def test_what_is_not_said_of_substitution_is_not_made_up(order: Callable[..., dict[str, Any]]) -> None:
    assert "substitution" not in order()


def test_the_rows_of_dispense_request_are_not_shifted(order: Callable[..., dict[str, Any]]) -> None:
    made = order("<DaysSupply>10</DaysSupply><NumberOfRefills>2</NumberOfRefills>")["dispenseRequest"]
    assert made["quantity"]["value"] == 20
    assert (made["expectedSupplyDuration"]["value"], made["expectedSupplyDuration"]["code"]) == (10, "d")
    assert made["numberOfRepeatsAllowed"] == 2


def test_a_quantity_keeps_its_digits(order: Callable[..., dict[str, Any]]) -> None:
    made = order(quantity="<Quantity><Value>2.50</Value></Quantity>")["dispenseRequest"]["quantity"]
    assert str(made["value"]) == "2.50"


@pytest.mark.parametrize(
    ("code", "unit"),
    [
        ("C28254", {"unit": "Milliliter", "system": "http://unitsofmeasure.org", "code": "mL"}),
        ("C48542", {"unit": "Tablet", "system": NCIT, "code": "C48542"}),
        ("C38046", {"unit": "Unspecified"}),
    ],
)
def test_measures_are_ucum_and_counted_things_are_not(
    code: str, unit: dict[str, str], order: Callable[..., dict[str, Any]]
) -> None:
    quantity = (
        f"<Quantity><Value>1</Value><QuantityUnitOfMeasure><Code>{code}</Code></QuantityUnitOfMeasure></Quantity>"
    )
    assert order(quantity=quantity)["dispenseRequest"]["quantity"] == {"value": 1, **unit}


def test_dates_of_effect_and_expiration_are_a_period(order: Callable[..., dict[str, Any]]) -> None:
    dates = "".join(
        f"<OtherMedicationDate><OtherMedicationDate><Date>{day}</Date></OtherMedicationDate>"
        f"<OtherMedicationDateQualifier>{name}</OtherMedicationDateQualifier></OtherMedicationDate>"
        for name, day in (("ExpirationDate", "2026-09-01"), ("EffectiveDate", "2026-03-05"))
    )
    assert order(dates)["dispenseRequest"]["validityPeriod"] == {"start": "2026-03-05", "end": "2026-09-01"}


def test_another_date_is_noted(making: Making) -> None:
    other = "<OtherMedicationDate><OtherMedicationDate><Date>2026-03-05</Date></OtherMedicationDate>"
    other += "<OtherMedicationDateQualifier>DeliveredOnDate</OtherMedicationDateQualifier></OtherMedicationDate>"
    places = [note.place for note in to_fhir(the_new_rx(other), making).notes]
    path = "NewRx/MedicationPrescribed/OtherMedicationDate"
    assert places == [f"{path}/OtherMedicationDate/Date", f"{path}/OtherMedicationDateQualifier"]


@pytest.mark.parametrize(
    ("code", "dotted"), [("F5109", "F51.09"), ("I10", "I10"), ("J45.909", "J45.909"), ("e119", "E11.9")]
)
def test_a_diagnosis_gets_its_dot(code: str, dotted: str, order: Callable[..., dict[str, Any]]) -> None:
    primary = f"<Diagnosis><Primary><Code>{code}</Code><Qualifier>ABF</Qualifier></Primary></Diagnosis>"
    coding = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": dotted}
    assert order(primary)["reasonCode"] == [{"coding": [coding]}]


def test_a_diagnosis_in_another_system_is_kept_and_noted(making: Making) -> None:
    other = "<Diagnosis><Primary><Code>401.9</Code><Qualifier>DX</Qualifier></Primary></Diagnosis>"
    mapped = to_fhir(the_new_rx(other), making)
    made = next(one.resource for one in mapped.entries if one.type_name == "MedicationRequest")
    assert made["reasonCode"] == [{"extension": [{"url": f"{EXTENSION}Diagnosis-Code", "valueString": "DX|401.9"}]}]
    assert [note.place for note in mapped.notes] == ["NewRx/MedicationPrescribed/Diagnosis/Primary/Qualifier"]


@pytest.mark.parametrize(("said", "prohibited"), [("true", True), ("false", False)])
def test_a_prohibited_renewal_is_on_the_order(
    said: str, prohibited: bool, order: Callable[..., dict[str, Any]]
) -> None:
    made = order(around=f"<ProhibitRenewalRequest>{said}</ProhibitRenewalRequest>")
    assert made["extension"] == [{"url": f"{EXTENSION}ProhibitRenewalRequest", "valueBoolean": prohibited}]


def test_which_fills_are_to_be_told_is_on_the_order(order: Callable[..., dict[str, Any]]) -> None:
    made = order("<RxFillIndicator>All Fill Statuses Except Transferred</RxFillIndicator>")
    value = "All Fill Statuses Except Transferred"
    assert made["extension"] == [{"url": f"{EXTENSION}RxFillIndicator", "valueString": value}]


@pytest.mark.parametrize(
    ("code", "display"), [("C48675", "CII"), ("C48676", "CIII"), ("C48677", "CIV"), ("C48679", "CV")]
)
def test_the_schedule_is_a_category(code: str, display: str, order: Callable[..., dict[str, Any]]) -> None:
    made = order(f"<DrugCoded><DEASchedule><Code>{code}</Code></DEASchedule></DrugCoded>")
    hl7 = {"system": "http://terminology.hl7.org/CodeSystem/v2-0477", "code": display.removeprefix("C")}
    assert {"coding": [{"system": NCIT, "code": code, "display": display}, hl7]} in made["category"]


@pytest.mark.parametrize(
    ("written", "authored"),
    [
        ("<Date>2026-03-02</Date>", "2026-03-02"),
        ("<DateTime>2026-03-02T10:00:00-06:00</DateTime>", "2026-03-02T10:00:00-06:00"),
        ("<DateTime>2026-03-02T16:00</DateTime>", "2026-03-02T16:00:00Z"),
    ],
)
def test_a_day_stays_a_day_and_a_time_keeps_its_offset(
    written: str, authored: str, order: Callable[..., dict[str, Any]]
) -> None:
    assert order(f"<WrittenDate>{written}</WrittenDate>")["authoredOn"] == authored


def test_a_date_that_is_none_is_noted(making: Making) -> None:
    mapped = to_fhir(the_new_rx("<WrittenDate><Date>2026-02-30</Date></WrittenDate>"), making)
    assert [note.place for note in mapped.notes] == ["NewRx/MedicationPrescribed/WrittenDate/Date"]


@pytest.mark.parametrize(
    ("sent", "code", "kept"),
    [
        ("0002-3102-01", "00002310201", "0002-3102-01"),
        ("50090-347-0", "50090-347-0", ""),
        ("0002310201", "0002310201", ""),
    ],
)
def test_an_ndc_gets_eleven_digits_where_it_says_which_are_missing(
    sent: str, code: str, kept: str, order: Callable[..., dict[str, Any]]
) -> None:
    product = f"<ProductCode><Code>{sent}</Code><Qualifier>ND</Qualifier></ProductCode>"
    (coding,) = order(f"<DrugCoded>{product}</DrugCoded>")["medicationCodeableConcept"]["coding"]
    assert coding["code"] == code
    assert [one["valueString"] for one in coding.get("extension", [])] == ([kept] if kept else [])


def test_a_compound_is_a_medication_with_ingredients(order: Callable[..., dict[str, Any]]) -> None:
    ingredient = """<CompoundIngredientsLotNotUsed><CompoundIngredient><CompoundIngredientItemDescription>{}
    </CompoundIngredientItemDescription></CompoundIngredient><Quantity><Value>{}</Value><QuantityUnitOfMeasure>
    <Code>C48155</Code></QuantityUnitOfMeasure></Quantity></CompoundIngredientsLotNotUsed>"""
    parts = ingredient.format("Salicylic acid", "2.5") + ingredient.format("White petrolatum", "97.5")
    form = "<FinalCompoundPharmaceuticalDosageForm>C42966</FinalCompoundPharmaceuticalDosageForm>"
    made = order(f"<CompoundInformation>{form}{parts}</CompoundInformation>")
    (product,) = made["contained"]
    assert made["medicationReference"] == {"reference": "#medication"}
    assert product["form"]["coding"][0]["display"] == "Ointment"
    grams = {"unit": "Gram", "system": "http://unitsofmeasure.org", "code": "g"}
    assert [(one["itemCodeableConcept"]["text"], one["strength"]["numerator"]) for one in product["ingredient"]] == [
        ("Salicylic acid", {"value": Decimal("2.5"), **grams}),
        ("White petrolatum", {"value": Decimal("97.5"), **grams}),
    ]


def test_check_digits_are_doubted_and_not_refused(making: Making) -> None:
    wrong = a_new_rx().replace(b"1999999984", b"1999999985")
    (note,) = to_fhir(read(wrong), making).notes
    assert (note.severity, note.place) == ("warning", "NewRx/Prescriber/NonVeterinarian/Identification/NPI")
    assert "1999999985" not in note.text


def test_a_pharmacy_without_an_npi_has_none(making: Making) -> None:
    none = "<Pharmacy><Identification><NPI>NONE</NPI></Identification><BusinessName>Lakeside</BusinessName></Pharmacy>"
    mapped = to_fhir(the_new_rx(around=none), making)
    made = next(one.resource for one in mapped.entries if one.resource.get("name") == "Lakeside")
    assert "identifier" not in made
    assert mapped.notes == ()


def test_a_veterinarian_prescribes_like_anybody_else(making: Making) -> None:
    raw = a_new_rx().replace(b"NonVeterinarian", b"Veterinarian")
    names = [one.resource["name"][0]["family"] for one in to_fhir(read(raw), making).entries if "name" in one.resource]
    assert names == ["Okafor", "Lindqvist"]


@pytest.mark.parametrize(
    ("header", "condition"),
    [
        (
            "<RelatesToMessageID>M-0</RelatesToMessageID><PrescriberOrderNumber>O|1</PrescriberOrderNumber>",
            "identifier=urn:galenic:partner:clinic:PrescriberOrderNumber|O%5C%7C1",
        ),
        ("<RelatesToMessageID>M-0</RelatesToMessageID>", "identifier=urn:galenic:partner:clinic:MessageID|M-0"),
    ],
)
def test_a_cancelled_order_is_found_and_not_touched(header: str, condition: str, making: Making) -> None:
    raw = a_message("CancelRx", f"{PATIENT}<MedicationPrescribed>{DRUG}</MedicationPrescribed>", header=header)
    mapped = to_fhir(read(raw), making)
    (found,) = [one for one in mapped.entries if one.type_name == "MedicationRequest"]
    assert (found.how, found.condition, found.resource) == ("find", condition, {"resourceType": "MedicationRequest"})
    (task,) = [one.resource for one in mapped.entries if one.type_name == "Task"]
    assert (task["status"], task["focus"]) == ("requested", {"reference": found.full_url})


def test_a_cancellation_of_nobody_knows_what_is_a_task_and_a_note(making: Making) -> None:
    mapped = to_fhir(
        read(a_message("CancelRx", f"{PATIENT}<MedicationPrescribed>{DRUG}</MedicationPrescribed>")), making
    )
    (task,) = [one.resource for one in mapped.entries if one.type_name == "Task"]
    assert "focus" not in task
    assert task["description"] == "Amoxicillin 250 MG Chewable Tablet"
    assert "Header" in [note.place for note in mapped.notes]


def test_what_is_stored_of_a_patient_is_never_overwritten(making: Making) -> None:
    numbered = "<HumanPatient><Identification><SocialSecurity>078051120</SocialSecurity></Identification>"
    raw = a_new_rx().replace(b"<HumanPatient>", numbered.encode())
    (patient,) = [one for one in to_fhir(read(raw), making).entries if one.type_name == "Patient"]
    assert patient.how == "match"


def test_everything_that_is_not_carried_is_named_without_its_value(making: Making) -> None:
    (note,) = to_fhir(the_new_rx("<Unheard><Of>secret</Of></Unheard>"), making).notes
    assert note.place == "NewRx/MedicationPrescribed/Unheard/Of"
    assert "secret" not in note.text


def test_mapping_twice_names_everything_alike(making: Making) -> None:
    assert to_fhir(the_new_rx(), making) == to_fhir(the_new_rx(), making)


def test_what_comes_of_the_traps_is_valid(making: Making, problems: Callable[[Mapped], list[str]]) -> None:
    assert problems(to_fhir(read(renewal("Approved", "1")), making)) == []
    assert problems(to_fhir(the_new_rx(quantity="<Quantity><Value>2.50</Value></Quantity>"), making)) == []


def written(resource: dict[str, Any], making: Making) -> tuple[Node, list[str]]:
    """The medication of a NewRx from an order of somebody else's making, and the places of the notes."""
    made = from_fhir("NewRx", resource, {}, HEADER, making)
    medication = made.message.body.first("MedicationPrescribed")
    assert medication is not None
    return medication, [note.place for note in made.notes]


def test_an_order_with_a_coding_alone_is_described_by_its_display(making: Making) -> None:
    coding = {
        "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
        "code": "308192",
        "display": "amoxicillin 500 MG",
    }
    medication, _ = written(
        {"resourceType": "MedicationRequest", "medicationCodeableConcept": {"coding": [coding]}}, making
    )
    assert medication.value("DrugDescription") == "amoxicillin 500 MG"
    assert medication.value("DrugCoded/DrugDBCode/Qualifier") == "SCD"


def test_what_is_not_at_hand_and_what_has_no_place_is_noted(making: Making) -> None:
    order = {
        "resourceType": "MedicationRequest",
        "medicationCodeableConcept": {"text": "x" * 106},
        "subject": {"reference": "Patient/1"},
        "doNotPerform": True,
        "dosageInstruction": [{"doseAndRate": [{"doseRange": {"low": {"value": 1}}}]}],
    }
    _, places = written(order, making)
    assert sorted(places) == [
        "DoseAdministration/Dosage",
        "DrugDescription",
        "MedicationRequest.doNotPerform",
        "Patient",
        "Sig/SigText",
    ]
