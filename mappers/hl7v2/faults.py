"""What is wrong with a message, as table 0357 says it. https://terminology.hl7.org/CodeSystem-v2-0357.html."""

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mappers.hl7v2.message import Segment

SEGMENT_SEQUENCE: Final = "100"
REQUIRED_FIELD_MISSING: Final = "101"
DATA_TYPE: Final = "102"
TABLE_VALUE_NOT_FOUND: Final = "103"
VALUE_TOO_LONG: Final = "104"
CARDINALITY: Final = "198"
MESSAGE_TYPE: Final = "200"
EVENT_CODE: Final = "201"
PROCESSING_ID: Final = "202"
VERSION_ID: Final = "203"
UNKNOWN_KEY: Final = "204"
DUPLICATE_KEY: Final = "205"
RECORD_LOCKED: Final = "206"
APPLICATION_ERROR: Final = "207"

MEANINGS: Final = {
    "0": "Message accepted",
    SEGMENT_SEQUENCE: "Segment sequence error",
    REQUIRED_FIELD_MISSING: "Required field missing",
    DATA_TYPE: "Data type error",
    TABLE_VALUE_NOT_FOUND: "Table value not found",
    VALUE_TOO_LONG: "Value too long",
    CARDINALITY: "Non-Conformant Cardinality",
    "199": "Other HL7 Error",
    MESSAGE_TYPE: "Unsupported message type",
    EVENT_CODE: "Unsupported event code",
    PROCESSING_ID: "Unsupported processing id",
    VERSION_ID: "Unsupported version id",
    UNKNOWN_KEY: "Unknown key identifier",
    DUPLICATE_KEY: "Duplicate key identifier",
    RECORD_LOCKED: "Application record locked",
    APPLICATION_ERROR: "Application error",
}


PLACE: Final = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?(?:-(\d+)(?:\.(\d+))?)?", re.ASCII)


def location(place: str) -> tuple[str, ...]:
    """An ERL: segment, its number, field, repetition (which no place names) and component, of `RXE[2]-2.1`.

    () where it names no segment: a path of FHIR, or nothing.
    """
    found = PLACE.fullmatch(place)
    if found is None:
        return ()
    segment, number, field, component = found.groups(default="")
    return (segment, number or "1", field, "", component)


class Hl7Fault(Exception):
    """A message that is not taken: `code` is of table 0357, `place` is `PID-3`, and the text repeats no value.

    With `reject` the header stands against it (AR), without it the content does (AE). `header` is the MSH as far as it
    could be read, so that whoever sent it is answered.
    """

    def __init__(
        self, code: str, place: str, text: str, *, reject: bool = False, header: "Segment | None" = None
    ) -> None:
        super().__init__(f"{place}: {text}" if place else text)
        self.code = code
        self.place = place
        self.text = text
        self.reject = reject
        self.header = header
