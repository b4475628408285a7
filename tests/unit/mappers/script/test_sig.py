"""Structured directions beside their text."""

from typing import Any

import pytest

from mappers.making import Making
from mappers.script.message import read
from mappers.script.to_fhir.convert import to_fhir
from mappers.script.to_fhir.sig_disagreements import disagreements
from tests.unit.mappers.script.messages import a_message, a_new_rx, the_new_rx

DAY = "<Text>day</Text><Qualifier>SNOMED</Qualifier><Code>258703001</Code>"
HOUR = "<Text>hour</Text><Qualifier>SNOMED</Qualifier><Code>258702006</Code>"


def a_sig(text: str, *instructions: str) -> str:
    return f"<Sig><SigText>{text}</SigText>{''.join(f'<Instruction>{one}</Instruction>' for one in instructions)}</Sig>"


def coded(name: str, text: str, code: str) -> str:
    return f"<{name}><Text>{text}</Text><Qualifier>SNOMED</Qualifier><Code>{code}</Code></{name}>"


def dose(amount: str) -> str:
    return f"<DoseAdministration><Dosage><DoseQuantity>{amount}</DoseQuantity></Dosage></DoseAdministration>"


def frequency(count: str, unit: str = DAY) -> str:
    value = f"<FrequencyNumericValue>{count}</FrequencyNumericValue>"
    return (
        f"<TimingAndDuration><Frequency>{value}<FrequencyUnits>{unit}</FrequencyUnits></Frequency></TimingAndDuration>"
    )


def interval(count: str, unit: str = HOUR) -> str:
    value = f"<IntervalNumericValue>{count}</IntervalNumericValue>"
    return f"<TimingAndDuration><Interval>{value}<IntervalUnits>{unit}</IntervalUnits></Interval></TimingAndDuration>"


def mapped_sig(sig: str, making: Making) -> tuple[list[dict[str, Any]], list[str], list[str]]:
    """The Dosages, the details of the issues, and the places of the notes."""
    mapped = to_fhir(the_new_rx(sig=sig), making)
    order = next(one.resource for one in mapped.entries if one.type_name == "MedicationRequest")
    issues = [one.resource["detail"] for one in mapped.entries if one.type_name == "DetectedIssue"]
    return order["dosageInstruction"], issues, [note.place for note in mapped.notes]


def test_a_text_alone_is_a_text_alone(making: Making) -> None:
    assert mapped_sig(a_sig("Take 2 tablets at bedtime"), making) == ([{"text": "Take 2 tablets at bedtime"}], [], [])


def test_nothing_that_is_absent_is_inferred_from_the_text(making: Making) -> None:
    (dosage,), _, _ = mapped_sig(a_sig("Take 2 tablets by mouth twice daily", dose("2")), making)
    assert dosage == {
        "text": "Take 2 tablets by mouth twice daily",
        "doseAndRate": [{"doseQuantity": {"value": 2}}],
    }


@pytest.mark.parametrize(
    ("text", "instruction", "what"),
    [
        ("Take 2 tablets at bedtime", dose("1"), "dose"),
        ("Take two tablets at bedtime", dose("1"), "dose"),
        ("Take 1 tablet twice daily", dose("1") + frequency("3"), "frequency"),
        ("Take 1 tablet 3 times a day", frequency("2"), "frequency"),
        ("Inhale 2 puffs every 4 hours", interval("6"), "interval"),
    ],
)
def test_a_text_that_says_otherwise_is_an_issue_and_stays(
    text: str, instruction: str, what: str, making: Making
) -> None:
    (dosage,), issues, places = mapped_sig(a_sig(text, instruction), making)
    assert dosage["text"] == text
    assert [what in issue for issue in issues] == [True]
    assert places == ["NewRx/MedicationPrescribed/Sig"]


