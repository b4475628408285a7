"""Quantities as NM beside CWE, and as CQ; the other way round as to_fhir/quantity.py."""

from decimal import Decimal
from typing import Any

from mappers.hl7v2.faults import DATA_TYPE, Hl7Fault
from mappers.hl7v2.from_fhir.concepts import Cwe, system_name
from mappers.hl7v2.message import Component
from mappers.hl7v2.units import UCUM
from mappers.making import Making
from mappers.mapped import Resource


def number(value: Any) -> str:
    """A number of JSON as NM, without an exponent; "" of None."""
    if value is None:
        return ""
    text = str(value) if isinstance(value, int | float | Decimal) else bytes(value).decode()
    return format(Decimal(text), "f")


def unit(quantity: Resource, making: Making) -> Cwe | str:
    """A code with its text and system, or a word."""
    text, code = quantity.get("unit", ""), quantity.get("code", "")
    if not code:
        return ("", text) if text else ""
    system = quantity.get("system", "")
    return (code, text, "UCUM" if system == UCUM else system_name(system, making))


def amount(quantity: Resource | None, making: Making) -> tuple[str, Cwe | str]:
    """NM and CWE."""
    return (number(quantity.get("value")), unit(quantity, making)) if quantity else ("", "")


def one_unit(place: str, *units: Cwe | str) -> Cwe | str:
    """Of amounts that have one field for their unit; raises Hl7Fault 102 where it would be another one's.

    An amount in the wrong unit is a wrong dose, so nothing is written rather than half of it.
    """
    named = list(dict.fromkeys(one for one in units if one))
    if len(named) > 1:
        raise Hl7Fault(DATA_TYPE, place, "amounts of several units share this field, and would be taken for the same")
    return named[0] if named else ""


def composite(quantity: Resource, making: Making) -> tuple[Component, ...]:
    """A CQ: the parts of its units are sub-components."""
    units = unit(quantity, making)
    inner = units if isinstance(units, str) else tuple(str(one) for one in units)
    return (number(quantity.get("value")), inner)
