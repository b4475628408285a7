"""How versions spell the same thing. Inside Galenic everything is called as version 2017071 calls it.

Reading takes every spelling, whatever version a message says it has: senders mix them. What is written keeps to one.
Sources: the public samples and builders of mcode/request-generator (2017071 and 2022071), NIST's test cases (10.6),
dgoradia/ncpdp and cosyte/ncpdp. The schema of 2023011 is for members of NCPDP; this was not checked against it.
"""

from collections.abc import Mapping
from typing import Final

from mappers.script.kinds import OLD_NAMES
from mappers.script.renaming import ANYWHERE, TEXT, Move, by_element

MEDICATIONS: Final = "MedicationPrescribed|MedicationDispensed|MedicationRequested|MedicationResponse"
PERSONS: Final = "HumanPatient|NonVeterinarian|Veterinarian"
_CODED: Final = "|".join(  # coded leaves that may be sent as a text alone
    """DoseDeliveryMethod DoseUnitOfMeasure RouteOfAdministration SiteOfAdministration FrequencyUnits IntervalUnits
    DurationText IndicationValue IndicationPrecursor AdministrationTimingEvent""".split()
)

# Shapes that senders of every version write beside the one of the samples
_SLOPPY: Final = (
    Move("ProductCode|DrugDBCode|ItemNumber", "@Qualifier", "Qualifier"),
    Move("ProductCode|DrugDBCode|ItemNumber|DEASchedule|StrengthForm|StrengthUnitOfMeasure", TEXT, "Code"),
    Move("QuantityUnitOfMeasure", TEXT, "Text"),
    Move("DateOfBirth|WrittenDate|LastFillDate|ObservationDate|EffectiveDate", TEXT, "Date"),
    Move("Address", "Country", "CountryCode"),
    Move("ProductCode", "NDC", "Code"),
    Move("DrugCoded", "NDC", "ProductCode/Code"),
    Move(MEDICATIONS, "Directions", "Sig/SigText"),
    Move(MEDICATIONS, "Strength", "DrugCoded/Strength"),
    Move(MEDICATIONS, "DrugDBCode", "DrugCoded/DrugDBCode"),
    Move(MEDICATIONS, "Refills/Value", "NumberOfRefills"),
    Move("PrimaryTelephone|HomeTelephone|WorkTelephone|OtherTelephone|Fax", TEXT, "Number"),
    Move("Verify", "VerifyStatus/Code", "Code"),
    Move("Verify", "VerifyStatus/Description", "Description"),
    Move("DoseAdministration", "Dose", "Dosage"),
    Move("Instruction", "RouteOfAdministration", "DoseAdministration/RouteOfAdministration"),
    Move("Instruction", "SiteOfAdministration", "DoseAdministration/SiteOfAdministration"),
    Move("AdministrationTiming", "Text", "AdministrationTimingEvent/Text"),
    Move("Instruction", "AdministrationTiming", "TimingAndDuration/AdministrationTiming"),
    Move("Duration", "Text", "DurationText/Text"),
    Move("Instruction", "Duration", "TimingAndDuration/Duration"),
    Move("Instruction", "Indication", "IndicationForUse/IndicationValue"),
    Move("IndicationForUse", "Indication", "IndicationValue"),
    Move(_CODED, TEXT, "Text"),
    Move("RxRenewalResponse|RxChangeResponse", "Response/Approved/MedicationPrescribed", "MedicationPrescribed"),
    Move(
        "RxRenewalResponse|RxChangeResponse",
        "Response/ApprovedWithChanges/MedicationPrescribed",
        "MedicationPrescribed",
    ),
    Move("RxRenewalResponse|RxChangeResponse", "Response/Replace/MedicationPrescribed", "MedicationPrescribed"),
    Move("RxRenewalResponse|RxChangeResponse", "MedicationPrescribed", "MedicationResponse"),
)