def test_an_instruction_that_contradicts_itself_is_an_issue(making: Making) -> None:
    (dosage,), issues, places = mapped_sig(a_sig("As told", frequency("2") + frequency("3")), making)
    assert dosage["timing"]["repeat"]["frequency"] == 2
    assert len(issues) == 1
    assert places == ["NewRx/MedicationPrescribed/Sig/Instruction/TimingAndDuration[2]/Frequency"]


@pytest.mark.parametrize(
    ("text", "dosage"),
    [
        ("Take 1 to 2 tablets", {"doseAndRate": [{"doseQuantity": {"value": 2}}]}),
        ("Take 1-2 tablets", {"doseAndRate": [{"doseQuantity": {"value": 2}}]}),
        ("Take 1 tablet, then take 2 tablets", {"doseAndRate": [{"doseQuantity": {"value": 2}}]}),
        ("Take 1 tablet at noon and take 2 tablets at night", {"doseAndRate": [{"doseQuantity": {"value": 2}}]}),
        ("Take 1 tablet daily, then two", {"doseAndRate": [{"doseQuantity": {"value": 2}}]}),
        ("Take 0.5 tablet", {"doseAndRate": [{"doseQuantity": {"value": 0.5}}]}),
        ("Take 1 tablet every 4 to 6 hours", {"timing": {"repeat": {"frequency": 1, "period": 6, "periodUnit": "h"}}}),
        ("Take 1 tablet every 24 hours", {"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}}),
        ("Take twice daily", {"timing": {"repeat": {"frequency": 1, "period": 12, "periodUnit": "h"}}}),
        ("Use for 1 week", {"timing": {"repeat": {"boundsDuration": {"value": 7, "code": "d"}}}}),
        ("Apply as directed", {"doseAndRate": [{"doseQuantity": {"value": 2}}]}),
    ],
)
def test_what_may_be_meant_alike_is_no_disagreement(text: str, dosage: dict[str, Any]) -> None:
    assert list(disagreements({"text": text} | dosage)) == []


def test_a_unit_of_time_whose_code_and_word_differ_is_an_issue(making: Making) -> None:
    week = DAY.replace("day", "weeks")
    (dosage,), issues, places = mapped_sig(a_sig("As told", frequency("2", week)), making)
    assert dosage["timing"]["repeat"]["periodUnit"] == "d"
    assert ["unit of time" in one for one in issues] == [True]
    assert places == ["NewRx/MedicationPrescribed/Sig/Instruction/TimingAndDuration/Frequency/FrequencyUnits"]


def test_as_needed_for_something_is_its_concept(making: Making) -> None:
    precursor = coded("IndicationPrecursor", "as needed for", "420449005")
    value = coded("IndicationValue", "headache", "25064002")
    sig = a_sig("Take for headache", f"<IndicationForUse>{precursor}{value}</IndicationForUse>")
    (dosage,), _, places = mapped_sig(sig, making)
    coding = {"system": "http://snomed.info/sct", "code": "25064002"}
    assert dosage["asNeededCodeableConcept"] == {"coding": [coding], "text": "headache"}
    assert places == []


def test_a_most_a_day_is_the_maximum(making: Making) -> None:
    name = "MaximumDoseRestriction"
    limit = f"<{name}NumericValue>4</{name}NumericValue><{name}Units><Code>C48542</Code></{name}Units>"
    limit += f"<{name}DurationValue>1</{name}DurationValue><{name}DurationUnit>{DAY}</{name}DurationUnit>"
    (dosage,), _, _ = mapped_sig(a_sig("At most 4", f"<{name}>{limit}</{name}>"), making)
    assert dosage["maxDosePerPeriod"]["numerator"]["value"] == 4
    assert dosage["maxDosePerPeriod"]["denominator"]["code"] == "d"


def test_a_time_of_day_is_the_code_of_the_timing(making: Making) -> None:
    event = coded("AdministrationTimingEvent", "bedtime", "21029003")
    timing = f"<AdministrationTiming>{event}</AdministrationTiming>"
    instruction = f"<TimingAndDuration>{timing}</TimingAndDuration>"
    (dosage,), _, _ = mapped_sig(a_sig("At bedtime", instruction), making)
    assert dosage["timing"] == {
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "21029003"}], "text": "bedtime"}
    }


