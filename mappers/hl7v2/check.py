"""What hl7apy says against a message that Galenic sends: a second opinion, from another hand's tables of the standard.

It takes milliseconds a message, and groups segments strictly: it is for what we write, never for what we are sent.
https://crs4.github.io/hl7apy/
"""

from collections.abc import Iterator
from typing import Any, Final

from mappers.hl7v2.charsets import codec_of
from mappers.hl7v2.message import parse

MISTAKEN: Final = ("Missing required child RDE_O11_ORDER.RDE_O11_TIMING_ENCODED",)
"""What it says of a TQ1 behind an RXE, which it takes for one of the order before it; it says no second thing."""


def problems(message: bytes) -> list[str]:
    """A sentence for each segment with something wrong in it, and one for their order; [] where all is well.

    They name elements, and may repeat a value. Raises Hl7Fault where the message cannot even be read.
    """
    from hl7apy.exceptions import HL7apyException  # type: ignore[import-untyped]
    from hl7apy.parser import parse_message  # type: ignore[import-untyped]

    codec = codec_of(parse(message).charset.split("~")) or "utf-8"
    try:
        tree = parse_message(message.decode(codec), find_groups=True)
    except HL7apyException as error:
        return [str(error)]
    found = [one for segment in _segments(tree) if (one := _problem(segment))]
    of_order = _problem(tree)
    return found if of_order in ("", *MISTAKEN, *found) else [*found, of_order]


def _problem(element: Any) -> str:
    """The first one of an element, warnings on values left out: tables of 2.5 lack codes of later versions."""
    from hl7apy.exceptions import HL7apyException
    from hl7apy.validation import Validator  # type: ignore[import-untyped]

    try:
        Validator.validate(element)
    except HL7apyException as error:
        return str(error)
    return ""


def _segments(element: Any) -> Iterator[Any]:
    for child in element.children:
        if child.classname == "Segment":
            yield child
        elif child.classname == "Group":
            yield from _segments(child)
