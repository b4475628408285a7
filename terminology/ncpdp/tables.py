"""The codes of SCRIPT that are public: NCI's units, forms and schedules, and what they equal elsewhere.

Only true equivalents are given. A tablet is no unit of measure: UCUM has nothing but an annotation for it, so it stays
in NCI's code. SNOMED CT codes are those of the public samples and of the Global Patient Set. Lists of NCPDP's own
(reasons of denial, coverage statuses, errors) are for its members and are not here.
"""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Final

NCIT: Final = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"
SNOMED_CT: Final = "http://snomed.info/sct"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM: Final = "http://unitsofmeasure.org"
ICD_10_CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"

UCUM_OF_NCIT: Final = {
    "C48155": "g",
    "C28253": "mg",
    "C48152": "ug",
    "C28252": "kg",
    "C28254": "mL",
    "C48505": "L",
    "C48512": "meq",
    "C48513": "mmol",
    "C48579": "[iU]",
    "C44278": "U",
    "C67315": "mU",
    "C67310": "10*6.U",
    "C25613": "%",
    "C25301": "d",
    "C29846": "mo",
    "C29848": "a",
    "C49668": "cm",
    "C48500": "[in_i]",
    "C48531": "[lb_av]",
    "C48519": "[oz_av]",
    "C48494": "[foz_us]",
    "C48529": "[pt_us]",
    "C48534": "[qt_us]",
    "C48580": "[gal_us]",
    "C48491": "[drp]",
    "C42576": "mg/mL",
    "C64572": "ug/mL",
    "C67394": "ug/h",
    "C71205": "ug/d",
    "C91131": "mg/(5.mL)",
    "C91132": "ug/(15.mL)",
    "C91135": "ug/(3.d)",
    "C42562": "Bq",
    "C70511": "kBq",
    "C70512": "MBq",
    "C70513": "GBq",
    "C48466": "Ci",
    "C48511": "mCi",
    "C48507": "uCi",
    "C67352": "nCi",
    "C70516": "pCi",
    "C42559": "Cel",
    "C44277": "[degF]",
    "C49670": "mm[Hg]",
    "C49673": "{beats}/min",
    "C49674": "{breaths}/min",
    "C42569": "m2",
}
"""Units of measure. http://unitsofmeasure.org; counted things (tablets, patches) have no entry."""

NCIT_OF_UCUM: Final = {ucum: ncit for ncit, ucum in UCUM_OF_NCIT.items()}

DEA_SCHEDULES: Final = {
    "C48672": "CI",
    "C48675": "CII",
    "C48676": "CIII",
    "C48677": "CIV",
    "C48679": "CV",
}
"""By NCI's code; V is C48679, not the number after IV's. C38046 (unspecified) is no schedule: not controlled."""

UNSPECIFIED: Final = "C38046"

SCHEDULE_SPELLINGS: Final = {
    spelling: code
    for code, spellings in zip(DEA_SCHEDULES, ("I 1", "II 2", "III 3", "IV 4", "V 5"), strict=True)
    for spelling in spellings.split()
}
_SCHEDULE: Final = re.compile(r"(?:DEA)?(?:SCHEDULE)?C?(I{1,3}|IV|V|[1-5])N?(?:SUBSTANCE)?")
"""A schedule without what parts its words: CII, C-2, Schedule II Substance, 2N (not a narcotic)."""

DRUG_DATABASES: Final = {
    "SCD": RXNORM,
    "SBD": RXNORM,
    "GPK": RXNORM,
    "BPK": RXNORM,
    "RXNORM": RXNORM,
}
"""Qualifiers of DrugDBCode that are kinds of RxNorm's names."""

PRODUCT_CODES: Final = {"ND": "http://hl7.org/fhir/sid/ndc"}
"""Qualifiers of ProductCode."""

DIAGNOSES: Final = {"ABF": ICD_10_CM}
"""Qualifiers of Diagnosis."""

SIG_SYSTEMS: Final = {
    "SNOMED": SNOMED_CT,
    "1": SNOMED_CT,
    "DoseUnitOfMeasure": NCIT,
    "NCI": NCIT,
    "FMT": NCIT,
    "2": NCIT,
}
"""Qualifiers of the coded parts of a Sig; 10.6 has numbers."""

PERIODS_OF_SNOMED: Final = {
    "258701004": "min",
    "258702006": "h",
    "258703001": "d",
    "258705008": "wk",
    "258706009": "mo",
    "258707000": "a",
}
"""Units of time of a Sig as UCUM. https://hl7.org/fhir/R4/valueset-units-of-time.html."""

PERIOD_WORDS: Final = {"min": "minute", "h": "hour", "d": "day", "wk": "week", "mo": "month", "a": "year"}
SNOMED_OF_PERIODS: Final = {ucum: snomed for snomed, ucum in PERIODS_OF_SNOMED.items()}

AS_NEEDED: Final = "420449005"
"""SNOMED CT's `as needed for`, which precedes an indication."""

DISPENSE_AS_WRITTEN: Final = {
    "0": "No product selection indicated",
    "1": "Substitution not allowed by prescriber",
    "2": "Patient asked for the brand",
    "3": "Pharmacist chose the brand",
    "4": "Generic not in stock",
    "5": "Brand dispensed as a generic",
    "6": "Override",
    "7": "Brand mandated by law",
    "8": "Generic not available in the marketplace",
    "9": "Plan asks for the brand",
}
"""Claims' reasons for the product that was dispensed (408-D8), in our own words; none equals a code of HL7's."""


@cache
def codes() -> dict[str, dict[str, str]]:
    """Names by code, by element: `codes()["QuantityUnitOfMeasure"]["C48542"]` is `Tablet`."""
    tables: dict[str, dict[str, str]] = json.loads(files(__package__).joinpath("codes.json").read_bytes())
    return tables


@cache
def name(code: str) -> str:
    """What NCPDP calls a code of NCI, whichever element it is used in; "" for what is in none of the tables."""
    return next((table[code] for table in codes().values() if code in table), "")


def schedule(text: str) -> str:
    """NCI's code of a DEA schedule, however it is spelled: `II`, `c-ii`, `2`, `C48675`; another text as it is."""
    said = " ".join(text.split())
    if said.upper() in (UNSPECIFIED, name(UNSPECIFIED).upper()):
        return UNSPECIFIED
    bare = "".join(character for character in said.upper() if character.isalnum())
    found = _SCHEDULE.fullmatch(bare)
    return SCHEDULE_SPELLINGS[found[1]] if found else (bare if bare in DEA_SCHEDULES else said)


def controlled(text: str) -> bool:
    """Whether a text of DEASchedule says a schedule. Only what says for sure that there is none does not."""
    return schedule(text) not in ("", UNSPECIFIED)
