"""The table of elements in the documentation is the one the code has."""

from pathlib import Path

import pytest

from mappers.script.benefits_rows import CLASS_CODES, COVERAGE
from mappers.script.kinds import KINDS
from mappers.script.medication_rows import DATES, MEDICATION_DISPENSE, MEDICATION_REQUEST
from mappers.script.person_rows import FACILITY, LOCATION, PATIENT, PHARMACY, PRACTICE, PRACTITIONER, ROLE
from mappers.script.rows import Row

PAGES = Path(__file__).parents[4] / "docs" / "messages" / "script"
ELEMENTS = PAGES / "elements.md"
TABLES: dict[str, tuple[str, tuple[Row, ...]]] = {
    "Patient/HumanPatient": ("Patient", PATIENT),
    "Prescriber/NonVeterinarian": ("Practitioner", PRACTITIONER),
    "Prescriber/NonVeterinarian ": ("PractitionerRole", ROLE),
    "Prescriber/NonVeterinarian  ": ("Organization", PRACTICE),
    "Prescriber/NonVeterinarian   ": ("Location", LOCATION),
    "Pharmacy": ("Organization", PHARMACY),
    "Facility": ("Organization", FACILITY),
    "BenefitsCoordination": ("Coverage", COVERAGE),
    "MedicationPrescribed": ("MedicationRequest", MEDICATION_REQUEST),
    "MedicationDispensed": ("MedicationDispense", MEDICATION_DISPENSE),
}
"""Rows by the element they are below; spaces tell apart what one element becomes several of."""


def lines() -> list[str]:
    rows = [
        f"| {below.strip()}/{row.script} | {type_name}.{row.fhir} |"
        for below, (type_name, table) in TABLES.items()
        for row in table
    ]
    rows += [f"| BenefitsCoordination/{path} | Coverage.class of type {code} |" for path, code in CLASS_CODES.items()]
    dates = [(name, f"MedicationRequest.dispenseRequest.{path}") for name, path in DATES.items()]
    return rows + [f"| MedicationPrescribed/OtherMedicationDate, {name} | {path} |" for name, path in dates]


def test_every_row_is_in_the_table_and_nothing_else_is() -> None:
    said = [line for line in ELEMENTS.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and "/" in line]
    assert said == lines()


@pytest.mark.parametrize("page", sorted(path.name for path in PAGES.glob("*.md")))
def test_every_page_says_what_is_not_supported(page: str) -> None:
    assert "Not supported" in (PAGES / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["reading", "new-rx", "requests", "rx-fill", "transfers", "others", "elements"])
def test_every_page_of_a_message_says_that_the_later_versions_were_not_verified(page: str) -> None:
    text = " ".join((PAGES / f"{page}.md").read_text(encoding="utf-8").split())
    assert "not verified against the licensed schema" in text


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_transaction_has_a_page(kind: str) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in PAGES.glob("*.md"))
    assert f"`{kind}`" in text
