"""What ORC-1 and ORC-5 mean: tables 0119 and 0038. https://terminology.hl7.org/CodeSystem-v2-0119.html.

A request (CA, DC, HD, RL, RP, XO, RF) is a Task: the order stays as it is until whoever fills it says what was done
(CR, DR, HR, OR, RQ, XR, OF) or could not be (UC, UD, UH, UR, UM, UX, UF).
"""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["order", "request", "event"]
TASK_CODES: Final = "http://hl7.org/fhir/CodeSystem/task-code"
CONTROL_CODES: Final = "http://terminology.hl7.org/CodeSystem/v2-0119"


@dataclass(frozen=True, slots=True)
class Control:
    """`order`: the segments that follow are the order. `request`: somebody wants something done to one that is known.

    `event`: something was done to it. `status` is MedicationRequest.status, "" where it stays; `task` and `task_status`
    are Task.code and Task.status, "" where there is none.
    """

    display: str
    kind: Kind
    status: str = ""
    task: str = ""
    task_status: str = ""


def _order(display: str) -> Control:
    return Control(display, "order", "active")


def _request(display: str, task: str) -> Control:
    return Control(display, "request", "", task, "requested")


def _done(display: str, task: str, status: str = "") -> Control:
    return Control(display, "event", status, task, "completed")


def _refused(display: str, task: str) -> Control:
    return Control(display, "event", "", task, "rejected")


def _happened(display: str, status: str = "") -> Control:
    return Control(display, "event", status)


CONTROLS: Final = {
    "NW": _order("New order/service"),
    "RO": _order("Replacement order"),
    "CH": _order("Child order/service"),
    "PA": _order("Parent order/service"),
    "PR": _order("Previous Results with new order/service"),
    "OP": _order("Notification of order for outside dispense"),
    "PY": _order("Notification of replacement order for outside dispense"),
    "RE": _order("Observations/Performed Service to follow"),
    "SN": _order("Send order/service number"),
    "CA": _request("Cancel order/service request", "abort"),
    "DC": _request("Discontinue order/service request", "abort"),
    "HD": _request("Hold order request", "suspend"),
    "RL": _request("Release previous hold", "resume"),
    "RP": _request("Order/service replace request", "replace"),
    "XO": _request("Change order/service request", "change"),
    "RF": _request("Refill order/service request", "fulfill"),
    "CR": _done("Canceled as requested", "abort", "cancelled"),
    "DR": _done("Discontinued as requested", "abort", "stopped"),
    "HR": _done("On hold as requested", "suspend", "on-hold"),
    "OR": _done("Released as requested", "resume", "active"),
    "RQ": _done("Replaced as requested", "replace", "stopped"),
    "XR": _done("Changed as requested", "change"),
    "OF": _done("Order/service refilled as requested", "fulfill"),
    "AF": _done("Order/service refill request approval", "approve", "active"),
    "OK": Control("Order/service accepted & OK", "event", "", "fulfill", "accepted"),
    "UC": _refused("Unable to cancel", "abort"),
    "UD": _refused("Unable to discontinue", "abort"),
    "UH": _refused("Unable to put on hold", "suspend"),
    "UR": _refused("Unable to release", "resume"),
    "UM": _refused("Unable to replace", "replace"),
    "UX": _refused("Unable to change", "change"),
    "UF": _refused("Unable to refill", "fulfill"),
    "UA": _refused("Unable to accept order/service", "fulfill"),
    "DE": _refused("Data errors", "fulfill"),
    "DF": _refused("Order/service refill request denied", "approve"),
    "OC": _happened("Order/service canceled", "cancelled"),
    "OD": _happened("Order/service discontinued", "stopped"),
    "OH": _happened("Order/service held", "on-hold"),
    "OE": _happened("Order/service released", "active"),
    "RU": _happened("Replaced unsolicited", "stopped"),
    "XX": _happened("Order/service changed, unsol."),
    "FU": _happened("Order/service refilled, unsolicited"),
    "NA": _happened("Number assigned"),
    "SC": _happened("Status changed"),
}
"""The codes of table 0119 that a pharmacy acts on; the others are of laboratories, queries and charges.

DE says that the message had errors, and DF that no refill was authorised: neither ends the order.
"""

ORDER_STATUS: Final = {
    "A": "active",
    "CA": "cancelled",
    "CM": "completed",
    "DC": "stopped",
    "ER": "entered-in-error",
    "HD": "on-hold",
    "IP": "active",
    "RP": "stopped",
    "SC": "active",
}
"""ORC-5 to MedicationRequest.status: the published map says `revoked`, which that element does not have."""

DISPENSE_STATUS: Final = {
    "A": "preparation",
    "CA": "cancelled",
    "CM": "completed",
    "DC": "stopped",
    "ER": "entered-in-error",
    "HD": "on-hold",
    "IP": "preparation",
    "RP": "stopped",
    "SC": "in-progress",
}
"""ORC-5 to MedicationDispense.status."""

SERVICE_STATUS: Final = {"cancelled": "revoked", "stopped": "revoked"}
"""MedicationRequest.status to ServiceRequest.status, where their words differ."""

ACCEPTED: Final = {
    **dict.fromkeys(("CA", "DC", "HD", "RL", "RP", "XO", "RF"), "RR"),
    "SN": "NA",
}
"""ORC-1 of the reply to what was taken, OK where nothing stands here: a request is received, not done."""

DONE: Final = {"CA": "CR", "DC": "DR", "HD": "HR", "RL": "OR", "RP": "RQ", "XO": "XR", "RF": "OF"}
"""ORC-1 of the reply to a request that was carried out at once."""

REFUSED: Final = {"CA": "UC", "DC": "UD", "HD": "UH", "RL": "UR", "RP": "UM", "XO": "UX", "RF": "UF"}
"""ORC-1 of the reply to what was refused, UA where nothing stands here."""
