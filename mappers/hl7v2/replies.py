"""What an application answers to orders: RRE, RRD, RRG, RRA, ORP and ORR. Chapter 4A of HL7 v2.

In original mode they are the one answer to a message. MSA-1 speaks of the message, ORC-1 of each order in it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from mappers.hl7v2.acknowledgement import STRUCTURES, again, is_from, opening, written
from mappers.hl7v2.faults import Hl7Fault
from mappers.hl7v2.message import Field, Message, Segment
from mappers.hl7v2.order_control import ACCEPTED, CONTROLS, DONE, REFUSED

REPLIES: Final = {
    "OMP^O09": ("ORP", "O10", "ORP_O10"),
    "ORM^O01": ("ORR", "O02", "ORR_O02"),
    "RDE^O01": ("RRE", "O02", "RRE_O02"),
    "RDE^O11": ("RRE", "O12", "RRE_O12"),
    "RDE^O25": ("RRE", "O26", "RRE_O12"),
    "RDE^O49": ("RRE", "O50", "RRE_O12"),
    "RDS^O01": ("RRD", "O02", "RRD_O02"),
    "RDS^O13": ("RRD", "O14", "RRD_O14"),
    "RGV^O01": ("RRG", "O02", "RRG_O02"),
    "RGV^O15": ("RRG", "O16", "RRG_O16"),
    "RAS^O01": ("RRA", "O02", "RRA_O02"),
    "RAS^O17": ("RRA", "O18", "RRA_O18"),
}
"""By the kind of a message: type, event and structure of its reply."""
REASON_MAX: Final = 199
"""Characters of a text in a CE."""


def reply(
    message: Message,
    faults: Sequence[Hl7Fault],
    refused: Mapping[str, str],
    *,
    now: datetime,
    control_id: str,
    carried_out: Collection[str] = (),
) -> bytes:
    """The reply to a message of REPLIES; raises LookupError for another.

    With `faults` nothing of it was done: AE, or AR if one of them rejects. `refused` has the reasons by the number of
    an order (ORC-2.1, or ORC-3.1 where it has none); `carried_out` the numbers of requests that were done at once:
    without, a request is only received (RR), and what becomes of it is told later.
    """
    kind = REPLIES[message.kind]
    version = message.version
    named = "^".join(kind if is_from(version, STRUCTURES) else kind[:2])
    code = "AA" if not faults else "AR" if any(one.reject for one in faults) else "AE"
    segments, charset = opening(message, named, code, faults, now=now, control_id=control_id)
    orders = [_order(orc, refused, carried_out, failed=bool(faults)) for orc in message.all("ORC")]
    return written([*segments, *orders], charset)


def number_of(orc: Segment) -> str:
    """The number that `refused` and `carried_out` know an order by."""
    return orc.text(2) or orc.text(3)


def _order(orc: Segment, refused: Mapping[str, str], carried_out: Collection[str], *, failed: bool) -> Sequence[Field]:
    asked, number = orc.text(1), number_of(orc)
    reason = refused.get(number)
    code = ACCEPTED.get(asked, "OK")
    if failed or reason is not None or asked not in CONTROLS:
        code = REFUSED.get(asked, "UA")
    elif number in carried_out:
        code = DONE.get(asked, code)
    row: list[Field] = ["ORC", code, again(orc, 2), again(orc, 3), again(orc, 4)]
    return [*row, *[""] * 11, ("", reason[:REASON_MAX])] if reason else row
