"""RDE and RDS to FHIR and back: every field that is mapped is the same again, and hl7apy has nothing to say.

The messages are drawn from the mapped fields as Galenic writes them: what another sender spells otherwise (`MG`, an NDC
with dashes, TQ in ORC-7) is held to its meaning in test_dosage.py.
"""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappers.hl7v2.check import problems
from mappers.hl7v2.faults import Hl7Fault
from mappers.hl7v2.from_fhir.rde import rde
from mappers.hl7v2.from_fhir.rds import rds
from mappers.hl7v2.from_fhir.sending import Envelope
from mappers.hl7v2.message import Field, parse, write
from mappers.hl7v2.to_fhir.convert import to_fhir
from mappers.making import Making
from mappers.mapped import Mapped

NOW = datetime(2026, 11, 2, 14, 30, tzinfo=UTC)
MAKING = Making("north", NOW, UUID(int=7), authorities={"HOSP": "http://hosp.example/mrn"})
ENVELOPE = Envelope(("GALENIC", "PHARM"), ("WARD", "HOSP"), "7")
MSH: list[Field] = ["MSH", "|", r"^~\&", "WARD", "HOSP", "GALENIC", "PHARM", "20261102", ""]
PID: list[Field] = ["PID", "1", "", ("4711", "", "", "HOSP", "MR"), "", ("Quill", "Nora"), "", "19610305", "F"]

NO_VISIT: list[Field] = ["PV1", "1", "N"]

letters = st.text("abcdefghijklmnopqrstuvwxyzäéß&^~|\\ 0123456789-", min_size=1, max_size=12)
words = letters.map(lambda text: " ".join(text.split())).filter(bool)
codes = st.text("ABCDEFGHIJ0123456789", min_size=1, max_size=8)
numbers = st.one_of(
    st.integers(1, 9999).map(str), st.decimals("0.01", "999", places=2).map(lambda one: f"{one.normalize():f}")
)
counts = st.integers(0, 99).map(str)
days = st.dates(date(2000, 1, 1), date(2035, 1, 1)).map(lambda day: day.strftime("%Y%m%d"))
moments = days.map(lambda day: f"{day}083000+0100")
systems = st.sampled_from(["RXNORM", "NDF", "SCT", "99LOC"])
concepts = st.tuples(codes, words, systems)
units = st.one_of(
    st.sampled_from([("mg", "mg", "UCUM"), ("mL", "millilitre", "UCUM"), ("{tablet}", "tablet", "UCUM")]),
    st.tuples(codes, words.filter(lambda text: len(text) > 3), st.just("99UNIT")),
)
lines = st.lists(words.map(lambda text: ("", text)), min_size=1, max_size=2)
nothing: st.SearchStrategy[Any] = st.just("")
enterers = st.tuples(codes.map(lambda one: f"E{one}"), words, words)
prescribers = st.tuples(codes.map(lambda one: f"P{one}"), words, words)