# 2022011 and 2023011
_LATER: Final = (
    Move(ANYWHERE, "Names/Name", "Name"),
    Move("HumanPatient", "GenderAndSex/AdministrativeGender", "Gender"),
    Move(MEDICATIONS, "Product/DrugCoded", "DrugCoded"),
    Move(MEDICATIONS, "Product/DrugDescription", "DrugDescription"),
    Move(MEDICATIONS, "Product/Strength", "DrugCoded/Strength"),
    Move(MEDICATIONS, "Product/DrugDBCode", "DrugCoded/DrugDBCode"),
    Move(MEDICATIONS, "Substitutions/Substitutions", "Substitutions"),
)

# 10.6
_PERSON_PARTS: Final = "Identification Name Gender DateOfBirth Address CommunicationNumbers Specialty".split()
_NUMBERS: Final = {
    "TE": "PrimaryTelephone",
    "HP": "HomeTelephone",
    "WP": "WorkTelephone",
    "FX": "Fax",
    "BN": "Beeper",
}
_10_6: Final = (
    *(Move("CommunicationNumbers", "Communication", name, by) for by, name in _NUMBERS.items()),
    Move("CommunicationNumbers", "Communication", "ElectronicMail", "EM"),
    Move("CommunicationNumbers", "ElectronicMail/Number", "ElectronicMail/#"),
    Move(MEDICATIONS, "Refills", "NumberOfRefills/Value", "R"),
    Move(MEDICATIONS, "NumberOfRefills/Value/Value", "NumberOfRefills/#"),
    *(Move("Patient", name, f"HumanPatient/{name}") for name in _PERSON_PARTS),
    *(Move("Prescriber|Supervisor", name, f"NonVeterinarian/{name}") for name in _PERSON_PARTS),
    Move("Prescriber|Supervisor", "ClinicName", "NonVeterinarian/PracticeLocation/BusinessName"),
    Move("Prescriber", "PrescriberAgent", "NonVeterinarian/PrescriberAgent"),
    Move("Pharmacy", "StoreName", "BusinessName"),
    Move("Address", "State", "StateProvince"),
    Move("Address", "ZipCode", "PostalCode"),
    Move("PayerIdentification", "BINLocationNumber", "IINNumber"),
    Move("DrugCoded", "ProductCodeQualifier", "ProductCode/Qualifier"),
    Move("DrugCoded", "DrugDBCodeQualifier", "DrugDBCode/Qualifier"),
    Move("Strength", TEXT, "StrengthValue"),
    Move("DrugCoded", "FormCode", "Strength/StrengthForm/Code"),
    Move("DrugCoded", "StrengthCode", "Strength/StrengthUnitOfMeasure/Code"),
    Move("Quantity", "PotencyUnitCode", "QuantityUnitOfMeasure/Code"),
    Move("Primary|Secondary", "Value", "Code"),
    Move("Body", "RefillRequest", "RxRenewalRequest"),
    Move("Body", "RefillResponse", "RxRenewalResponse"),
    Move("RxChangeRequest", "Request/ChangeRequestType", "MessageRequestCode"),
    Move("RxChangeRequest", "Request/ChangeRequestCode", "MessageRequestCode"),
)


def _coded(old: str, new: str) -> tuple[Move, ...]:
    """A coded leaf of 10.6 is three elements side by side."""
    return tuple(
        Move("StructuredSIG", f"{old}{ending}", f"{new}/{part}")
        for ending, part in (("Text", "Text"), ("CodeQualifier", "Qualifier"), ("Code", "Code"))
    )


