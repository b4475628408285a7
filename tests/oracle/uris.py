"""Parameters of type uri. https://hl7.org/fhir/R4/search.html#uri"""

from collections.abc import Callable

from tests.oracle.escapes import unescape
from tests.oracle.extraction import Element

NAMES = ("urn:", "oid:")
"""What has no hierarchy."""


def uri_test(modifier: str | None, value: str) -> Callable[[Element], bool]:
    sought = unescape(value)
    if modifier is None or sought.startswith(NAMES):
        return lambda element: element.value == sought
    if modifier == "below":
        top = sought.rstrip("/")
        return lambda element: element.value in (sought, top) or element.value.startswith(top + "/")
    if modifier == "above":
        return lambda element: element.value == sought or _is_above(element.value, sought)
    raise ValueError(f"a uri has no modifier {modifier}")


def _is_above(stored: str, sought: str) -> bool:
    """By segments of the path: never the scheme, nor part of a host's name."""
    return "://" in stored and sought.startswith(stored.rstrip("/") + "/")