def test_what_has_no_number_is_left_to_the_text_and_noted(making: Making) -> None:
    (dosage,), _, places = mapped_sig(a_sig("As told", frequency("several")), making)
    assert dosage == {"text": "As told"}
    assert places == ["NewRx/MedicationPrescribed/Sig/Instruction/TimingAndDuration/Frequency"]


def test_the_flat_directions_of_ten_six_are_read(making: Making) -> None:
    structured = """<StructuredSIG>
    <RepeatingSIG><SigSequencePositionNumber>{}</SigSequencePositionNumber></RepeatingSIG>
    <Dose><DoseDeliveryMethodText>take</DoseDeliveryMethodText>
    <DoseDeliveryMethodCodeQualifier>1</DoseDeliveryMethodCodeQualifier>
    <DoseDeliveryMethodCode>419652001</DoseDeliveryMethodCode>
    <DoseQuantity>{}</DoseQuantity><DoseFormText>tablet</DoseFormText>
    <DoseFormCodeQualifier>2</DoseFormCodeQualifier><DoseFormCode>C48542</DoseFormCode></Dose>
    <Timing><FrequencyNumericValue>1</FrequencyNumericValue><FrequencyUnitsText>day</FrequencyUnitsText>
    <FrequencyUnitsCodeQualifier>1</FrequencyUnitsCodeQualifier><FrequencyUnitsCode>258703001</FrequencyUnitsCode></Timing>
    <Duration><DurationNumericValue>7</DurationNumericValue><DurationText>day</DurationText>
    <DurationTextCodeQualifier>1</DurationTextCodeQualifier><DurationTextCode>258703001</DurationTextCode></Duration>
    </StructuredSIG>"""
    text = "<Directions>One a day for a week, then two</Directions>"
    raw = a_new_rx(
        structured.format(1, 1) + structured.format(2, 2), sig=text, attributes='version="010" release="006"'
    )
    mapped = to_fhir(read(raw), making)
    order = next(one.resource for one in mapped.entries if one.type_name == "MedicationRequest")
    assert [
        (one["sequence"], one["doseAndRate"][0]["doseQuantity"]["value"]) for one in order["dosageInstruction"]
    ] == [
        (1, 1),
        (2, 2),
    ]
    first = order["dosageInstruction"][0]
    assert first["text"] == "One a day for a week, then two"
    assert first["method"]["coding"] == [{"system": "http://snomed.info/sct", "code": "419652001"}]
    assert first["timing"]["repeat"]["boundsDuration"]["value"] == 7
    assert mapped.notes == ()


def test_a_code_in_no_known_system_is_noted(making: Making) -> None:
    route = (
        "<RouteOfAdministration><Text>by mouth</Text><Qualifier>OURS</Qualifier><Code>PO</Code></RouteOfAdministration>"
    )
    (dosage,), _, places = mapped_sig(a_sig("As told", f"<DoseAdministration>{route}</DoseAdministration>"), making)
    assert dosage["route"] == {"text": "by mouth"}
    assert len(places) == 1


def test_a_renewal_with_directions_that_disagree_has_its_issue_too(making: Making) -> None:
    sig = a_sig("Take 2 tablets at bedtime", dose("1"))
    medication = f"<MedicationPrescribed><DrugDescription>Drug</DrugDescription>{sig}</MedicationPrescribed>"
    patient = "<Patient><HumanPatient><Name><LastName>Okafor</LastName></Name></HumanPatient></Patient>"
    mapped = to_fhir(read(a_message("RxRenewalRequest", patient + medication)), making)
    assert "DetectedIssue" in [one.type_name for one in mapped.entries]
