"""Why leaves may be lost in silence: what is not in these tables and is mapped to nothing is a defect."""

from typing import Final

from mappers.hl7v2.to_fhir.leftovers import ENVELOPE, SET_IDS
from tests.coverage.rows import Reason

ANY: Final = "*"
NOT_WRITTEN: Final = "not written"


UNITS: Final = (
    *(("OBX", 6), ("RXA", 7), ("RXA", 14), ("RXC", 4), ("RXC", 6), ("RXC", 9), ("RXD", 17), ("RXE", 24), ("RXE", 26)),
    *(("RXG", 16), ("RXG", 18), ("RXO", 4), ("RXO", 19), ("RXO", 22), ("RXO", 26)),
)
"""Fields of units that the table of spellings has, so that the code says it all."""


def _field(segment: str, number: int, why: str) -> tuple[Reason, ...]:
    return Reason(ANY, f"{segment}-{number}", why), Reason(ANY, f"{segment}-{number}.*", why)


OF_HL7V2: Final = (
    *(
        one
        for name, fields in ENVELOPE.items()
        for number in fields
        for one in _field(name, number, "about the message: for whoever receives and answers it")
    ),
    *(one for name in SET_IDS for one in _field(name, 1, "counts the segments")),
    Reason(ANY, "*.[469].1", "a word for what its universal id names"),
    Reason(ANY, "PID-3.4", "the type of the identifier says whose it is"),
    Reason(ANY, "PID-13.3", "the use of the number says it"),
    Reason(ANY, "IAM-2.[23]", "the code is one of HL7's table"),
    *(Reason(ANY, f"{name}-{field}.3", "the unit is known without it") for name, field in UNITS),
    Reason(ANY, "TQ1-*.2.[123]", "the unit is known without it"),
    Reason(ANY, "RXA-2", "tells the doses of an order apart, in an identifier that is derived"),
    Reason(ANY, "RXG-1", "tells the doses of an order apart, in an identifier that is derived"),
    Reason(ANY, "ORC-3.*", "the order is named by its placer's number"),
    Reason("adt_a31_*", "PV1-2", "of a visit without a number, which is noted at PV1-19"),
    Reason("dft_*", "FT1-7.*", "of a payment, which is noted at FT1-6"),
)
TO_HL7V2: Final = (
    Reason("sent_rds_*", "MedicationRequest.*", "of the order: RDE^O11 tells it"),
    Reason("sent_rds_*", "Practitioner.*", "of the order: RDE^O11 tells it"),
    Reason(ANY, ANY, NOT_WRITTEN),
)
OF_SCRIPT: Final = (
    Reason(ANY, "Message@*", "about the message: in which version it is"),
    Reason(ANY, "Header/DigitalSignature@Version", "about the message: how its signature is made"),
    Reason(ANY, "*/Qualifier", "the code is known without it"),
    Reason(ANY, "*/TimingAndDuration/*/Text", "the code says it; if it says something else, that is noted"),
)
TO_SCRIPT: Final = (Reason(ANY, ANY, NOT_WRITTEN),)
