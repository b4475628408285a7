"""Code tables of HL7 v2 and what they are in FHIR R4. Codes that are not here stay as their sender's own.

The pairs are those of the concept maps of the v2-to-FHIR guide (https://build.fhir.org/ig/HL7/v2-to-fhir/).
"""

from typing import Final

V2: Final = "http://terminology.hl7.org/CodeSystem/v2-"
V3_ACT: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
V3_MARITAL: Final = "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"
V3_NULL: Final = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
V3_ROLE: Final = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
V3_INTERPRETATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
V3_PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"

Coded = tuple[str, str, str]
"""System, code, display."""

SEX: Final = {
    "F": "female",
    "M": "male",
    "O": "other",
    "U": "unknown",
    "A": "other",
    "N": "other",
}
"""0001 to Patient.gender."""

NAME_USE: Final = {
    "BAD": "old",
    "D": "usual",
    "L": "official",
    "M": "maiden",
    "MSK": "anonymous",
    "N": "nickname",
    "NAV": "temp",
    "NOUSE": "old",
    "R": "official",
    "TEMP": "temp",
}
"""0200 to HumanName.use."""

ADDRESS_USE: Final = {"BA": "old", "BI": "billing", "C": "temp", "B": "work", "H": "home", "O": "work"}
"""0190 to Address.use."""
ADDRESS_TYPE: Final = {"M": "postal", "SH": "postal"}
"""0190 to Address.type."""

TELECOM_USE: Final = {"PRN": "home", "WPN": "work", "PRS": "mobile", "ORN": "home", "VHN": "temp"}
"""0201 to ContactPoint.use."""
TELECOM_SYSTEM: Final = {
    "PH": "phone",
    "CP": "phone",
    "FX": "fax",
    "MD": "other",
    "SAT": "other",
    "BP": "pager",
    "INTERNET": "email",
    "X.400": "email",
    "TDD": "other",
    "TTY": "other",
}
"""0202 to ContactPoint.system; a `CP` is a mobile one by its use."""

MARITAL_STATUS: Final[dict[str, Coded]] = {
    "A": (V3_MARITAL, "L", "Legally Separated"),
    "B": (V3_MARITAL, "U", "unmarried"),
    "C": (V3_MARITAL, "C", "Common Law"),
    "D": (V3_MARITAL, "D", "Divorced"),
    "E": (V3_MARITAL, "L", "Legally Separated"),
    "G": (V3_MARITAL, "T", "Domestic partner"),
    "I": (V3_MARITAL, "I", "Interlocutory"),
    "M": (V3_MARITAL, "M", "Married"),
    "N": (V3_MARITAL, "A", "Annulled"),
    "O": (V3_NULL, "OTH", "other"),
    "P": (V3_MARITAL, "T", "Domestic partner"),
    "R": (V3_MARITAL, "T", "Domestic partner"),
    "S": (V3_MARITAL, "S", "Never Married"),
    "T": (V3_NULL, "NAVU", "Not available"),
    "U": (V3_NULL, "UNK", "unknown"),
    "W": (V3_MARITAL, "W", "Widowed"),
}
"""0002 to Patient.maritalStatus."""

RELATIONSHIP: Final[dict[str, Coded]] = {
    "SEL": (V3_ROLE, "ONESELF", "self"),
    "SPO": (V3_ROLE, "SPS", "spouse"),
    "DOM": (V3_ROLE, "SIGOTHR", "significant other"),
    "CHD": (V3_ROLE, "CHILD", "child"),
    "GCH": (V3_ROLE, "GRNDCHILD", "grandchild"),
    "NCH": (V3_ROLE, "NCHILD", "natural child"),
    "SCH": (V3_ROLE, "STPCHLD", "step child"),
    "FCH": (V3_ROLE, "CHLDFOST", "foster child"),
    "PAR": (V3_ROLE, "PRN", "parent"),
    "MTH": (V3_ROLE, "MTH", "mother"),
    "FTH": (V3_ROLE, "FTH", "father"),
    "GRP": (V3_ROLE, "GRPRN", "grandparent"),
    "EXF": (V3_ROLE, "EXT", "extended family member"),
    "SIB": (V3_ROLE, "SIB", "sibling"),
    "BRO": (V3_ROLE, "BRO", "brother"),
    "SIS": (V3_ROLE, "SIS", "sister"),
    "FND": (V3_ROLE, "FRND", "unrelated friend"),
    "EMR": (f"{V2}0131", "E", "Employer"),
    "EMC": (f"{V2}0131", "C", "Emergency Contact"),
    "UNK": (f"{V2}0131", "U", "Unknown"),
    "OTH": (f"{V2}0131", "O", "Other"),
    **{
        code: (f"{V2}0063", code, display)
        for code, display in {
            "DEP": "Handicapped dependent",
            "WRD": "Ward of court",
            "CGV": "Care giver",
            "GRD": "Guardian",
            "OAD": "Other adult",
            "EME": "Employee",
            "ASC": "Associate",
            "OWN": "Owner",
            "TRA": "Trainer",
            "MGR": "Manager",
            "NON": "None",
        }.items()
    },
}
"""0063 to RelatedPerson.relationship and Coverage.relationship."""