def maybe(one: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(nothing, one)


def with_unit(number: Any, unit: Any) -> tuple[Any, Any]:
    """A unit stands beside a number only."""
    return number, (unit if number else "")


@st.composite
def timings(draw: st.DrawFn) -> list[Field]:
    pattern = draw(st.sampled_from(["BID", "TID", "QD", "Q6H", "Q2W", "QHS", "6ID", "PRNQ4H", "PRN", "", "Q2J15"]))
    bounds = draw(st.sampled_from(["none", "duration", "period"]))
    row: list[Field] = ["TQ1", "1", "", ((pattern,),) if pattern else "", "", ""]
    row.append(("10", ("d", "day", "UCUM")) if bounds == "duration" else "")
    row += [draw(days), draw(maybe(moments))] if bounds == "period" else ["", ""]
    row.append(draw(st.sampled_from(["", ("S", "", "HL70485"), ("R", "", "HL70485")])))
    row.append(draw(maybe(words)) if pattern.startswith("PRN") and pattern != "PRN" else "")
    return [*row, "", "", "", draw(maybe(st.integers(1, 99).map(str)))]


def cut(row: list[Any]) -> list[Any]:
    while row and row[-1] in ("", []):
        row.pop()
    return row


def numbered(name: str, fields: dict[int, Any]) -> list[Any]:
    return cut([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


routes = st.builds(
    lambda route, site: cut(["RXR", route, site]),
    st.sampled_from([("PO", "Oral", "HL70162"), ("IV", "Intravenous", "HL70162"), ("SC", "Subcutaneous", "HL70162")]),
    maybe(concepts),
)
compounds = st.lists(
    st.builds(
        lambda kind, code, amount, unit: ["RXC", kind, code, amount, unit],
        st.sampled_from("AB"),
        concepts,
        numbers,
        units,
    ),
    max_size=3,
)


@st.composite
def drugs(draw: st.DrawFn, *, whole: bool) -> dict[str, Any]:
    """Form and strength; the strength is that of the drug where it is no compound."""
    strength, unit = with_unit(draw(maybe(numbers)) if whole else "", draw(units))
    volume, volume_unit = with_unit(draw(maybe(numbers)) if strength else "", draw(units))
    return {
        "code": draw(concepts),
        "form": draw(maybe(concepts)),
        "strength": (strength, unit, volume, volume_unit),
        "others": draw(st.lists(concepts, max_size=2)),
    }


@st.composite
def orders(draw: st.DrawFn) -> list[list[Any]]:
    compound = draw(compounds)
    drug = draw(drugs(whole=not compound))
    low, unit = with_unit(draw(maybe(numbers)), draw(units))
    high = draw(st.sampled_from(["", "10000"])) if low else ""
    quantity, quantity_unit = with_unit(draw(maybe(numbers)), draw(units))
    rate, rate_unit = with_unit(draw(maybe(numbers)), draw(units))
    daily, daily_unit = with_unit(draw(maybe(numbers)), draw(units))
    strength, strength_unit, volume, volume_unit = drug["strength"]
    authored = draw(moments)
    orc = {
        1: "NW",
        2: (draw(codes), "OE"),
        3: draw(maybe(st.tuples(codes, st.just("RX")))),
        4: draw(maybe(st.tuples(codes, st.just("GRP")))),
        9: authored,
        10: draw(maybe(enterers)),
        12: draw(maybe(prescribers)),
        15: draw(maybe(days)),
        29: draw(st.sampled_from(["", ("I", "Inpatient", "HL70482"), ("O", "Outpatient", "HL70482")])),
    }
    allowed, interval = draw(st.sampled_from(["", "N", "G", "T"])), draw(maybe(st.integers(1, 365).map(str)))
    route = draw(routes)
    written = [numbered("RXO", {1: drug["code"], 9: allowed, 28: interval}), route] if allowed or interval else []
    rxe = {
        2: drug["code"],
        3: low,
        4: high,
        5: unit,
        6: drug["form"],
        7: draw(maybe(lines)),
        10: quantity,
        11: quantity_unit,
        12: draw(maybe(counts)),
        15: draw(maybe(codes)),
        16: draw(maybe(counts)),
        17: draw(maybe(counts)),
        18: draw(maybe(days)),
        19: (daily, daily_unit) if daily else "",
        21: draw(maybe(lines)),
        22: draw(st.sampled_from(["", "H1", "M30"])) if rate else "",
        23: rate,
        24: rate_unit,
        25: strength,
        26: strength_unit,
        27: draw(st.lists(concepts, max_size=2)),
        31: drug["others"],
        32: authored,
        33: volume,
        34: volume_unit,
        35: draw(st.sampled_from(["", "II", "IV"])),
        39: draw(maybe(numbers)) if quantity_unit else "",
        40: draw(maybe(concepts)),
        44: draw(st.sampled_from(["", "M", "S"])),
    }
    remarks = [["NTE", str(number), "", text] for number, text in enumerate(draw(st.lists(words, max_size=2)), start=1)]
    return [numbered("ORC", orc), *written, numbered("RXE", rxe), *remarks, cut(draw(timings())), route, *compound]


@st.composite
def dispenses(draw: st.DrawFn) -> list[list[Any]]:
    compound = draw(compounds)
    drug = draw(drugs(whole=not compound))
    strength, strength_unit, volume, volume_unit = drug["strength"]
    quantity, unit = with_unit(draw(numbers), draw(units))
    daily, daily_unit = with_unit(draw(maybe(numbers)), draw(units))
    orc = {1: "RE", 2: (draw(codes), "OE"), 5: draw(st.sampled_from(["CM", "IP", "SC", "CA", "DC", "HD", "ER"]))}
    kind = draw(
        st.sampled_from(["", ("R", "Refill - Full Fill", "HL70484"), ("P", "New/Renew - Part Fill", "HL70484")])
    )
    rxd = {
        1: draw(st.integers(1, 99).map(str)),
        2: drug["code"],
        3: draw(moments),
        4: quantity,
        5: unit,
        6: drug["form"],
        7: draw(maybe(codes)),
        8: draw(maybe(counts)),
        9: draw(st.lists(words, max_size=2)),
        10: draw(st.lists(enterers, max_size=2, unique_by=lambda one: one[0])),
        11: draw(st.sampled_from(["", "N", "G", "T", "1", "4"])),
        12: (daily, daily_unit) if daily else "",
        13: draw(maybe(st.tuples(words, words, words))),
        15: draw(maybe(lines)),
        16: strength,
        17: strength_unit,
        18: draw(maybe(codes)),
        19: draw(maybe(days)),
        20: draw(maybe(concepts)),
        25: drug["others"],
        27: draw(maybe(concepts)),
        28: volume,
        29: volume_unit,
        33: kind,
    }
    return [numbered("ORC", orc), numbered("RXD", rxd), draw(routes), *compound]


def read(rows: list[list[Any]], kind: tuple[str, str, str]) -> tuple[bytes, Mapped]:
    person = [PID, NO_VISIT] if kind[0] == "RDE" else [PID]
    message = write(
        [[*MSH, kind, "7", "P", "2.8", "", "", "", "", "", "UNICODE UTF-8"], *person, *rows], "UNICODE UTF-8"
    )
    return message, to_fhir(parse(message), MAKING)


def again(mapped: Mapped, type_name: str, make: Any) -> list[str]:
    names = {one.full_url: one.resource for one in mapped.entries}
    resource = next(one.resource for one in mapped.entries if one.type_name == type_name)
    written = make(resource, names, MAKING, ENVELOPE)
    assert written.notes == ()
    return segments(written.message)


def segments(message: bytes) -> list[str]:
    """All but the header."""
    found: list[str] = message.decode().rstrip("\r").split("\r")[1:]
    return found


@settings(max_examples=150)
@given(orders())
def test_an_order_is_the_same_after_fhir(rows: list[list[Any]]) -> None:
    message, mapped = read(rows, ("RDE", "O11", "RDE_O11"))
    assert again(mapped, "MedicationRequest", rde) == segments(message)


@settings(max_examples=150)
@given(dispenses())
def test_a_dispense_is_the_same_after_fhir(rows: list[list[Any]]) -> None:
    message, mapped = read(rows, ("RDS", "O13", "RDS_O13"))
    assert again(mapped, "MedicationDispense", rds) == segments(message)


RDE: list[list[Any]] = [
    ["ORC", "NW", ("A1", "OE"), "", "", "", "", "", "", "20261102083000+0000"],
    numbered(
        "RXE",
        {
            2: ("197361", "amoxicillin 500 MG oral capsule", "RXNORM"),
            3: "1",
            5: ("{capsule}", "capsule", "UCUM"),
            10: "30",
            11: ("{capsule}", "capsule", "UCUM"),
            12: "2",
            32: "20261102083000+0000",
        },
    ),
    ["TQ1", "1", "", (("TID",),)],
    ["RXR", ("PO", "Oral", "HL70162")],
]


def test_hl7apy_has_nothing_to_say_against_what_is_written() -> None:
    message, mapped = read(RDE, ("RDE", "O11", "RDE_O11"))
    assert again(mapped, "MedicationRequest", rde) == segments(message)
    assert problems(message) == []
    assert problems(message.replace(b"||||||UNICODE UTF-8", b"")) == []


def test_hl7apy_finds_what_is_missing() -> None:
    message, _ = read(RDE, ("RDE", "O11", "RDE_O11"))
    assert problems(message.replace(b"RXR|PO^Oral^HL70162", b"RXR")) == ["Missing required child RXR.RXR_1"]
    assert problems(message.replace(b"4711^^^HOSP^MR", b"4711")) == ["Missing required child PID_3.CX_5"]


@pytest.mark.parametrize(
    ("status", "control"),
    [
        ("active", ("NW", "")),
        ("on-hold", ("OH", "HD")),
        ("cancelled", ("OC", "CA")),
        ("stopped", ("OD", "DC")),
        ("completed", ("SC", "CM")),
        ("entered-in-error", ("SC", "ER")),
    ],
)
def test_what_is_no_longer_new_is_told_as_what_happened(status: str, control: tuple[str, str]) -> None:
    _, mapped = read(RDE, ("RDE", "O11", "RDE_O11"))
    request = next(one.resource for one in mapped.entries if one.type_name == "MedicationRequest")
    orc = parse(rde(request | {"status": status}, {}, MAKING, ENVELOPE).message).first("ORC")
    assert orc is not None
    assert (orc.text(1), orc.text(5)) == control


AMOUNT = {"value": 1, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}
OTHER = {"value": 2, "unit": "g", "system": "http://unitsofmeasure.org", "code": "g"}


@pytest.mark.parametrize("status", ["draft", "unknown"])
def test_a_draft_is_not_sent(status: str) -> None:
    with pytest.raises(Hl7Fault) as caught:
        rde({"resourceType": "MedicationRequest", "status": status}, {}, MAKING, ENVELOPE)
    assert caught.value.code == "103"


@pytest.mark.parametrize(
    ("request_part", "place"),
    [
        ({"dosageInstruction": [{"doseAndRate": [{"doseRange": {"low": AMOUNT, "high": OTHER}}]}]}, "RXE-5"),
        ({"dispenseRequest": {"quantity": AMOUNT, "initialFill": {"quantity": OTHER}}}, "RXE-11"),
    ],
)
def test_amounts_of_several_units_are_not_written_as_of_one(request_part: dict[str, Any], place: str) -> None:
    request = {"resourceType": "MedicationRequest", "status": "active", **request_part}
    with pytest.raises(Hl7Fault) as caught:
        rde(request, {}, MAKING, ENVELOPE)
    assert (caught.value.code, caught.value.place) == ("102", place)


def test_what_has_no_field_is_noted() -> None:
    request = {
        "resourceType": "MedicationRequest",
        "status": "active",
        "medicationCodeableConcept": {"text": "a drug"},
        "dosageInstruction": [
            {
                "timing": {"repeat": {"frequency": 1, "frequencyMax": 2, "period": 1, "periodUnit": "d"}},
                "doseAndRate": [{"doseQuantity": {"value": 1}}],
                "maxDosePerPeriod": {"numerator": {"value": 2}, "denominator": {"value": 1, "code": "wk"}},
            },
            {"doseAndRate": [{"doseQuantity": {"value": 2}}]},
        ],
    }
    places = [note.place for note in rde(request, {}, MAKING, ENVELOPE).notes]
    assert sorted(places) == ["RXE", "RXE", "TQ1"]
