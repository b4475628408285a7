"""How much, how often, by which way and of what: RXE, RXO, RXR, RXC and TQ1 as Dosage and Medication."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from mappers.hl7v2.message import parse
from mappers.hl7v2.to_fhir.convert import to_fhir
from mappers.hl7v2.units import ucum, ucum_as_said
from mappers.making import Making
from mappers.mapped import Mapped

MAKING = Making("north", datetime(2026, 11, 2, 14, 30, tzinfo=UTC), UUID(int=7))
UCUM = "http://unitsofmeasure.org"
OWN = "urn:galenic:partner:north"
DRUG = "197361^amoxicillin 500 MG oral capsule^RXNORM"


def mapped(*segments: str, version: str = "2.5.1") -> Mapped:
    header = f"MSH|^~\\&|WARD|HOSP|GALENIC|PHARM|20261102||RDE^O11|1|P|{version}"
    return to_fhir(parse("\r".join((header, "PID|1||4711", *segments)).encode()), MAKING)


def fields(name: str, **values: str) -> str:
    numbers = {int(key[1:]): value for key, value in values.items()}
    return "|".join((name, *(numbers.get(number, "") for number in range(1, max(numbers) + 1))))


def order(*segments: str, rxe: str = "", orc: str = "ORC|NW|A1") -> Any:
    found = mapped(orc, rxe or fields("RXE", f2=DRUG), *segments)
    return next(one.resource for one in found.entries if one.type_name == "MedicationRequest")


def dosage(*segments: str, **rxe: str) -> Any:
    (one,) = order(*segments, rxe=fields("RXE", **({"f2": DRUG} | rxe)))["dosageInstruction"]
    return one


def repeat(tq1: str) -> Any:
    return dosage(tq1)["timing"]["repeat"]


def medication(*segments: str, **rxe: str) -> Any:
    found = mapped("ORC|NW|A1", fields("RXE", **({"f2": DRUG} | rxe)), *segments)
    names = {one.full_url: one.resource for one in found.entries}
    request = next(one.resource for one in found.entries if one.type_name == "MedicationRequest")
    return names[request["medicationReference"]["reference"]], names, found


def notes(*segments: str, **rxe: str) -> dict[str, str]:
    found = mapped("ORC|NW|A1", fields("RXE", **({"f2": DRUG} | rxe)), *segments)
    return {note.place: note.text for note in found.notes}


def test_a_minimum_alone_is_a_quantity_and_both_are_a_range() -> None:
    low = {"value": 250, "unit": "mg", "system": UCUM, "code": "mg"}
    high = low | {"value": 500}
    assert dosage(f3="250", f5="mg")["doseAndRate"] == [{"doseQuantity": low}]
    assert dosage(f3="250", f4="500", f5="mg")["doseAndRate"] == [{"doseRange": {"low": low, "high": high}}]
    assert dosage(f3="250", f4="250", f5="mg")["doseAndRate"] == [{"doseQuantity": low}]
    assert dosage(f4="500", f5="mg")["doseAndRate"] == [{"doseRange": {"high": high}}]


def test_the_dosage_form_is_of_the_medication_and_no_route() -> None:
    found, _, _ = medication(f3="1", f6="TAB^tablet^L")
    assert found["form"]["coding"][0]["code"] == "TAB"
    assert "route" not in dosage(f3="1", f6="TAB^tablet^L")


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("MG", {"unit": "MG", "system": UCUM, "code": "mg"}),
        ("ML^milliliter", {"unit": "milliliter", "system": UCUM, "code": "mL"}),
        ("mcg/kg/min", {"unit": "mcg/kg/min", "system": UCUM, "code": "ug/kg/min"}),
        ("mg^milligram^UCUM", {"unit": "milligram", "system": UCUM, "code": "mg"}),
        ("{tablet}^tablet^UCUM", {"unit": "tablet", "system": UCUM, "code": "{tablet}"}),
        ("TAB^tablet^UCUM", {"unit": "tablet", "system": OWN, "code": "TAB"}),
        ("TAB^tablet", {"unit": "tablet", "system": OWN, "code": "TAB"}),
        ("TAB", {"unit": "TAB"}),
        ("^tablet", {"unit": "tablet"}),
        ("385055001^Tablet^SCT", {"unit": "Tablet", "system": "http://snomed.info/sct", "code": "385055001"}),
        ("T^tablet^99F^{tbl}^tablet^UCUM", {"unit": "tablet", "system": UCUM, "code": "{tbl}"}),
        ("mg^milligram^99U", {"unit": "milligram", "system": UCUM, "code": "mg"}),
        ("S^spray^99U", {"unit": "spray", "system": f"{OWN}:99U", "code": "S"}),
        ("MG^^ISO+", {"unit": "MG", "system": UCUM, "code": "mg"}),
        ("43^mg/hr", {"unit": "mg/hr", "system": UCUM, "code": "mg/h"}),
    ],
)
def test_a_unit_is_of_ucum_where_it_is_one_and_else_the_senders(unit: str, expected: dict[str, str]) -> None:
    assert dosage(f3="1", f5=unit)["doseAndRate"][0]["doseQuantity"] == {"value": 1} | expected


def test_megagauss_and_megalitres_are_no_doses() -> None:
    assert (ucum("MG"), ucum("ML"), ucum("puff")) == ("mg", "mL", None)
    assert ucum_as_said("mg", "UCUM") == "mg"
    assert ucum_as_said("mg", "L") is None
    assert ucum_as_said("tablet", "UCUM") is None


def test_numbers_keep_their_value() -> None:
    assert dosage(f3="0.2500")["doseAndRate"][0]["doseQuantity"] == {"value": 0.25}
    assert dosage(f3=".5")["doseAndRate"][0]["doseQuantity"] == {"value": 0.5}
    assert dosage(f3="2.0")["doseAndRate"][0]["doseQuantity"] == {"value": 2}


def test_a_rate_is_a_ratio_where_its_time_is_named() -> None:
    rate = {"value": 100, "unit": "mL", "system": UCUM, "code": "mL"}
    hour = {"value": 1, "unit": "h", "system": UCUM, "code": "h"}
    assert dosage(f22="H1", f23="100", f24="mL")["doseAndRate"] == [
        {"rateRatio": {"numerator": rate, "denominator": hour}}
    ]
    assert dosage(f23="100", f24="mL/hr")["doseAndRate"] == [
        {"rateQuantity": {"value": 100, "unit": "mL/hr", "system": UCUM, "code": "mL/h"}}
    ]
    assert "is no number" in notes(f23="slowly")["RXE-23"]


def test_the_total_daily_dose_is_a_maximum_of_a_day() -> None:
    maximum = dosage(f19="4^g")["maxDosePerPeriod"]
    assert maximum["numerator"] == {"value": 4, "unit": "g", "system": UCUM, "code": "g"}
    assert maximum["denominator"] == {"value": 1, "unit": "day", "system": UCUM, "code": "d"}


def test_words_are_text_and_codes_are_instructions() -> None:
    found = dosage(f7="^with water~AC1^before meals^L", f21="^take two~^then rest")
    assert found["text"] == "take two\nthen rest"
    assert found["patientInstruction"] == "with water"
    assert found["additionalInstruction"][0]["coding"][0]["code"] == "AC1"
    assert dosage(f21="twice a day")["text"] == "twice a day"


def test_a_route_of_the_table_is_of_its_code_system_and_stays_what_it_is() -> None:
    route = dosage("RXR|IV|||IVP^IV push^HL70165", f3="1")["route"]
    assert route == {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0162", "code": "IV", "display": "Intravenous"}]
    }
    assert dosage("RXR|PO|||CH^Chew^HL70165", f3="1")["method"]["coding"][0]["code"] == "419747000"
    assert "another route" in notes("RXR|PO", "RXR|IV")["RXR[2]-1"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("QD", {"frequency": 1, "period": 1, "periodUnit": "d"}),
        ("BID", {"frequency": 2, "period": 1, "periodUnit": "d"}),
        ("TID", {"frequency": 3, "period": 1, "periodUnit": "d"}),
        ("QID", {"frequency": 4, "period": 1, "periodUnit": "d"}),
        ("QOD", {"frequency": 1, "period": 2, "periodUnit": "d"}),
        ("6ID", {"frequency": 6, "period": 1, "periodUnit": "d"}),
        ("Q6H", {"frequency": 1, "period": 6, "periodUnit": "h"}),
        ("Q30M", {"frequency": 1, "period": 30, "periodUnit": "min"}),
        ("Q2W", {"frequency": 1, "period": 2, "periodUnit": "wk"}),
        ("QHS", {"when": ["HS"]}),
        ("QAM", {"when": ["MORN"]}),
        ("ACM", {"when": ["ACM"]}),
        ("ONCE", {"count": 1}),
        ("Q2J15", {"dayOfWeek": ["mon", "fri"], "period": 2, "periodUnit": "wk"}),
    ],
)
def test_a_repeat_pattern_is_how_often(pattern: str, expected: dict[str, Any]) -> None:
    assert repeat(f"TQ1|1||{pattern}") == expected


def test_a_pattern_of_no_table_is_kept_as_text() -> None:
    found = dosage("TQ1|1||three times daily")
    assert found["timing"] == {"code": {"text": "three times daily"}}
    assert "kept as text" in notes("TQ1|1||three times daily")["TQ1-3"]


def test_as_needed_is_of_the_dosage_and_a_condition_without_it_an_instruction() -> None:
    assert dosage("TQ1|1||PRN")["asNeededBoolean"] is True
    found = dosage("TQ1|1||PRNQ4H|||||||pain")
    assert found["asNeededCodeableConcept"] == {"text": "pain"}
    assert found["timing"]["repeat"]["period"] == 4
    assert dosage("TQ1|1||Q4H|||||||pain")["additionalInstruction"] == [{"text": "pain"}]


def test_clock_times_are_times_of_the_day_and_no_events() -> None:
    assert repeat("TQ1|1|||0700~1500") == {"timeOfDay": ["07:00:00", "15:00:00"]}
    assert "event of the day" in notes("TQ1|1||QHS|0700")["TQ1-4"]


def test_occurrences_are_a_count_and_no_end_of_a_range() -> None:
    assert repeat("TQ1|1||BID|||||||||||10")["count"] == 10


def test_a_duration_is_bounds_and_with_a_start_a_period_with_its_end() -> None:
    days = {"value": 10, "unit": "day", "system": UCUM, "code": "d"}
    assert repeat("TQ1|1||BID|||10^D&day")["boundsDuration"] == days
    assert repeat("TQ1|1||BID|||10^D&day|20261102")["boundsPeriod"] == {"start": "2026-11-02", "end": "2026-11-12"}
    assert repeat("TQ1|1||BID|||2^mo|20261102")["boundsPeriod"] == {"start": "2026-11-02"}
    assert repeat("TQ1|1||BID||||20261102|20261103")["boundsPeriod"] == {"start": "2026-11-02", "end": "2026-11-03"}


def test_a_relative_time_is_an_interval_only_where_nothing_else_says_how_often() -> None:
    assert repeat("TQ1|1||||8^hr") == {"frequency": 1, "period": 8, "periodUnit": "h"}
    assert "relative" in notes("TQ1|1||BID||8^hr")["TQ1-5"]
    assert "relative" in notes("TQ1|1||||-1^hour")["TQ1-5"]


def test_timings_one_after_the_other_are_in_sequence_and_others_at_once() -> None:
    found = order("TQ1|1||BID|||||||||S", "TQ1|2||QD")["dosageInstruction"]
    assert [one["sequence"] for one in found] == [1, 2]
    found = order("TQ1|1||BID|||||||||A", "TQ1|2||QD")["dosageInstruction"]
    assert [one["sequence"] for one in found] == [1, 1]


def test_a_quantity_of_a_timing_is_the_dose_only_where_there_is_none() -> None:
    assert dosage("TQ1|1|2^TAB|BID")["doseAndRate"] == [{"doseQuantity": {"value": 2, "unit": "TAB"}}]
    assert dosage("TQ1|1|1|BID", f3="500", f5="mg")["doseAndRate"][0]["doseQuantity"]["value"] == 500
    assert "the dose counts" in notes("TQ1|1|2^TAB|BID", f3="500", f5="mg")["TQ1"]


def test_before_2_5_the_timing_is_a_field_of_orc_and_rxe() -> None:
    found = order(orc="ORC|NW|A1|||||^BID^D10^20261102^^S", rxe=fields("RXE", f1="^^^20261103", f2=DRUG))
    assert found["priority"] == "stat"
    assert found["dosageInstruction"][0]["timing"]["repeat"] == {
        "frequency": 2,
        "period": 1,
        "periodUnit": "d",
        "boundsPeriod": {"start": "2026-11-03", "end": "2026-11-13"},
    }
    assert order(orc="ORC|NW|A1|||||^Q8H^X3")["dosageInstruction"][0]["timing"]["repeat"]["count"] == 3
    assert "cannot hold" in notes_of("ORC|NW|A1|||||^Q8H^T30")["ORC-7"]


def notes_of(orc: str) -> dict[str, str]:
    return {note.place: note.text for note in mapped(orc, fields("RXE", f2=DRUG)).notes}


def test_a_strength_is_of_the_drug_itself_over_its_volume_or_one() -> None:
    found, _, _ = medication(f25="250", f26="mg", f33="5", f34="mL")
    (ingredient,) = found["ingredient"]
    assert ingredient["itemCodeableConcept"] == found["code"]
    assert [ingredient["strength"][part]["value"] for part in ("numerator", "denominator")] == [250, 5]
    found, _, _ = medication(f25="500", f26="mg")
    assert found["ingredient"][0]["strength"]["denominator"] == {"value": 1}


def test_a_compound_has_a_base_and_additives_each_with_its_amount_and_own_strength() -> None:
    found, names, _ = medication(
        "RXC|B|D5W^dextrose 5%^L|1000|mL", "RXC|A|KCL^potassium chloride^L|20|meq|2|meq||1|mL", f3="1"
    )
    base, additive = found["ingredient"]
    assert (base["isActive"], additive["isActive"]) == (False, True)
    assert base["strength"]["numerator"] == {"value": 1000, "unit": "mL", "system": UCUM, "code": "mL"}
    inner = names[additive["itemReference"]["reference"]]
    assert inner["ingredient"][0]["strength"]["denominator"] == {"value": 1, "unit": "mL", "system": UCUM, "code": "mL"}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("00071-0155-23", "00071015523"),
        ("0071-0155-23", "00071015523"),
        ("50111-327-01", "50111032701"),
        ("62756-0017-4", "62756001704"),
        ("00071015523", "00071015523"),
        ("0071015523", "0071015523"),
        ("62756-017", "62756-017"),
    ],
)
def test_an_ndc_is_of_eleven_digits_where_that_takes_no_guess(written: str, read: str) -> None:
    found = order(rxe=fields("RXE", f2=f"{written}^drug^NDC"))
    assert found["medicationCodeableConcept"]["coding"][0]["code"] == read
    assert ("RXE-2" in notes(f2=f"{written}^drug^NDC")) is (len(read.replace("-", "")) != 11)


def test_supplementary_codes_are_codes_of_the_same_drug() -> None:
    found = order(rxe=fields("RXE", f2=DRUG, f31="27658006^amoxicillin^SCT"))
    assert [one["code"] for one in found["medicationCodeableConcept"]["coding"]] == ["197361", "27658006"]


def test_a_medication_is_found_again_by_the_number_of_its_order() -> None:
    _, _, found = medication(f6="TAB")
    (entry,) = (one for one in found.entries if one.type_name == "Medication")
    assert (entry.how, entry.condition) == ("merge", f"identifier={OWN}|A1")
    assert entry.cleared == ("ingredient", "batch", "manufacturer")


def test_what_a_pharmacy_counts_is_kept_beside_the_order() -> None:
    found = order(rxe=fields("RXE", f2=DRUG, f15="P7", f16="2", f17="3", f18="20261001", f35="II", f44="M"))
    assert [one["url"].rpartition(":")[2] for one in found["extension"]] == [
        "refills-remaining",
        "refills-dispensed",
        "last-fill",
    ]
    assert {"type": {"text": "Prescription number"}, "system": f"{OWN}:prescription", "value": "P7"} in found[
        "identifier"
    ]
    assert [one["coding"][0]["code"] for one in found["category"]] == ["II", "M"]


def test_an_interval_and_a_first_fill_are_of_the_dispense_request() -> None:
    found = order(
        rxe="\r".join((fields("RXO", f1=DRUG, f28="30"), fields("RXE", f2=DRUG, f10="30", f11="TAB", f39="7")))
    )
    request = found["dispenseRequest"]
    assert request["dispenseInterval"] == {"value": 30, "unit": "day", "system": UCUM, "code": "d"}
    assert request["initialFill"] == {"quantity": {"value": 7, "unit": "TAB"}}