CONTACT_ROLE: Final[dict[str, Coded]] = {
    code: (f"{V2}0131", code, display)
    for code, display in {
        "E": "Employer",
        "C": "Emergency Contact",
        "F": "Federal Agency",
        "I": "Insurance Company",
        "N": "Next-of-Kin",
        "S": "State Agency",
        "O": "Other",
        "U": "Unknown",
    }.items()
}
"""0131."""

PATIENT_CLASS: Final[dict[str, Coded]] = {
    "E": (V3_ACT, "EMER", "emergency"),
    "I": (V3_ACT, "IMP", "inpatient encounter"),
    "O": (V3_ACT, "AMB", "ambulatory"),
    "P": (V3_ACT, "PRENC", "pre-admission"),
    **{
        code: (f"{V2}0004", code, display)
        for code, display in {
            "R": "Recurring patient",
            "B": "Obstetrics",
            "C": "Commercial Account",
            "N": "Not Applicable",
            "U": "Unknown",
        }.items()
    },
}
"""0004 to Encounter.class."""

ENCOUNTER_STATUS: Final = {"P": "planned", "U": "unknown"} | dict.fromkeys("EIORBCN", "in-progress")
"""0004 to Encounter.status, where no event says more."""

ADMISSION_TYPE: Final[dict[str, Coded]] = {
    code: (f"{V2}0007", code, display)
    for code, display in {
        "A": "Accident",
        "E": "Emergency",
        "L": "Labor and Delivery",
        "R": "Routine",
        "N": "Newborn (Birth in healthcare facility)",
        "U": "Urgent",
        "C": "Elective",
    }.items()
}
"""0007 to Encounter.type."""

V3_PRIORITY: Final = "http://terminology.hl7.org/CodeSystem/v3-ActPriority"
PRIORITY: Final[dict[str, Coded]] = {
    "1": (V3_PRIORITY, "EM", "emergency"),
    "2": (V3_PRIORITY, "UR", "urgent"),
    "3": (V3_PRIORITY, "EL", "elective"),
}
"""0217 to Encounter.priority."""

ALLERGY_CATEGORY: Final = {
    "DA": "medication",
    "FA": "food",
    "EA": "environment",
    "AA": "biologic",
    "PA": "environment",
    "LA": "environment",
}
"""0127 to AllergyIntolerance.category; MA and MC are of none."""
ALLERGY_TYPE: Final = dict.fromkeys(("DA", "FA", "MA", "EA", "AA", "PA", "LA"), "allergy")
"""0127 to AllergyIntolerance.type; a contraindication (MC) is neither allergy nor intolerance."""
ALLERGY_SEVERITY: Final = {"SV": "severe", "MO": "moderate", "MI": "mild"}
"""0128 to AllergyIntolerance.reaction.severity."""
ALLERGY_CRITICALITY: Final = {"SV": "high", "MI": "low", "U": "unable-to-assess"}
"""0128 to AllergyIntolerance.criticality."""

OBSERVATION_STATUS: Final = {
    "A": "amended",
    "B": "amended",
    "C": "corrected",
    "D": "entered-in-error",
    "F": "final",
    "I": "registered",
    "N": "final",
    "O": "registered",
    "P": "preliminary",
    "R": "preliminary",
    "S": "preliminary",
    "U": "final",
    "V": "final",
    "W": "entered-in-error",
    "X": "cancelled",
}
"""0085 to Observation.status; the guide leaves B, I, N, O, R, S, U and V to whoever implements it."""

DIAGNOSIS_ROLE: Final = "http://terminology.hl7.org/CodeSystem/diagnosis-role"
DIAGNOSIS_USE: Final[dict[str, Coded]] = {
    "A": (DIAGNOSIS_ROLE, "AD", "Admission diagnosis"),
    "W": (f"{V2}0052", "W", "Working"),
    "F": (f"{V2}0052", "F", "Final"),
}
"""0052 to Encounter.diagnosis.use."""

YES_NO: Final = {"Y": True, "N": False}
"""0136."""

