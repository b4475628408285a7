"""Facts of a patient's coverage. https://hl7.org/fhir/R4/coverage.html."""

from typing import Final

from mappers.script.rows import Row, identifier

COVERAGE: Final = (
    Row("CardholderID", "subscriberId"),
    Row("PayerName", "payor[0].display"),
    identifier("PBMMemberID", "@PBMMemberID", "MB"),
)

CLASSES: Final = "http://terminology.hl7.org/CodeSystem/coverage-class"
CLASS_CODES: Final = {
    "PayerIdentification/IINNumber": "rxbin",
    "PayerIdentification/ProcessorIdentificationNumber": "rxpcn",
    "GroupID": "rxgroup",
}
"""Classes of a coverage, which R4 tells apart by a coded type that no row can name."""
