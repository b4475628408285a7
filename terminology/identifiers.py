"""Whether the identifiers in prescriptions can be right: NPI, DEA number, NCPDP Provider ID.

A number that fails may still be the one its owner uses: many public samples fail. What is received with such a number
is kept with a warning; what is sent must pass.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

_NPI: Final = re.compile(r"[12][0-9]{9}")
_NPI_PREFIX: Final = "80840"
_DEA: Final = re.compile(r"([A-HJ-MPR-UX][A-Z9])([0-9]{7})(-[A-Za-z0-9]{1,20})?")
_NCPDP: Final = re.compile(r"[0-9]{7}")


def npi(text: str) -> bool:
    """Ten digits, the last by Luhn's formula over 80840 and the number.

    https://www.cms.gov/Regulations-and-Guidance/Administrative-Simplification/NationalProvIdentStand/Downloads/NPIcheckdigit.pdf
    """
    return bool(_NPI.fullmatch(text)) and _luhn(_NPI_PREFIX + text) % 10 == 0


def dea(text: str) -> bool:
    """Two letters and seven digits, the last a check digit; an institution's may have a suffix after a dash.

    1st + 3rd + 5th digit and twice the 2nd + 4th + 6th: the last digit of the sum is the 7th.
    https://www.ecfr.gov/current/title-21/part-1301
    """
    found = _DEA.fullmatch(text.upper())
    if not found:
        return False
    digits = [int(digit) for digit in found[2]]
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


def ncpdp_provider_id(text: str) -> bool:
    """Seven digits. The last is said to be a check digit, but how it is reckoned is not published."""
    return bool(_NCPDP.fullmatch(text))


def _luhn(text: str) -> int:
    """The sum that a number with its check digit brings to a multiple of ten."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(text))]
    return sum(digit // 10 + digit % 10 for digit in doubled)


CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {"NPI": npi, "DEANumber": dea, "NCPDPID": ncpdp_provider_id}
"""By the name SCRIPT has for the identifier."""
