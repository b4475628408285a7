"""Orders: what ORC-1 means, which field an element is from, and where the published maps are not followed."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from mappers.hl7v2.faults import Hl7Fault
from mappers.hl7v2.message import Message, parse
from mappers.hl7v2.to_fhir.convert import to_fhir
from mappers.making import Making
from mappers.mapped import Entry, Mapped
from tests.running.growth import grows_evenly

MAKING = Making("north", datetime(2026, 11, 2, 14, 30, tzinfo=UTC), UUID(int=7))
PID = "PID|1||4711^^^HOSP^MR||Quill^Nora||19610305|F"
DRUG = "197361^amoxicillin 500 MG oral capsule^RXNORM"


def a_message(*segments: str, kind: str = "RDE^O11", version: str = "2.5.1") -> Message:
    header = f"MSH|^~\\&|WARD|HOSP|GALENIC|PHARM|20261102||{kind}|1|P|{version}"
    return parse("\r".join((header, *segments)).encode())


def mapped(*segments: str, kind: str = "RDE^O11", version: str = "2.5.1") -> Mapped:
    return to_fhir(a_message(*segments, kind=kind, version=version), MAKING)


def entries(found: Mapped, type_name: str) -> list[Entry]:
    return [one for one in found.entries if one.type_name == type_name]


def resource(found: Mapped, type_name: str) -> Any:
    (entry,) = (one for one in entries(found, type_name) if one.how != "find")
    return entry.resource


def an_order(*segments: str, orc: str = "ORC|NW|A1^OE", kind: str = "RDE^O11", version: str = "2.5.1") -> Any:
    return resource(mapped(PID, orc, *segments, kind=kind, version=version), "MedicationRequest")


def fields(name: str, **values: str) -> str:
    """A segment of fields by number: `fields("RXE", f2="…")`."""
    numbers = {int(key[1:]): value for key, value in values.items()}
    return "|".join((name, *(numbers.get(number, "") for number in range(1, max(numbers) + 1))))


def refusal(*segments: str, kind: str = "RDE^O11") -> tuple[str, str]:
    with pytest.raises(Hl7Fault) as caught:
        mapped(*segments, kind=kind)
    return caught.value.code, caught.value.place


def notes(found: Mapped) -> dict[str, str]:
    return {note.place: note.text for note in found.notes}


RXE = fields("RXE", f2=DRUG, f3="1", f5="CAP^capsule")
RXO = fields("RXO", f1=DRUG, f2="1", f4="CAP^capsule")


@pytest.mark.parametrize(
    ("code", "task", "task_status", "status"),
    [
        ("CA", "abort", "requested", None),
        ("DC", "abort", "requested", None),
        ("HD", "suspend", "requested", None),
        ("RL", "resume", "requested", None),
        ("RP", "replace", "requested", None),
        ("XO", "change", "requested", None),
        ("RF", "fulfill", "requested", None),
        ("CR", "abort", "completed", "cancelled"),
        ("DR", "abort", "completed", "stopped"),
        ("HR", "suspend", "completed", "on-hold"),
        ("OR", "resume", "completed", "active"),
        ("RQ", "replace", "completed", "stopped"),
        ("XR", "change", "completed", None),
        ("OF", "fulfill", "completed", None),
        ("AF", "approve", "completed", "active"),
        ("OK", "fulfill", "accepted", None),
        ("UC", "abort", "rejected", None),
        ("UD", "abort", "rejected", None),
        ("UH", "suspend", "rejected", None),
        ("UR", "resume", "rejected", None),
        ("UM", "replace", "rejected", None),
        ("UX", "change", "rejected", None),
        ("UF", "fulfill", "rejected", None),
        ("UA", "fulfill", "rejected", None),
        ("DE", "fulfill", "rejected", None),
        ("DF", "approve", "rejected", None),
        ("OC", None, None, "cancelled"),
        ("OD", None, None, "stopped"),
        ("OH", None, None, "on-hold"),
        ("OE", None, None, "active"),
        ("RU", None, None, "stopped"),
    ],
)
def test_order_control_says_what_is_asked_and_what_was_done(
    code: str, task: str | None, task_status: str | None, status: str | None
) -> None:
    found = mapped(PID, f"ORC|{code}|A1^OE")
    tasks = [(one.resource["code"]["coding"][0]["code"], one.resource["status"]) for one in entries(found, "Task")]
    assert tasks == ([(task, task_status)] if task else [])
    changed = [one.resource.get("status") for one in entries(found, "MedicationRequest") if one.how == "merge"]
    assert changed == ([status] if status else [])
    assert [one.condition for one in entries(found, "MedicationRequest") if one.how == "find"] == [
        "identifier=urn:galenic:partner:north:OE|A1"
    ]


@pytest.mark.parametrize("code", ["NW", "RO", "OP", "PY", "RE", "SN", "CH", "PA", "PR"])
def test_an_order_that_is_told_of_is_active(code: str) -> None:
    assert an_order(RXE, orc=f"ORC|{code}|A1")["status"] == "active"


def test_a_request_to_cancel_leaves_the_order_as_it_is_even_with_a_status_beside_it() -> None:
    found = mapped(PID, "ORC|CA|A1^OE|||CA", RXE)
    assert [one.how for one in entries(found, "MedicationRequest")] == ["find"]
    assert resource(found, "Task")["focus"] == {"reference": entries(found, "MedicationRequest")[0].full_url}


@pytest.mark.parametrize("said", ["", "||IP"])
def test_an_acceptance_changes_nothing_of_the_status_of_an_order(said: str) -> None:
    found = mapped(PID, f"ORC|OK|A1^OE|F1^RX{said}", RXE)
    there, told = entries(found, "MedicationRequest")
    assert (there.how, told.how) == ("find", "merge")
    assert there.condition == told.condition
    assert "status" not in told.resource
    assert [one["value"] for one in told.resource["identifier"]] == ["A1", "F1"]
    assert resource(found, "Task")["focus"] == {"reference": there.full_url}
    assert notes(found)["ORC-1"] == "what this tells of the order changes nothing of its status"
    assert ("ORC-5" in notes(found)) == bool(said)
    assert "MedicationRequest.status" not in [one.element for one in found.choices]


def test_an_acceptance_is_of_an_order_with_a_number() -> None:
    assert refusal(PID, "ORC|OK", RXE) == ("101", "ORC-2")


def test_the_answer_to_a_request_is_the_same_task() -> None:
    conditions = [entries(mapped(PID, f"ORC|{code}|A1^OE"), "Task")[0].condition for code in ("CA", "CR", "UC")]
    assert len(set(conditions)) == 1
    assert conditions[0] != entries(mapped(PID, "ORC|HD|A1^OE"), "Task")[0].condition


def test_a_change_has_a_draft_of_what_the_order_is_to_become() -> None:
    found = mapped(PID, "ORC|XO|A1^OE", RXE)
    draft = resource(found, "MedicationRequest")
    assert (draft["intent"], draft["status"]) == ("proposal", "draft")
    assert draft["priorPrescription"]["identifier"]["value"] == "A1"
    assert resource(found, "Task")["input"][0]["valueReference"] == {
        "reference": next(one.full_url for one in entries(found, "MedicationRequest") if one.how == "create")
    }


def test_a_request_without_a_number_is_refused() -> None:
    assert refusal(PID, "ORC|CA") == ("101", "ORC-2")


@pytest.mark.parametrize("code", ["XX!", "CN", "LI"])
def test_a_control_that_a_pharmacy_does_not_act_on_is_refused(code: str) -> None:
    assert refusal(PID, f"ORC|{code}|A1", RXE) == ("103", "ORC-1")


def test_a_status_that_changed_is_named() -> None:
    assert refusal(PID, "ORC|SC|A1") == ("101", "ORC-5")
    found = mapped(PID, "ORC|SC|A1|||CM")
    assert [one.resource.get("status") for one in entries(found, "MedicationRequest")] == [None, "completed"]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("A", "active"),
        ("CA", "cancelled"),
        ("CM", "completed"),
        ("DC", "stopped"),
        ("ER", "entered-in-error"),
        ("HD", "on-hold"),
        ("IP", "active"),
        ("RP", "stopped"),
        ("SC", "active"),
    ],
)
def test_an_order_status_goes_before_the_order_control(code: str, status: str) -> None:
    assert an_order(RXE, orc=f"ORC|NW|A1|||{code}")["status"] == status


def test_an_order_status_that_is_none_is_noted_and_the_control_counts() -> None:
    found = mapped(PID, "ORC|NW|A1|||ORDERED", RXE)
    assert resource(found, "MedicationRequest")["status"] == "active"
    assert "not a code" in notes(found)["ORC-5"]


PRECEDENCE = {
    "reasonCode": (
        [("RXO", "f20", "J1^one^I10"), ("RXE", "f27", "J2^two^I10"), ("ORC", "f16", "J3^three^I10")],
        lambda order: order["reasonCode"][0]["coding"][0]["code"],
        ["J1", "J2", "J3"],
    ),
    "authoredOn": (
        [("RXE", "f32", "20260101"), ("ORC", "f9", "20260102")],
        lambda order: order["authoredOn"],
        ["2026-01-01", "2026-01-02"],
    ),
    "requester": (
        [
            ("ORC", "f12", "1^First"),
            ("RXO", "f14", "2^Second"),
            ("RXE", "f13", "3^Third"),
            ("ORC", "f21", "Fourth Clinic"),
        ],
        lambda order: order["requester"]["display"],
        ["First", "Second", "Third", "Fourth Clinic"],
    ),
    "recorder": (
        [("ORC", "f10", "1^First"), ("ORC", "f19", "2^Second")],
        lambda order: order["recorder"]["display"],
        ["First", "Second"],
    ),
    "numberOfRepeatsAllowed": (
        [("RXE", "f12", "1"), ("RXO", "f13", "2")],
        lambda order: order["dispenseRequest"]["numberOfRepeatsAllowed"],
        [1, 2],
    ),
    "performer": (
        [("RXE", "f40", "^First"), ("RXO", "f32", "^Second")],
        lambda order: order["dispenseRequest"]["performer"]["display"],
        ["First", "Second"],
    ),
    "substitution": (
        [("RXO", "f9", "G"), ("RXE", "f9", "N")],
        lambda order: [one["code"] for one in order["substitution"]["allowedCodeableConcept"]["coding"]],
        [["G", "G"], ["N", "N"]],
    ),
    "timing": (
        [("RXE", "f1", "^Q6H"), ("ORC", "f7", "^BID")],
        lambda order: order["dosageInstruction"][0]["timing"]["code"]["coding"][0]["code"],
        ["Q6H", "BID"],
    ),
}
"""Element: its sources as the table of the domain ranks them, how it is read, and what each source says."""
RANKS = [(element, rank) for element, (sources, _, _) in PRECEDENCE.items() for rank in range(len(sources))]


@pytest.mark.parametrize(("element", "rank"), RANKS)
def test_an_element_is_from_the_first_field_that_says_something(element: str, rank: int) -> None:
    sources, read, said = PRECEDENCE[element]
    present: dict[str, dict[str, str]] = {
        "ORC": {"f1": "NW", "f2": "A1"},
        "RXO": {"f1": DRUG},
        "RXE": {"f2": DRUG, "f3": "1"},
    }
    for name, field, value in sources[rank:]:
        present[name][field] = value
    segments = [fields(name, **values) for name, values in present.items()]
    assert read(resource(mapped(PID, *segments), "MedicationRequest")) == said[rank]


def test_what_is_told_of_an_event_is_no_reason_and_no_time_of_the_order() -> None:
    order = an_order(RXE, orc=fields("ORC", f1="XX", f2="A1", f9="20260102", f16="J3^three^I10"))
    assert "authoredOn" not in order
    assert "reasonCode" not in order


def test_the_encoded_order_goes_before_the_written_one_and_differences_are_noted() -> None:
    written = fields("RXO", f1="1^other drug^L", f2="2", f4="CAP^capsule", f5="TAB", f11="9")
    found = mapped(PID, "ORC|NW|A1", written, fields("RXE", f2=DRUG, f3="1", f5="CAP^capsule", f10="9"))
    order = resource(found, "MedicationRequest")
    assert order["medicationCodeableConcept"]["coding"][0]["code"] == "197361"
    assert order["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] == 1
    assert {place for place, text in notes(found).items() if "differs from RXE" in text} == {
        "RXO-1.1",
        "RXO-2",
        "RXO-5",
    }


def test_an_omp_is_read_from_its_rxo() -> None:
    order = an_order(RXO, kind="OMP^O09")
    assert (order["intent"], order["medicationCodeableConcept"]["text"]) == ("order", DRUG.split("^")[1])


def test_an_order_without_what_is_ordered_is_refused() -> None:
    assert refusal(PID, "ORC|NW|A1") == ("100", "ORC")
    assert refusal(PID, "ORC|NW|A1", "RXE||") == ("101", "RXE-2")
    assert refusal("ORC|NW|A1", RXE) == ("100", "PID")
    assert refusal(PID, RXE) == ("100", "RXE")
    assert refusal(PID) == ("100", "ORC")
    assert refusal(PID, "ORC||A1", RXE) == ("101", "ORC-1")


def test_two_orders_with_one_number_are_refused() -> None:
    assert refusal(PID, "ORC|NW|A1", RXE, "ORC|NW|A1", RXE) == ("205", "ORC[2]-2")


def test_a_dose_that_is_no_number_is_refused() -> None:
    assert refusal(PID, "ORC|NW|A1", fields("RXE", f2=DRUG, f3="one")) == ("102", "RXE-3")


def test_an_order_with_a_number_is_merged_on_it_and_one_without_is_new() -> None:
    (numbered,) = entries(mapped(PID, "ORC|NW|A1^OE|F1^RX", RXE), "MedicationRequest")
    assert (numbered.how, numbered.condition) == ("merge", "identifier=urn:galenic:partner:north:OE|A1")
    (filled,) = entries(mapped(PID, "ORC|NW||F1^RX", RXE), "MedicationRequest")
    assert filled.condition == "identifier=urn:galenic:partner:north:RX|F1"
    (new,) = entries(mapped(PID, "ORC|NW", RXE), "MedicationRequest")
    assert new.how == "create"


def test_an_order_does_not_change_its_patient_or_visit() -> None:
    found = mapped(PID, "PV1|1|I|W^1||||||||||||||||V7", "ORC|NW|A1", RXE)
    assert [one.how for one in found.entries if one.type_name in ("Patient", "Encounter")] == ["match", "match"]


def test_what_the_merged_order_had_of_the_other_kind_of_medication_is_cleared() -> None:
    (coded,) = entries(mapped(PID, "ORC|NW|A1", RXE), "MedicationRequest")
    assert coded.cleared == ("medicationReference",)
    (described,) = entries(mapped(PID, "ORC|NW|A1", fields("RXE", f2=DRUG, f6="CAP")), "MedicationRequest")
    assert described.cleared == ("medicationCodeableConcept",)


def test_null_fields_clear_elements() -> None:
    (entry,) = entries(mapped(PID, fields("ORC", f1="NW", f2="A1", f12='""'), RXE), "MedicationRequest")
    assert "requester" in entry.cleared


def test_a_dea_number_is_known_as_one_where_its_check_digit_holds() -> None:
    found = mapped(PID, "ORC|NW|A1", fields("RXE", f2=DRUG, f13="BL8426529^Prescriber"))
    assert entries(found, "Practitioner")[0].condition == "identifier=urn:oid:2.16.840.1.113883.4.814|BL8426529"
    found = mapped(PID, "ORC|NW|A1", fields("RXE", f2=DRUG, f13="BL8426520^Prescriber"))
    assert entries(found, "Practitioner")[0].condition == "identifier=urn:galenic:partner:north|BL8426520"


def test_orm_without_rxo_is_no_order_for_a_pharmacy() -> None:
    found = mapped(PID, "ORC|NW|A1", "OBR|1|A1||CBC^Complete Blood Count^LN", kind="ORM^O01")
    service = resource(found, "ServiceRequest")
    assert (service["status"], service["code"]["coding"][0]["code"]) == ("active", "CBC")
    bare = mapped(PID, "ORC|NW|A1", kind="ORM^O01")
    assert "does not say what for" in notes(bare)["ORC"]
    assert resource(mapped(PID, "ORC|NW|A1", RXO, kind="ORM^O01"), "MedicationRequest")["status"] == "active"


def test_a_cancelled_service_is_revoked() -> None:
    found = mapped(PID, "ORC|OC|A1", "OBR|1|A1||CBC^Complete Blood Count^LN", kind="ORM^O01")
    assert resource(found, "ServiceRequest")["status"] == "revoked"


def test_a_refill_authorization_asks_to_approve_a_draft_and_leaves_the_order() -> None:
    found = mapped(PID, "ORC|RF|A1^OE|F1^RX", fields("RXE", f2=DRUG, f3="1", f12="3"), kind="RDE^O25")
    (entry,) = entries(found, "MedicationRequest")
    assert (entry.how, entry.resource["intent"], entry.resource["status"]) == ("create", "proposal", "draft")
    assert entry.resource["priorPrescription"]["identifier"]["value"] == "A1"
    task = resource(found, "Task")
    assert (task["code"]["coding"][0]["code"], task["status"]) == ("approve", "requested")
    assert task["focus"] == {"reference": entry.full_url}


def test_a_dispense_request_is_a_task_on_the_order_as_it_is_known() -> None:
    found = mapped(PID, "ORC|NW|A1^OE", fields("RXE", f2=DRUG, f3="1", f10="30", f11="TAB"), kind="RDE^O49")
    (entry,) = entries(found, "MedicationRequest")
    assert entry.how == "match"
    task = resource(found, "Task")
    assert (task["code"]["coding"][0]["code"], task["focus"]) == ("fulfill", {"reference": entry.full_url})
    assert task["input"] == [{"type": {"text": "dispense amount"}, "valueQuantity": {"value": 30, "unit": "TAB"}}]


def test_segments_belong_to_the_order_they_follow_whatever_the_groups_say() -> None:
    found = mapped(
        PID,
        "ORC|NW|A1",
        "RXR|IV",
        RXE,
        "OBX|1|NM|29463-7^Weight^LN||70|kg|||||F",
        "RXR|PO",
        "TQ1|1||BID",
        "NTE|1||with food",
        "ORC|NW|A2",
        RXE,
        "TQ1|1||QD",
    )
    first, second = (one.resource for one in entries(found, "MedicationRequest"))
    dosage = first["dosageInstruction"][0]
    assert dosage["route"]["coding"][0]["code"] == "PO"
    assert dosage["timing"]["code"]["coding"][0]["code"] == "BID"
    assert first["note"] == [{"text": "with food"}]
    assert len(first["supportingInformation"]) == 1
    assert second["dosageInstruction"][0]["timing"]["code"]["coding"][0]["code"] == "QD"
    assert "note" not in second


def test_a_charge_stands_with_its_dispense() -> None:
    found = mapped(
        PID,
        "ORC|RE|A1",
        f"RXD|1|{DRUG}|20261102|30",
        "FT1|1|77||20261102||CG|99^Dispensing fee^L",
        kind="RDS^O13",
    )
    charge = resource(found, "ChargeItem")
    assert charge["service"] == [{"reference": entries(found, "MedicationDispense")[0].full_url}]


def test_a_diagnosis_of_an_order_is_its_reason() -> None:
    found = mapped(
        PID, "ORC|NW|A1", "OBR|1|A1||CBC^Complete Blood Count^LN", "DG1|1||N39.0^Infection^I10", kind="ORM^O01"
    )
    assert resource(found, "ServiceRequest")["reasonCode"][0]["coding"][0]["code"] == "N39.0"


@pytest.mark.parametrize(
    ("kind", "done"), [("RDE^O11", ""), ("RDE^O49", ""), ("RDS^O13", "RXD|1|1^x^L|20261102|1|||{}")]
)
def test_many_orders_take_no_more_time_than_there_are_of_them(kind: str, done: str) -> None:
    def of_orders(orders: int) -> Message:
        each = [line for one in range(orders) for line in (f"ORC|NW|A{one}^OE", RXE, done.format(one)) if line]
        return a_message(PID, *each, kind=kind)

    assert grows_evenly(lambda message: to_fhir(message, MAKING), of_orders, 200)


@pytest.mark.parametrize("refills", ["2147483648", "1.5"])
def test_so_many_refills_as_fhir_does_not_hold_are_refused(refills: str) -> None:
    assert refusal(PID, "ORC|NW|A1", fields("RXE", f2=DRUG, f3="1", f5="CAP", f12=refills)) == ("102", "RXE-12")
