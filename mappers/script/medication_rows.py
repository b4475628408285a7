"""Facts of a medication as it is prescribed, proposed or dispensed.

https://hl7.org/fhir/R4/medicationrequest.html. R4's own mapping of SCRIPT is shifted by one row inside dispenseRequest
(it has the quantity where the number of refills belongs, and so on); these rows are not taken from it.
"""

from typing import Final

from mappers.script.rows import EXTENSION, Row, extension
from mappers.script.values import DAY, INTEGER, MOMENT, NUMBER, SUBSTITUTIONS
from terminology.ncpdp.tables import UCUM

_ACCORDING_TO: Final = (
    extension("DrugCoverageStatusCode", "valueCode"),
    extension("PriorAuthorization"),
    extension("PriorAuthorizationStatus", "valueCode"),
    extension("PrescriberCheckedREMS", "valueCode"),
    extension("OfficeOfPharmacyAffairsID"),
    extension("RxFillIndicator"),
    extension("Refills/Qualifier", "valueCode"),
    extension("Diagnosis/ClinicalInformationQualifier", "valueCode"),
    extension("PharmacyRequestedRefills", "valueInteger", INTEGER),
)


def _days(path: str) -> Row:
    along = ((f"{path}.unit", "days"), (f"{path}.system", UCUM), (f"{path}.code", "d"))
    return Row("DaysSupply", f"{path}.value", NUMBER, along)


MEDICATION_REQUEST: Final = (
    Row("WrittenDate/Date", "authoredOn", DAY),
    Row("WrittenDate/DateTime", "authoredOn", MOMENT),
    _days("dispenseRequest.expectedSupplyDuration"),
    Row("NumberOfRefills", "dispenseRequest.numberOfRepeatsAllowed", INTEGER),
    Row("Substitutions", "substitution.allowedBoolean", SUBSTITUTIONS),
    Row("Note", "note[0].text"),
    *_ACCORDING_TO,
)

MEDICATION_DISPENSE: Final = (
    _days("daysSupply"),
    Row("LastFillDate/Date", "whenHandedOver", DAY),
    Row("LastFillDate/DateTime", "whenHandedOver", MOMENT),
    Row("Note", "note[0].text"),
    extension("NumberOfRefills", "valueInteger", INTEGER),
    extension("Substitutions", "valueBoolean", SUBSTITUTIONS),
    extension("PharmacyRequestedRefills", "valueInteger", INTEGER),
    extension("WrittenDate/Date", "valueDate", DAY),
    extension("DrugCoverageStatusCode", "valueCode"),
)

DATES: Final = {"EffectiveDate": "validityPeriod.start", "ExpirationDate": "validityPeriod.end"}
"""OtherMedicationDate, by its qualifier, within dispenseRequest."""

ORIGINAL: Final = "38"
"""Quantity/CodeListQualifier of nearly everything; it says no more than that this is the quantity."""
QUALIFIER: Final = f"extension[url={EXTENSION}Quantity-CodeListQualifier].valueCode"
SUFFICIENT: Final = "QS"
"""Quantity/CodeListQualifier that leaves the quantity to the pharmacist."""

HL7_SCHEDULE: Final = "http://terminology.hl7.org/CodeSystem/v2-0477"
"""System of a schedule as HL7 v2 says it: `II`."""
SCHEDULE: Final = f"{EXTENSION}DEASchedule"
"""System of what DEASchedule says that is none of NCI's schedules."""
