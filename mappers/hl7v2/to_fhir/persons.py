"""XPN, XAD, XTN and their kin as HumanName, Address and ContactPoint.

https://build.fhir.org/ig/HL7/v2-to-fhir/datatype_maps.html
"""

import re
from typing import Final

from mappers.hl7v2.message import Segment, Value
from mappers.hl7v2.tables import ADDRESS_TYPE, ADDRESS_USE, NAME_USE, TELECOM_SYSTEM, TELECOM_USE
from mappers.hl7v2.to_fhir.concepts import code
from mappers.hl7v2.to_fhir.elements import filled, period
from mappers.making import Making
from mappers.mapped import Resource

RANK: Final = re.compile(r"[1-9]\d{0,4}", re.ASCII)
ELECTRONIC: Final = frozenset({"INTERNET", "X.400"})


def human_name(value: Value, making: Making) -> Resource:
    """Of an XPN, or of a PN before 2.3; {} where there is none."""
    texts = (value.text(number) for number in (4, 6, 14))
    given = [one for one in (value.text(2), value.text(3)) if one]
    name = filled(family=value.text(1), given=given, prefix=_list(value.text(5)), suffix=[one for one in texts if one])
    use = code(value, NAME_USE, 7) if value.text(7) else None
    return filled(use=use, **name, period=period(value, 12, 13, making)) if name else {}


def practitioner_name(value: Value) -> Resource:
    """Of an XCN, whose name begins a component later."""
    given = [one for one in (value.text(3), value.text(4)) if one]
    suffix = [one for one in (value.text(5), value.text(7), value.text(21)) if one]
    name = filled(family=value.text(2), given=given, prefix=_list(value.text(6)), suffix=suffix)
    use = code(value, NAME_USE, 10) if value.text(10) else None
    return filled(use=use, **name) if name else {}


def address(value: Value, making: Making) -> Resource:
    """{} where there is none. A type (0190) that FHIR has neither use nor type for is left."""
    street = (value.text(1, part) for part in (1, 2, 3))  # a SAD: address, street name, dwelling number
    lines = [one for one in (*street, value.text(2), value.text(19)) if one]
    place = filled(
        line=lines,
        city=value.text(3),
        district=value.text(9),
        state=value.text(4),
        postalCode=value.text(5),
        country=value.text(6),
    )
    if not place:
        return {}
    type_ = ADDRESS_TYPE.get(value.text(7))
    use = None if type_ else code(value, ADDRESS_USE, 7)
    return filled(use=use, type=type_, **place, period=period(value, 13, 14, making))


def contact_point(value: Value, making: Making, use: str = "") -> Resource:
    """Of an XTN, or of a TN before 2.3; {} where there is none. `use` is that of its field, where XTN-2 has none."""
    kind = value.text(3).upper()
    mail = value.text(4)
    number = mail if kind in ELECTRONIC and mail else value.text(12) or value.text(1) or _dialled(value) or mail
    if not number:
        return {}
    electronic = number == mail or kind in ELECTRONIC or value.text(2) == "NET"
    system = "email" if electronic else TELECOM_SYSTEM.get(kind, "phone")
    said = "mobile" if kind == "CP" else code(value, TELECOM_USE, 2) if value.text(2) not in ("", "NET") else None
    rank = value.text(18)
    point = filled(system=system, value=number, use=said or (use if not value.text(2) else None))
    point |= filled(rank=int(rank) if RANK.fullmatch(rank) else None, period=period(value, 13, 14, making))
    return point


def names(segment: Segment, making: Making, *fields: int) -> list[Resource]:
    """Each XPN, and what its person is called by (XPN-15) as a name of its own."""
    found = []
    for value in _values(segment, fields):
        called = value.text(15)
        found += [human_name(value, making), {"use": "nickname", "given": [called]} if called else {}]
    return [one for one in found if one]


def addresses(segment: Segment, making: Making, *fields: int) -> list[Resource]:
    return [one for value in _values(segment, fields) if (one := address(value, making))]


def contact_points(segment: Segment, making: Making, uses: dict[int, str]) -> list[Resource]:
    """Of fields, by number, with the use each stands for; what is told twice is once there."""
    found: list[Resource] = []
    for field, use in uses.items():
        for value in segment.repetitions(field):
            point = contact_point(value, making, use)
            if point and point not in found:
                found.append(point)
    return found


def _values(segment: Segment, fields: tuple[int, ...]) -> list[Value]:
    return [value for field in fields for value in segment.repetitions(field)]


def _list(text: str) -> list[str]:
    return [text] if text else []


def _dialled(value: Value) -> str:
    """Components 5 to 8, as the guide puts them together."""
    country, area, local, extension = (value.text(number) for number in (5, 6, 7, 8))
    if not local:
        return ""
    parts = (f"+{country.removeprefix('+')}" if country else "", area, local, f"X{extension}" if extension else "")
    return " ".join(one for one in parts if one)
