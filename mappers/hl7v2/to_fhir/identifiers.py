"""CX, EI and HD as identifiers. https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-datatype-cx-to-identifier.html."""

import re
from typing import Final
from uuid import NAMESPACE_OID, uuid5

from mappers.hl7v2.message import Value
from mappers.hl7v2.tables import IDENTIFIER_SYSTEMS, IDENTIFIER_TYPES, OIDS, V2
from mappers.hl7v2.to_fhir.elements import filled, period
from mappers.making import Making
from mappers.mapped import Resource

OF_EI: Final = 2
"""Where the authority of an EI begins."""
TYPE_SYSTEM: Final = f"{V2}0203"
OID: Final = re.compile(r"[0-2](\.(0|[1-9]\d*))+", re.ASCII)
UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
DNS: Final = re.compile(r"[A-Za-z0-9.-]+", re.ASCII)
URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
"""Without blanks of any alphabet."""


def system_of(authority: Value, making: Making) -> str:
    """The system that an HD (namespace id, universal id, its type) stands for; without anything, the partner's own.

    A namespace the partner is configured for comes first, then what is told apart everywhere, then the namespace.
    """
    namespace, universal, kind = (authority.text(number) for number in (1, 2, 3))
    known = making.authorities.get(namespace) if namespace else None
    return known or _universal(universal, kind.upper(), making) or making.system_of(namespace or universal)


def cx(value: Value, making: Making, kind: str = "") -> Resource | None:
    """The Identifier of a CX; `kind` is its type (0203) where CX-5 does not say."""
    number, code = value.text(1), value.text(5) or kind
    if not number:
        return None
    return _identifier(number, code, value, 4, making) | filled(period=period(value, 7, 8, making))


def ei(value: Value, making: Making, kind: str = "") -> Resource | None:
    """The Identifier of an EI: its components 2 to 4 are one HD."""
    number = value.text(1)
    return _identifier(number, kind, value, OF_EI, making) if number else None


def xcn(value: Value, making: Making, kind: str = "") -> Resource | None:
    """The Identifier of an XCN: its authority is component 9, its type 13."""
    number, code = value.text(1), value.text(13) or kind
    return _identifier(number, code, value, 9, making) if number else None


def xon(value: Value, making: Making) -> Resource | None:
    """The Identifier of an XON: component 10, or 3 before 2.5."""
    number = value.text(10) or value.text(3)
    return _identifier(number, value.text(7), value, 6, making) if number else None


def local(number: str, namespace: str, making: Making, kind: str = "") -> Resource:
    """A number that only the partner tells apart, in its namespace."""
    return filled(type=_type(kind), system=making.system_of(namespace), value=number)


def derived(making: Making, kind: str, *parts: str) -> Resource:
    """For what a sender gives no number: drawn from what tells it apart, so that telling it again changes nothing.

    Of the parts (a patient's number, an allergen) nothing can be read in it.
    """
    return {"system": making.system_of(kind), "value": str(uuid5(NAMESPACE_OID, "\x1f".join((kind, *parts))))}


def _identifier(number: str, code: str, value: Value, component: int, making: Making) -> Resource:
    """Its authority is a component, in an EI the rest of them."""
    authority = value.rest(component) if component == OF_EI else value.inner(component)
    universal = _universal(authority.text(2), authority.text(3).upper(), making)
    word = authority.text(1)
    settled = bool(universal) or word in making.authorities
    well_known = "" if settled else IDENTIFIER_SYSTEMS.get(code, "")
    if not settled and not well_known and (word or authority.text(2)):
        value.own = component
    return filled(type=_type(code), system=well_known or system_of(authority, making), value=number)


def _type(code: str) -> Resource:
    if code in IDENTIFIER_TYPES:
        return {"coding": [{"system": TYPE_SYSTEM, "code": code}]}
    return filled(text=code)


def _universal(text: str, kind: str, making: Making) -> str:
    """Nothing where it is not what its type says, or another partner's: then it is only the partner's word for it."""
    if OID.fullmatch(text) and kind in ("ISO", ""):
        return OIDS.get(text, f"urn:oid:{text}")
    if UUID.fullmatch(text) and kind in ("UUID", "GUID", ""):
        return f"urn:uuid:{text.lower()}"
    if URI.fullmatch(text) and kind in ("URI", "URL", "") and making.may_name(text):
        return text
    return text if kind == "DNS" and DNS.fullmatch(text) else ""