_ADMINISTRATION: Final = "DoseAdministration"
_TIMING: Final = "TimingAndDuration"
_STRUCTURED_SIG: Final = (
    *_coded("Dose/DoseDeliveryMethod", f"{_ADMINISTRATION}/DoseDeliveryMethod"),
    Move("StructuredSIG", "Dose/DoseQuantity", f"{_ADMINISTRATION}/Dosage/DoseQuantity"),
    *_coded("Dose/DoseForm", f"{_ADMINISTRATION}/Dosage/DoseUnitOfMeasure"),
    *_coded("RouteofAdministration/RouteofAdministration", f"{_ADMINISTRATION}/RouteOfAdministration"),
    *_coded("SiteofAdministration/SiteofAdministration", f"{_ADMINISTRATION}/SiteOfAdministration"),
    *_coded("Timing/AdministrationTiming", f"{_TIMING}/AdministrationTiming/AdministrationTimingEvent"),
    Move("StructuredSIG", "Timing/FrequencyNumericValue", f"{_TIMING}/Frequency/FrequencyNumericValue"),
    *_coded("Timing/FrequencyUnits", f"{_TIMING}/Frequency/FrequencyUnits"),
    Move("StructuredSIG", "Timing/IntervalNumericValue", f"{_TIMING}/Interval/IntervalNumericValue"),
    *_coded("Timing/IntervalUnits", f"{_TIMING}/Interval/IntervalUnits"),
    Move("StructuredSIG", "Duration/DurationNumericValue", f"{_TIMING}/Duration/DurationNumericValue"),
    Move("StructuredSIG", "Duration/DurationText", f"{_TIMING}/Duration/DurationText"),
    Move("StructuredSIG", "Duration/DurationTextCodeQualifier", f"{_TIMING}/Duration/DurationText/Qualifier"),
    Move("StructuredSIG", "Duration/DurationTextCode", f"{_TIMING}/Duration/DurationText/Code"),
    *_coded("Indication/IndicationPrecursor", "IndicationForUse/IndicationPrecursor"),
    *_coded("Indication/Indication", "IndicationForUse/IndicationValue"),
    Move("StructuredSIG", "RepeatingSIG/MultipleSigModifier", "MultipleInstructionModifier"),
    Move(MEDICATIONS, "StructuredSIG", "Sig/Instruction"),
)

READING: Final = by_element((*_LATER, *_10_6, *_STRUCTURED_SIG, *_SLOPPY))

# The way out to 2022011 and 2023011; 2017071 is what the tree already has
_TO_LATER: Final = (
    Move(PERSONS, "Name", "Names/Name"),
    Move("Pharmacist|PrescriberAgent", "Name", "Names/Name"),
    Move("HumanPatient", "Gender", "GenderAndSex/AdministrativeGender"),
    Move("Address", "CountryCode", "Country"),
    Move(MEDICATIONS, "DrugCoded", "Product/DrugCoded"),
    Move(MEDICATIONS, "Substitutions", "Substitutions/Substitutions"),
)
_EVERY: Final = (Move("RxChangeResponse", "MedicationResponse", "MedicationPrescribed"),)
WRITING: Final = {
    "2017071": by_element(_EVERY),
    "2022011": by_element((*_EVERY, *_TO_LATER)),
    "2023011": by_element((*_EVERY, *_TO_LATER)),
}

ROOT_ATTRIBUTES: Final = {"2017071": "20170715", "2022011": "2022011", "2023011": "2023011"}
"""What the attributes of the root say of each version that is written."""

NO_PLACE: Final[Mapping[str, tuple[str, ...]]] = {
    "2017071": ("GenderAndSex", "Refills"),
    "2022011": ("Refills",),
    "2023011": ("Refills",),
}
"""Elements that a version does not have."""

ONE_ONLY: Final[Mapping[str, tuple[str, ...]]] = {"2017071": ("Name",), "2022011": (), "2023011": ()}
"""Elements that a version lets stand once where another lets them repeat."""

VALUES: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = {
    "2017071": {"Gender": {"N": "U"}},
    "2022011": {},
    "2023011": {},
}
"""Codes that a version does not have, and the nearest that it has."""

KINDS_WRITTEN: Final[Mapping[str, Mapping[str, str]]] = {
    "2017071": {new: old for old, new in OLD_NAMES.items()},
    "2022011": {},
    "2023011": {},
}
"""Transactions that a version calls by another name."""

VERSIONS: Final = {  # what roots say, in any of their attributes
    "010006": "10.6",
    "10.6": "10.6",
    "2017071": "2017071",
    "20170715": "2017071",
    "2017": "2017071",
    "2022011": "2022011",
    "2022071": "2022011",
    "2023011": "2023011",
    "20230115": "2023011",
    "2024011": "2023011",
}