IDENTIFIER_TYPES: Final = frozenset(
    """AC ACSN AIN AM AMA AN ANC AND ANON ANT APRN ASID BA BC BCFN BCT BR BRN BSNR CAII CC CONM CY CZ DC DCFN DDS DEA
    DFN DI DL DN DO DP DPM DR DS DSG EI EN ESN FDR FDRFN FGN FI FILL GI GL GN HC IND IRISTEM JHN LACSN LANR LI L&I LN
    LR MA MB MC MCD MCN MCR MCT MD MI MR MRT MS MT NBSNR NCT NE NH NI NII NIIP NP NPI OBI OD PA PC PCN PE PEN PGN PHC
    PHE PHO PI PIN PLAC PN PNT PPIN PPN PRC PRN PT QA RI RN RPH RR RRI RRP SAMN SB SID SL SN SNBSN SNO SP SR SRX SS STN
    TAX TN TPR TRL U UDI UPIN USID VN VP VS WC WCN WP XV XX""".split()
)
"""0203, https://terminology.hl7.org/CodeSystem-v2-0203.html."""

CDC: Final = "urn:oid:2.16.840.1.113883.6.238"
"""Race and ethnicity, https://terminology.hl7.org/CodeSystem-CDCREC.html, as US Core has it."""
CODE_SYSTEMS: Final = {
    "RXNORM": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "RXN": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "NDC": "http://hl7.org/fhir/sid/ndc",
    "SCT": "http://snomed.info/sct",
    "SCT2": "http://snomed.info/sct",
    "SNOMED": "http://snomed.info/sct",
    "SNOMED-CT": "http://snomed.info/sct",
    "SNOMEDCT": "http://snomed.info/sct",
    "LN": "http://loinc.org",
    "LOINC": "http://loinc.org",
    "UCUM": "http://unitsofmeasure.org",
    "CVX": "http://hl7.org/fhir/sid/cvx",
    "MVX": "http://hl7.org/fhir/sid/mvx",
    "I9": "http://hl7.org/fhir/sid/icd-9-cm",
    "I9C": "http://hl7.org/fhir/sid/icd-9-cm",
    "I9CDX": "http://hl7.org/fhir/sid/icd-9-cm",
    "ICD9": "http://hl7.org/fhir/sid/icd-9-cm",
    "ICD-9": "http://hl7.org/fhir/sid/icd-9-cm",
    "I10": "http://hl7.org/fhir/sid/icd-10",
    "ICD10": "http://hl7.org/fhir/sid/icd-10",
    "ICD-10": "http://hl7.org/fhir/sid/icd-10",
    "I10C": "http://hl7.org/fhir/sid/icd-10-cm",
    "ICD-10-CM": "http://hl7.org/fhir/sid/icd-10-cm",
    "ICD10CM": "http://hl7.org/fhir/sid/icd-10-cm",
    "C4": "http://www.ama-assn.org/go/cpt",
    "CPT4": "http://www.ama-assn.org/go/cpt",
    "CPT": "http://www.ama-assn.org/go/cpt",
    "HCPCS": "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "ATC": "http://www.whocc.no/atc",
    "WC": "http://www.whocc.no/atc",
    "UNII": "http://fdasis.nlm.nih.gov",
    "FDDC": "http://terminology.hl7.org/CodeSystem/FDDC",
    "NDFRT": "http://hl7.org/fhir/ndfrt",
    "ISO639": "urn:ietf:bcp:47",
    "ISO639-1": "urn:ietf:bcp:47",
    "CDCREC": CDC,
    "NUCC": "http://nucc.org/provider-taxonomy",
}
"""0396 and names that are often sent for those in it, by upper case."""

OIDS: Final = {
    "2.16.840.1.113883.4.1": "http://hl7.org/fhir/sid/us-ssn",
    "2.16.840.1.113883.4.6": "http://hl7.org/fhir/sid/us-npi",
    "2.16.840.1.113883.6.1": "http://loinc.org",
    "2.16.840.1.113883.6.8": "http://unitsofmeasure.org",
    "2.16.840.1.113883.6.12": "http://www.ama-assn.org/go/cpt",
    "2.16.840.1.113883.6.69": "http://hl7.org/fhir/sid/ndc",
    "2.16.840.1.113883.6.88": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "2.16.840.1.113883.6.90": "http://hl7.org/fhir/sid/icd-10-cm",
    "2.16.840.1.113883.6.96": "http://snomed.info/sct",
    "2.16.840.1.113883.6.3": "http://hl7.org/fhir/sid/icd-10",
    "2.16.840.1.113883.6.103": "http://hl7.org/fhir/sid/icd-9-cm",
    "2.16.840.1.113883.12.292": "http://hl7.org/fhir/sid/cvx",
}
"""OIDs that FHIR names by a URI of its own: https://hl7.org/fhir/R4/terminologies-systems.html."""

IDENTIFIER_SYSTEMS: Final = {
    "NPI": "http://hl7.org/fhir/sid/us-npi",
    "SS": "http://hl7.org/fhir/sid/us-ssn",
    "DEA": "urn:oid:2.16.840.1.113883.4.814",
    "MCR": "http://hl7.org/fhir/sid/us-medicare",
    "MC": "http://hl7.org/fhir/sid/us-medicare",
}
"""Type codes (0203) whose numbers are given out by one authority: https://hl7.org/fhir/R4/identifier-registry.html."""
