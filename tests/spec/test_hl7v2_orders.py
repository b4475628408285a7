"""Every real order, dispense, administration and query is answered as the tables beside this file say, and is R4.

The tables were made from the text of the messages by the rules of docs/messages/hl7v2, before they were mapped: one of
the answers, one of what each pharmacy message becomes with its drug, dose, amount, refills and status.
"""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from fhir_server.errors import Issue
from fhir_server.model.definitions import load_definitions
from fhir_server.model.parser import parse as parse_json
from fhir_server.validation.validator import Validator
from mappers.hl7v2.dispense_history import query_of
from mappers.hl7v2.faults import APPLICATION_ERROR, Hl7Fault
from mappers.hl7v2.message import parse, parse_all
from mappers.hl7v2.replies import reply
from mappers.hl7v2.to_fhir.convert import to_fhir
from mappers.making import Making
from mappers.mapped import Entry, Mapped
from tests.conftest import CORPUS

pytestmark = pytest.mark.corpus

MESSAGES = CORPUS / "pharmacy/hl7v2"
FOLDERS = ("OMP", "ORM", "RDE", "RDS", "RGV", "RAS", "QBP")
NOW = datetime(2026, 11, 2, 14, 30, tzinfo=UTC)
MAKING = Making("north", NOW, UUID(int=7), ZoneInfo("America/New_York"))
TYPES = ("MedicationRequest", "MedicationDispense", "MedicationAdministration", "Task")


class Expected(NamedTuple):
    file: str
    part: str
    code: str
    error: str
    place: str
    reason: str


class Element(NamedTuple):
    file: str
    part: str
    resource: str
    code: str
    dose: str
    quantity: str
    refills: str
    status: str


def rows(name: str) -> list[list[str]]:
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]


def expected() -> list[Expected]:
    return [Expected(*row) for row in rows("hl7v2_orders.tsv")]


@cache
def answered(file: str, part: str) -> Mapped | Hl7Fault | str:
    raw = parse_all((MESSAGES / file).read_bytes())[int(part) - 1]
    try:
        message = parse(raw)
        return query_of(message, MAKING) if message.kind.startswith("QBP") else to_fhir(message, MAKING)
    except Hl7Fault as fault:
        return fault


def the_code(answer: Mapped | Hl7Fault | str) -> tuple[str, str, str]:
    if isinstance(answer, Hl7Fault):
        return "AR" if answer.reject else "AE", answer.code, answer.place
    return "AA", "", ""


def number(value: Any) -> str:
    return "" if value is None else str(value)


def dose_of(resource: Any) -> str:
    """`1`, or `1-2` of a range."""
    dosage = next(iter(resource.get("dosageInstruction", ())), {})
    rate = next(iter(dosage.get("doseAndRate", ())), {})
    span = rate.get("doseRange", {})
    amount = rate.get("doseQuantity") or resource.get("dosage", {}).get("dose") or {}
    both = [number(span[part]["value"]) for part in ("low", "high") if part in span]
    return "-".join(both) or number(amount.get("value"))


def elements(file: str, part: str) -> Iterator[Element]:
    mapped = answered(file, part)
    assert isinstance(mapped, Mapped)
    names = {one.full_url: one.resource for one in mapped.entries}
    for entry in mapped.entries:
        if entry.type_name in TYPES and entry.how != "find":
            yield element(file, part, entry, names)


def element(file: str, part: str, entry: Entry, names: dict[str, Any]) -> Element:
    one = entry.resource
    medication = names.get(one.get("medicationReference", {}).get("reference"), {})
    concept = one.get("medicationCodeableConcept") or medication.get("code") or one.get("code", {})
    code = next((coding["code"] for coding in concept.get("coding", ())), concept.get("text", ""))
    request = one.get("dispenseRequest", {})
    amount = one.get("quantity") or request.get("quantity") or {}
    extension = next((x["valueUnsignedInt"] for x in one.get("extension", ()) if "remaining" in x["url"]), None)
    refills = extension if entry.type_name == "MedicationDispense" else request.get("numberOfRepeatsAllowed")
    quantity, repeats = number(amount.get("value")), number(refills)
    return Element(file, part, entry.type_name, code, dose_of(one), quantity, repeats, one["status"])


def same(row: Element) -> Element:
    """As it is compared: `0.2500` is 0.25, and codes of drugs are NDCs in eleven digits where they are NDCs."""
    dose = str(float(row.dose)).removesuffix(".0") if row.dose and "-" not in row.dose else row.dose
    return row._replace(dose=dose)


def test_the_table_has_every_message_of_the_corpus() -> None:
    files = sorted(path for folder in FOLDERS for path in (MESSAGES / folder).iterdir())
    found = {(f"{p.parent.name}/{p.name}", str(n)) for p in files for n, _ in enumerate(parse_all(p.read_bytes()), 1)}
    assert {(row.file, row.part) for row in expected()} == found


def test_every_message_is_answered_as_the_table_says() -> None:
    wrong = [
        (row, found)
        for row in expected()
        if (found := the_code(answered(row.file, row.part))) != (row.code, row.error, row.place)
    ]
    assert wrong == []


def test_no_message_is_an_application_error_and_each_that_is_refused_has_a_reason() -> None:
    assert [row for row in expected() if row.error == APPLICATION_ERROR] == []
    assert [row for row in expected() if (row.code == "AA") == bool(row.reason)] == []


def test_every_pharmacy_message_becomes_what_the_table_says() -> None:
    told = [same(Element(*row)) for row in rows("hl7v2_orders_elements.tsv")]
    taken = [row for row in expected() if row.code == "AA"]
    found = [same(one) for row in taken for one in elements(row.file, row.part)]
    pharmacy = {row.file for row in told}
    drafts = [one for one in found if one.file in pharmacy and not (one.resource == "Task" and one.code == "approve")]
    assert sorted(drafts) == sorted(told)


def test_every_pharmacy_message_that_is_taken_is_in_the_table() -> None:
    told = {row[0] for row in rows("hl7v2_orders_elements.tsv")}
    drugs = {
        row.file
        for row in expected()
        if row.code == "AA" and any(one.resource.startswith("Medication") for one in elements(row.file, row.part))
    }
    assert drugs <= told


def test_whatever_a_message_becomes_is_valid_r4() -> None:
    validator = Validator(load_definitions())

    def errors(resource: Any) -> list[Issue]:
        found = validator.validate(parse_json(json.dumps(resource).encode(), 50))
        return [issue for issue in found if issue.severity == "error"]

    wrong = [
        (row.file, entry.type_name, issue.expression, issue.diagnostics)
        for row in expected()
        if isinstance(answer := answered(row.file, row.part), Mapped)
        for entry in answer.entries
        if entry.how != "find" and not is_known(entry, answer)
        for issue in errors(entry.resource)
    ]
    assert wrong == []


def is_known(entry: Entry, answer: Mapped) -> bool:
    """Whether it changes what has to be there, and need not be whole."""
    known = [(one.type_name, one.condition) for one in answer.entries if one.how == "find"]
    return entry.how == "merge" and (entry.type_name, entry.condition) in known


def test_every_message_that_is_taken_has_a_reply_with_each_of_its_orders() -> None:
    for row in expected():
        if row.code == "AA":
            message = parse(parse_all((MESSAGES / row.file).read_bytes())[int(row.part) - 1])
            answer = parse(reply(message, (), {}, now=NOW, control_id="R1"))
            numbers = [(one.text(2), one.text(3)) for one in answer.all("ORC")]
            assert numbers == [(one.text(2), one.text(3)) for one in message.all("ORC")], row.file
