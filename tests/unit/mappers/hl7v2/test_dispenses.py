"""What was dispensed, handed out and given: RXD, RXG and RXA."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from mappers.hl7v2.faults import Hl7Fault
from mappers.hl7v2.message import parse
from mappers.hl7v2.to_fhir.convert import to_fhir
from mappers.making import Making
from mappers.mapped import Entry, Mapped

MAKING = Making("north", datetime(2026, 11, 2, 14, 30, tzinfo=UTC), UUID(int=7))
OWN = "urn:galenic:partner:north"
DRUG = "197361^amoxicillin 500 MG oral capsule^RXNORM"


def mapped(*segments: str, kind: str = "RDS^O13", making: Making = MAKING) -> Mapped:
    header = f"MSH|^~\\&|PHARM|HOSP|GALENIC|WARD|20261102||{kind}|1|P|2.5.1"
    return to_fhir(parse("\r".join((header, "PID|1||4711", *segments)).encode()), making)


def fields(name: str, **values: str) -> str:
    numbers = {int(key[1:]): value for key, value in values.items()}
    return "|".join((name, *(numbers.get(number, "") for number in range(1, max(numbers) + 1))))


def entries(found: Mapped, type_name: str) -> list[Entry]:
    return [one for one in found.entries if one.type_name == type_name]


def dispense(*segments: str, orc: str = "ORC|RE|A1^OE", **rxd: str) -> Any:
    found = mapped(orc, fields("RXD", **({"f1": "1", "f2": DRUG, "f3": "20261102", "f4": "30"} | rxd)), *segments)
    return entries(found, "MedicationDispense")[0].resource


def administration(*segments: str, orc: str = "ORC|RE|A1^OE", **rxa: str) -> Any:
    told = {"f1": "0", "f2": "1", "f3": "20261102080000", "f5": DRUG, "f6": "500", "f7": "mg"} | rxa
    found = mapped(orc, fields("RXA", **told), *segments, kind="RAS^O17")
    return entries(found, "MedicationAdministration")[0].resource


@pytest.mark.parametrize(
    ("orc", "status"),
    [
        ("ORC|RE|A1", "completed"),
        ("ORC|NW|A1", "completed"),
        ("ORC|OC|A1", "cancelled"),
        ("ORC|OD|A1", "stopped"),
        ("ORC|OH|A1", "on-hold"),
        ("ORC|RE|A1|||A", "preparation"),
        ("ORC|RE|A1|||IP", "preparation"),
        ("ORC|RE|A1|||SC", "in-progress"),
        ("ORC|RE|A1|||CM", "completed"),
        ("ORC|RE|A1|||CA", "cancelled"),
        ("ORC|RE|A1|||DC", "stopped"),
        ("ORC|RE|A1|||RP", "stopped"),
        ("ORC|RE|A1|||HD", "on-hold"),
        ("ORC|RE|A1|||ER", "entered-in-error"),
    ],
)
def test_the_status_of_a_dispense_is_that_of_its_order_or_that_it_took_place(orc: str, status: str) -> None:
    assert dispense(orc=orc)["status"] == status


def test_what_is_still_prepared_was_not_handed_over() -> None:
    assert dispense()["whenHandedOver"] == "2026-11-02"
    prepared = dispense(orc="ORC|RE|A1|||IP")
    assert prepared["whenPrepared"] == "2026-11-02"
    assert "whenHandedOver" not in prepared


def test_the_order_of_a_dispense_is_named_by_its_number_and_need_not_be_known() -> None:
    (prescription,) = dispense()["authorizingPrescription"]
    assert prescription["identifier"] == {
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "PLAC"}]},
        "system": f"{OWN}:OE",
        "value": "A1",
    }
    assert "reference" not in prescription


def test_without_an_order_number_the_prescription_number_names_it() -> None:
    (prescription,) = dispense(orc="ORC|RE", f7="P7")["authorizingPrescription"]
    assert (prescription["identifier"]["system"], prescription["identifier"]["value"]) == (f"{OWN}:prescription", "P7")


def test_an_order_that_is_repeated_beside_its_dispense_is_used_as_it_is_known() -> None:
    rxe = fields("RXE", f2=DRUG, f3="1")
    found = mapped("ORC|RE|A1^OE", rxe, fields("RXD", f1="1", f2=DRUG, f3="20261102", f4="30"))
    (request,) = entries(found, "MedicationRequest")
    assert (request.how, request.condition) == ("match", f"identifier={OWN}:OE|A1")
    (one,) = entries(found, "MedicationDispense")
    (prescription,) = one.resource["authorizingPrescription"]
    assert prescription["reference"] == request.full_url
    assert prescription["identifier"]["value"] == "A1"


@pytest.mark.parametrize(("counter", "number"), [("3", 3), ("", None), ("third", None), ("1234567890", None)])
def test_the_number_a_dispense_was_told_by_is_kept_if_it_is_one(counter: str, number: int | None) -> None:
    told = [one for one in dispense(f1=counter).get("extension", []) if one["url"].endswith("dispense-number")]
    assert [one["valueUnsignedInt"] for one in told] == ([number] if number else [])


def test_every_refill_is_a_dispense_of_its_own_even_where_each_is_counted_as_the_first() -> None:
    def condition(day: str, counter: str = "1") -> str:
        found = mapped("ORC|RE|A1", fields("RXD", f1=counter, f2=DRUG, f3=day, f4="30"))
        return entries(found, "MedicationDispense")[0].condition

    assert condition("20261102") == condition("20261102")
    assert len({condition("20261102"), condition("20261202"), condition("20261102", "2")}) == 3


def test_two_drugs_of_one_order_are_two_dispenses_and_so_is_one_that_is_told_twice() -> None:
    one = fields("RXD", f1="1", f2=DRUG, f3="20261102", f4="30")
    other = fields("RXD", f1="1", f2="198440^another drug^RXNORM", f3="20261102", f4="30")
    found = entries(mapped("ORC|RE|A1", one, other, one), "MedicationDispense")
    assert len({entry.condition for entry in found}) == 3


def test_amount_days_kind_and_notes_of_a_dispense() -> None:
    told = dispense(
        "NTE|1||second note",
        orc="ORC|RE|A1|||||^BID^D15",
        f5="CAP^capsule",
        f7="P7",
        f8="2",
        f9="first note",
        f33="R^Refill^HL70484",
    )
    assert told["quantity"] == {"value": 30, "unit": "capsule", "system": OWN, "code": "CAP"}
    assert told["daysSupply"] == {"value": 15, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d"}
    assert told["type"]["coding"][0] == {
        "system": "http://terminology.hl7.org/CodeSystem/v2-0484",
        "code": "R",
        "display": "Refill - Full Fill",
    }
    assert [one["text"] for one in told["note"]] == ["first note", "second note"]
    assert told["extension"][1] == {"url": "urn:galenic:hl7v2:refills-remaining", "valueUnsignedInt": 2}


@pytest.mark.parametrize(
    ("code", "was", "member"),
    [
        ("N", False, "type"),
        ("G", True, "type"),
        ("T", True, "type"),
        ("0", False, "reason"),
        ("1", False, "reason"),
        ("4", False, "reason"),
        ("7", False, "reason"),
    ],
)
def test_substitution_says_whether_and_why(code: str, was: bool, member: str) -> None:
    found = dispense(f11=code)["substitution"]
    assert found["wasSubstituted"] is was
    concept = found[member] if member == "type" else found[member][0]
    assert concept["coding"][-1] == {
        "system": "http://terminology.hl7.org/CodeSystem/v2-0167",
        "code": code,
        "display": concept["coding"][-1]["display"],
    }


def test_the_lot_is_of_the_medication_and_a_second_one_is_noted() -> None:
    rxd = fields("RXD", f1="1", f2=DRUG, f3="20261102", f4="30", f18="L1~L2", f19="20280131", f20="MK^Maker^MVX")
    found = mapped("ORC|RE|A1", rxd)
    (medication,) = entries(found, "Medication")
    assert medication.resource["batch"] == {"lotNumber": "L1", "expirationDate": "2028-01-31"}
    assert medication.resource["manufacturer"]["identifier"]["value"] == "MK"
    assert any(note.place == "RXD-18" and "another lot" in note.text for note in found.notes)


def test_where_it_goes_is_a_destination_and_where_it_was_packed_its_location() -> None:
    told = {"f1": "1", "f2": DRUG, "f3": "20261102", "f4": "30"}
    found = mapped("ORC|RE|A1", fields("RXD", **told, f13="4W^12^2", f27="CP^Central Pharmacy"))
    (one,) = entries(found, "MedicationDispense")
    names = {entry.full_url: entry.resource["name"] for entry in entries(found, "Location")}
    assert names[one.resource["destination"]["reference"]] == "2"
    assert names[one.resource["location"]["reference"]] == "Central Pharmacy"
    found = mapped("ORC|RE|A1", fields("RXD", **told, f30="SP^South Pharmacy^99P", f31="1 Long Lane^^Bath"))
    (place,) = entries(found, "Location")
    assert (place.resource["name"], place.resource["address"]["city"]) == ("South Pharmacy", "Bath")


def test_a_dispense_message_without_its_segment_is_refused() -> None:
    for kind in ("RDS^O13", "RGV^O15", "RAS^O17"):
        with pytest.raises(Hl7Fault) as caught:
            mapped("ORC|RE|A1", kind=kind)
        assert (caught.value.code, caught.value.place) == ("100", "ORC")


def test_a_dose_that_is_handed_to_a_ward_is_in_progress() -> None:
    rxg = fields("RXG", f1="1", f3="^BID", f4=DRUG, f5="1", f7="CAP^capsule", f11="4W^12")
    found = mapped("ORC|RE|A1", rxg, "RXR|PO", kind="RGV^O15")
    (one,) = entries(found, "MedicationDispense")
    assert one.resource["status"] == "in-progress"
    assert one.resource["quantity"]["value"] == 1
    dosage = one.resource["dosageInstruction"][0]
    assert dosage["doseAndRate"][0]["doseQuantity"]["unit"] == "capsule"
    assert dosage["timing"]["repeat"]["frequency"] == 2
    assert "destination" in one.resource


@pytest.mark.parametrize(
    ("rxa", "status"),
    [
        ({}, "completed"),
        ({"f20": "CP"}, "completed"),
        ({"f20": "PA"}, "completed"),
        ({"f20": "RE"}, "not-done"),
        ({"f20": "NA"}, "not-done"),
        ({"f20": "CP", "f21": "D"}, "entered-in-error"),
    ],
)
def test_completion_and_action_say_whether_it_was_given(rxa: dict[str, str], status: str) -> None:
    assert administration(**rxa)["status"] == status


def test_when_how_much_and_by_whom_it_was_given() -> None:
    told = administration("RXR|PO", f4="20261102083000", f9="^slowly", f10="9^Nurse^Ann", f19="N39.0^Infection^I10")
    assert told["effectivePeriod"] == {"start": "2026-11-02T08:00:00+00:00", "end": "2026-11-02T08:30:00+00:00"}
    assert told["dosage"]["dose"]["value"] == 500
    assert told["dosage"]["route"]["coding"][0]["code"] == "PO"
    assert told["performer"][0]["actor"]["display"] == "Ann Nurse"
    assert told["reasonCode"][0]["coding"][0]["code"] == "N39.0"
    assert told["note"] == [{"text": "slowly"}]
    assert administration()["effectiveDateTime"] == "2026-11-02T08:00:00+00:00"


def test_whoever_ordered_it_did_not_give_it() -> None:
    assert "performer" not in administration(orc="ORC|RE|A1|||||||||1^Orders")


def test_an_amount_that_is_not_known_is_none_and_a_route_alone_is_left() -> None:
    told = fields("RXA", f2="1", f3="20261102", f5=DRUG, f6="999")
    found = mapped("ORC|RE|A1", told, "RXR|PO", kind="RAS^O17")
    assert "dosage" not in entries(found, "MedicationAdministration")[0].resource
    assert {"RXA-6", "RXR-1"} <= {note.place for note in found.notes}


def test_a_time_that_is_none_is_refused_because_an_administration_has_one() -> None:
    with pytest.raises(Hl7Fault) as caught:
        administration(f3="yesterday")
    assert (caught.value.code, caught.value.place) == ("102", "RXA-3")


PLACES = {"Location": "Location/1", "Organization": "Organization/1"}


@pytest.mark.parametrize(("pharmacy", "reference"), [("", "Location/1"), ("P1^Harbour Pharmacy", None)])
def test_a_dispense_that_names_no_pharmacy_is_where_what_its_sender_sends_belongs(
    pharmacy: str, reference: str | None
) -> None:
    rxd = fields("RXD", f1="1", f2=DRUG, f3="20261102", f4="30", f27=pharmacy)
    found = mapped("ORC|RE|A1", rxd, making=replace(MAKING, places=PLACES))
    told = entries(found, "MedicationDispense")[0].resource
    assert (told["location"] == {"reference": reference}) == (reference is not None)
    assert ("MedicationDispense.location" in [one.element for one in found.choices]) == (reference is not None)
    assert "location" not in dispense()


@pytest.mark.parametrize(("pharmacy", "reference"), [("", "Organization/1"), ("P1^Harbour Pharmacy", None)])
def test_an_order_that_names_no_pharmacy_is_for_the_one_its_senders_orders_go_to(
    pharmacy: str, reference: str | None
) -> None:
    rxe = fields("RXE", f2=DRUG, f3="1", f5="mg", f40=pharmacy)
    found = mapped("ORC|NW|A1", rxe, kind="RDE^O11", making=replace(MAKING, places=PLACES))
    performer = entries(found, "MedicationRequest")[0].resource["dispenseRequest"]["performer"]
    assert (performer == {"reference": reference}) == (reference is not None)
    chosen = [one.place for one in found.choices if one.element == "MedicationRequest.dispenseRequest.performer"]
    assert (chosen == ["ORC"]) == (reference is not None)
