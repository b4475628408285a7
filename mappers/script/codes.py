"""Codes and units of SCRIPT as FHIR's codings and quantities, and back."""

from typing import Any, Final

from mappers.mapped import Resource
from terminology.ncpdp import tables
from terminology.ndc.eleven import SYSTEM, ndc11

NDC: Final = SYSTEM


def unit(code: str, text: str = "") -> Resource:
    """The unit of a quantity: UCUM's where NCI's code is a measure, else NCI's; {} where nothing is said."""
    ucum = tables.UCUM_OF_NCIT.get(code)
    if ucum:
        return {"unit": tables.name(code) or ucum, "system": tables.UCUM, "code": ucum}
    named = text or tables.name(code)
    if not code or code == tables.UNSPECIFIED:
        return {"unit": named} if named else {}
    return ({"unit": named} if named else {}) | {"system": tables.NCIT, "code": code}


def unit_code(quantity: Resource) -> str:
    """NCI's code of a quantity's unit; "" where it has none."""
    if quantity.get("system") == tables.NCIT:
        return str(quantity.get("code", ""))
    if quantity.get("system") == tables.UCUM:
        return tables.NCIT_OF_UCUM.get(str(quantity.get("code", "")), "")
    return tables.UNSPECIFIED if quantity.get("unit") == tables.name(tables.UNSPECIFIED) else ""


def unit_of_measure(text: str) -> Resource:
    """Units of observations are UCUM's, or NCI's codes."""
    if not text:
        return {}
    known = unit(text) if text in tables.UCUM_OF_NCIT else {}
    return known or {"unit": text, "system": tables.UCUM, "code": text}


def drug_coding(code: str, qualifier: str) -> Resource | None:
    """A product or drug code; an NDC gets its eleven digits where it says which are missing."""
    if qualifier in tables.PRODUCT_CODES:
        return {"system": NDC, "code": ndc11(code) or code}
    system = tables.DRUG_DATABASES.get(qualifier)
    return {"system": system, "code": code} if system else None


def sig_coding(code: str, qualifier: str) -> Resource | None:
    system = tables.SIG_SYSTEMS.get(qualifier)
    return {"system": system, "code": code} if system else None


def sig_qualifier(system: str) -> str:
    return {tables.SNOMED_CT: "SNOMED", tables.NCIT: "DoseUnitOfMeasure"}.get(system, "")


def coding_of(concept: Any, *systems: str) -> Resource:
    """The coding of a concept in the first of the systems that it has a code of; {} where it has none."""
    codings: list[Resource] = [one for one in (concept or {}).get("coding", ()) if "code" in one]
    return next((one for system in systems for one in codings if one.get("system") == system), {})
