"""Tables of the pharmacy segments and what FHIR calls their codes. https://terminology.hl7.org/codesystems-v2.html."""

from typing import Final

V2: Final = "http://terminology.hl7.org/CodeSystem/v2-"
SUBSTITUTION: Final = "http://terminology.hl7.org/CodeSystem/v3-substanceAdminSubstitution"

PRIORITY: Final = {"S": "stat", "A": "asap", "R": "routine"}
"""Table 0485 to request-priority; the other codes of the table have no equal."""

ALLOWED: Final = {
    "N": ("N", "none", "Substitutions are NOT authorized."),
    "G": ("G", "generic composition", "Allow generic substitutions."),
    "T": ("TE", "therapeutic alternative", "Allow therapeutic substitutions"),
}
"""Table 0161 (RXO-9, what the prescriber allows) to substanceAdminSubstitution: code, its display, display in 0161."""

SUBSTITUTED: Final = {
    "N": (False, "N", "none", "No substitute was dispensed."),
    "G": (True, "G", "generic composition", "A generic substitution was dispensed."),
    "T": (True, "TE", "therapeutic alternative", "A therapeutic substitution was dispensed."),
    "0": (False, "", "", "No product selection indicated"),
    "1": (False, "", "", "Substitution not allowed by prescriber"),
    "2": (False, "", "", "Substitution allowed - patient requested product dispensed"),
    "3": (False, "", "", "Substitution allowed - pharmacist selected product dispensed"),
    "4": (False, "", "", "Substitution allowed - generic drug not in stock"),
    "5": (False, "", "", "Substitution allowed - brand drug dispensed as a generic"),
    "7": (False, "", "", "Substitution not allowed - brand drug mandated by law"),
    "8": (False, "", "", "Substitution allowed - generic drug not available in marketplace"),
}
"""Table 0167 (RXE-9, RXD-11, RXG-10: what was done): whether substituted, code and its display, display in 0167.

The digits give reasons why what was prescribed was dispensed.
"""

DISPENSE_TYPES: Final = {
    "B": "Trial Quantity Balance",
    "C": "Compassionate Fill",
    "N": "New/Renew - Full Fill",
    "P": "New/Renew - Part Fill",
    "Q": "Refill - Part Fill",
    "R": "Refill - Full Fill",
    "S": "Manufacturer Sample",
    "T": "Trial Quantity",
    "Z": "Non-Prescription Fill",
}
"""Table 0484."""

COMPLETION: Final = {"CP": "completed", "PA": "completed", "RE": "not-done", "NA": "not-done"}
"""Table 0322 (RXA-20) to MedicationAdministration.status."""

CATEGORY: Final = {"I": "inpatient", "O": "outpatient", "C": "community"}
"""Table 0482 (ORC-29) to medicationrequest-category."""

METHODS: Final = {
    "CH": ("419747000", "Chew"),
    "DI": ("421682005", "Dissolve"),
    "IS": ("421257003", "Insert"),
    "SH": ("420606003", "Shampoo"),
    "WA": ("422152000", "Wash"),
}
"""Table 0165 to SNOMED CT, as far as the published map goes."""

ROUTES: Final = {
    "AP": "Apply Externally",
    "B": "Buccal",
    "DT": "Dental",
    "EP": "Epidural",
    "ET": "Endotrachial Tube",
    "GTT": "Gastrostomy Tube",
    "GU": "GU Irrigant",
    "IMR": "Immerse (Soak) Body Part",
    "IA": "Intra-arterial",
    "IB": "Intrabursal",
    "IC": "Intracardiac",
    "ICV": "Intracervical (uterus)",
    "ID": "Intradermal",
    "IH": "Inhalation",
    "IHA": "Intrahepatic Artery",
    "IM": "Intramuscular",
    "IN": "Intranasal",
    "IO": "Intraocular",
    "IP": "Intraperitoneal",
    "IS": "Intrasynovial",
    "IT": "Intrathecal",
    "IU": "Intrauterine",
    "IV": "Intravenous",
    "MTH": "Mouth/Throat",
    "MM": "Mucous Membrane",
    "NS": "Nasal",
    "NG": "Nasogastric",
    "NP": "Nasal Prongs",
    "NT": "Nasotrachial Tube",
    "OP": "Ophthalmic",
    "OT": "Otic",
    "OTH": "Other/Miscellaneous",
    "PF": "Perfusion",
    "PO": "Oral",
    "PR": "Rectal",
    "RM": "Rebreather Mask",
    "SD": "Soaked Dressing",
    "SC": "Subcutaneous",
    "SL": "Sublingual",
    "TP": "Topical",
    "TRA": "Tracheostomy",
    "TD": "Transdermal",
    "TL": "Translingual",
    "UR": "Urethral",
    "VG": "Vaginal",
    "VM": "Ventimask",
    "WND": "Wound",
}
"""Table 0162, which is a code system of its own: the published map makes an injection of every `IV`, infusions too."""

SCHEDULES: Final = frozenset({"I", "II", "III", "IV", "V", "VI"})
"""Table 0477."""

ORDER_TYPES: Final = frozenset({"M", "S", "O"})
"""Table 0480 (RXE-44): medication, large volume solution, other solution."""
