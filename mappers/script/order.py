"""The order elements stand in, as the public samples of 2017071 show it. What is not named here comes last, as it was.

https://github.com/dgoradia/ncpdp, https://github.com/mcode/pims, and VistA's PSOERX routines for what those lack.
"""

from dataclasses import replace
from typing import Final

from mappers.script.tree import Node

_PERSON: Final = """Identification Specialty PracticeLocation Names Name FormerName GenderAndSex Gender DateOfBirth
    Address PrescriberAgent CommunicationNumbers PrescriberPlaceOfService LanguageNameCode""".split()
_TRANSACTION: Final = """RequestReferenceNumber MessageRequestCode MessageRequestSubCode ChangeReasonText
    REMSReferenceID FillStatus Response AllergyOrAdverseEvent BenefitsCoordination Facility Patient Pharmacy
    TransferredToPharmacy Prescriber Supervisor Observation MedicationDispensed MedicationPrescribed MedicationRequested
    MedicationResponse FollowUpPrescriber RxFillIndicator ProhibitRenewalRequest""".split()
_MEDICATION: Final = """DrugDescription Product DrugCoded Quantity DaysSupply WrittenDate LastFillDate Substitutions
    NumberOfRefills Diagnosis PriorAuthorization DrugUseEvaluation DrugCoverageStatusCode Note Sig RxFillIndicator
    PriorAuthorizationStatus PrescriberCheckedREMS OtherMedicationDate CompoundInformation
    PharmacyRequestedRefills""".split()
_SIG: Final = {
    "Sig": "SigText CodeSystem Instruction".split(),
    "Instruction": """DoseAdministration TimingAndDuration IndicationForUse MaximumDoseRestriction
        MultipleInstructionModifier""".split(),
    "DoseAdministration": "DoseDeliveryMethod Dosage RouteOfAdministration SiteOfAdministration".split(),
    "Dosage": "DoseQuantity DoseUnitOfMeasure".split(),
    "IndicationForUse": "IndicationPrecursor IndicationValue".split(),
}
ORDER: Final[dict[str, list[str]]] = {
    "Header": """To From MessageID RelatesToMessageID SentTime Security SenderSoftware Mailbox TestMessage
        RxReferenceNumber PrescriberOrderNumber DigitalSignature""".split(),
    "HumanPatient": _PERSON,
    "NonVeterinarian": _PERSON,
    "Veterinarian": _PERSON,
    "Pharmacy": "Identification Specialty Pharmacist BusinessName Address CommunicationNumbers".split(),
    "Name": "LastName FirstName MiddleName Suffix Prefix".split(),
    "Address": "AddressLine1 AddressLine2 City StateProvince PostalCode Country CountryCode".split(),
    "CommunicationNumbers": """PrimaryTelephone Beeper ElectronicMail Fax HomeTelephone WorkTelephone
        OtherTelephone""".split(),
    "Identification": """NCPDPID StateLicenseNumber MedicareNumber MedicaidNumber DEANumber HIN NPI
        CertificateToPrescribe Data2000WaiverID StateControlSubstanceNumber
        MedicalRecordIdentificationNumberEHR SocialSecurity""".split(),
    "MedicationPrescribed": _MEDICATION,
    "MedicationDispensed": _MEDICATION,
    "MedicationRequested": _MEDICATION,
    "MedicationResponse": _MEDICATION,
    "Product": "DrugCoded".split(),
    "DrugCoded": "ProductCode Strength DrugDBCode DEASchedule".split(),
    "Strength": "StrengthValue StrengthForm StrengthUnitOfMeasure".split(),
    "ProductCode": "Code Qualifier".split(),
    "DrugDBCode": "Code Qualifier".split(),
    "Quantity": "Value CodeListQualifier QuantityUnitOfMeasure".split(),
    "Diagnosis": "ClinicalInformationQualifier Primary Secondary".split(),
    "Primary": "Code Qualifier Description".split(),
    "Secondary": "Code Qualifier Description".split(),
    "OtherMedicationDate": "OtherMedicationDate OtherMedicationDateQualifier".split(),
    "BenefitsCoordination": """PayerIdentification PayerName CardholderID CardHolderName GroupID GroupName
        PBMMemberID""".split(),
    **_SIG,
}


def ordered(node: Node) -> Node:
    names = ORDER.get(node.name) or (_TRANSACTION if any(one.name == "Patient" for one in node.children) else [])
    places = {name: place for place, name in enumerate(names)}
    children = sorted(map(ordered, node.children), key=lambda child: places.get(child.name, len(places)))
    return replace(node, children=tuple(children))
