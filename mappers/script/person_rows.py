"""Facts of people and places: patients, prescribers, pharmacies.

https://hl7.org/fhir/R4/patient.html, https://hl7.org/fhir/R4/practitioner.html, https://hl7.org/fhir/R4/organization.html
"""

from typing import Final

from mappers.script.rows import Row, extension, identifier
from mappers.script.values import DATE, GENDER

NPI: Final = "http://hl7.org/fhir/sid/us-npi"
DEA: Final = "urn:oid:2.16.840.1.113883.4.814"
NCPDP: Final = "http://terminology.hl7.org/CodeSystem/NCPDPProviderIdentificationNumber"
SSN: Final = "http://hl7.org/fhir/sid/us-ssn"
TAXONOMY: Final = "http://nucc.org/provider-taxonomy"
OWN_RECORD: Final = "@MedicalRecordIdentificationNumberEHR"

NAME: Final = (
    Row("Name/LastName", "name[0].family"),
    Row("Name/FirstName", "name[0].given[0]"),
    Row("Name/MiddleName", "name[0].given[1]"),
    Row("Name/Suffix", "name[0].suffix[0]"),
    Row("Name/Prefix", "name[0].prefix[0]"),
)


def address(path: str = "address[0]") -> tuple[Row, ...]:
    parts = (
        ("AddressLine1", "line[0]"),
        ("AddressLine2", "line[1]"),
        ("City", "city"),
        ("StateProvince", "state"),
        ("PostalCode", "postalCode"),
        ("CountryCode", "country"),
    )
    return tuple(Row(f"Address/{script}", f"{path}.{fhir}") for script, fhir in parts)


TELECOM: Final = (
    Row("CommunicationNumbers/PrimaryTelephone/Number", "telecom[system=phone,rank=1].value"),
    Row("CommunicationNumbers/HomeTelephone/Number", "telecom[system=phone,use=home].value"),
    Row("CommunicationNumbers/WorkTelephone/Number", "telecom[system=phone,use=work].value"),
    Row("CommunicationNumbers/OtherTelephone/Number", "telecom[system=phone,use=temp].value"),
    Row("CommunicationNumbers/Beeper/Number", "telecom[system=pager].value"),
    Row("CommunicationNumbers/Fax/Number", "telecom[system=fax].value"),
    Row("CommunicationNumbers/ElectronicMail", "telecom[system=email].value"),
)

PATIENT: Final = (
    identifier("Identification/MedicalRecordIdentificationNumberEHR", OWN_RECORD, "MR"),
    identifier("Identification/SocialSecurity", SSN, "SS"),
    identifier("Identification/MedicaidNumber", "@MedicaidNumber", "MA"),
    identifier("Identification/MedicareNumber", "@MedicareNumber", "MC"),
    *NAME,
    Row("Gender", "gender", GENDER),
    Row("DateOfBirth/Date", "birthDate", DATE),
    *address(),
    *TELECOM,
    Row("LanguageNameCode", "communication[0].language.text"),
)

_LICENCES: Final = (
    identifier("Identification/NPI", NPI, "NPI"),
    identifier("Identification/DEANumber", DEA, "DEA"),
    identifier("Identification/StateLicenseNumber", "@StateLicenseNumber", "SL"),
)

PRACTITIONER: Final = (
    *_LICENCES,
    identifier("Identification/StateControlSubstanceNumber", "@StateControlSubstanceNumber"),
    identifier("Identification/CertificateToPrescribe", "@CertificateToPrescribe"),
    identifier("Identification/Data2000WaiverID", "@Data2000WaiverID"),
    identifier("Identification/MedicaidNumber", "@MedicaidNumber"),
    identifier("Identification/MedicareNumber", "@MedicareNumber"),
    *NAME,
)

ROLE: Final = (
    Row(
        "Specialty",
        "specialty[0].coding[0].code",
        along=(("specialty[0].coding[0].system", TAXONOMY),),
    ),
    extension("PrescriberPlaceOfService"),
    *TELECOM,
)

PRACTICE: Final = (
    Row("PracticeLocation/BusinessName", "name"),
    identifier("PracticeLocation/Identification/NCPDPID", NCPDP),
)

LOCATION: Final = address("address")

PHARMACY: Final = (
    identifier("Identification/NCPDPID", NCPDP),
    *_LICENCES,
    Row("BusinessName", "name"),
    *address(),
    *TELECOM,
    Row("Pharmacist/Name/LastName", "contact[0].name.family"),
    Row("Pharmacist/Name/FirstName", "contact[0].name.given[0]"),
)

FACILITY: Final = (
    identifier("Identification/NPI", NPI, "NPI"),
    identifier("Identification/NCPDPID", NCPDP),
    Row("FacilityName", "name"),
    *address(),
    *TELECOM,
)
