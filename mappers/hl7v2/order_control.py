"""What ORC-1 and ORC-5 mean: tables 0119 and 0038. https://terminology.hl7.org/CodeSystem-v2-0119.html.

A request (CA, DC, HD, RL, RP, XO, RF) is a Task: the order stays as it is until whoever fills it says what was done
(CR, DR, HR, OR, RQ, XR, OF) or could not be (UC, UD, UH, UR, UM, UX, UF).
"""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["order", "request", "event"]
By = Literal["placer", "filler", "placer or filler"]
PLACER: Final = "placer"
FILLER: Final = "filler"
EITHER: Final = "placer or filler"
TASK_CODES: Final = "http://hl7.org/fhir/CodeSystem/task-code"
CONTROL_CODES: Final = "http://terminology.hl7.org/CodeSystem/v2-0119"


@dataclass(frozen=True, slots=True)
class Control:
    """`order`: the segments that follow are the order. `request`: somebody wants something done to one that is known.

    `event`: something was done to it. `by` is who may say so, by table 0119; which of them a partner is, none says,
    and it is not checked. `status` is MedicationRequest.status, "" where it stays; `task` and `task_status`
    are Task.code and Task.status, "" where there is none.
    """

    by: By
    display: str
    kind: Kind
    status: str = ""
    task: str = ""
    task_status: str = ""


def _order(by: By, display: str) -> Control:
    return Control(by, display, "order", "active")


def _request(by: By, display: str, task: str) -> Control:
    return Control(by, display, "request", "", task, "requested")


def _done(by: By, display: str, task: str, status: str = "") -> Control:
    return Control(by, display, "event", status, task, "completed")


def _refused(by: By, display: str, task: str) -> Control:
    return Control(by, display, "event", "", task, "rejected")


def _happened(by: By, display: str, status: str = "") -> Control:
    return Control(by, display, "event", status)


CONTROLS: Final = {
    "NW": _order(PLACER, "New order/service"),
    "RO": _order(EITHER, "Replacement order"),
    "CH": _order(EITHER, "Child order/service"),
    "PA": _order(FILLER, "Parent order/service"),
    "PR": _order(PLACER, "Previous Results with new order/service"),
    "OP": _order(PLACER, "Notification of order for outside dispense"),
    "PY": _order(PLACER, "Notification of replacement order for outside dispense"),
    "RE": _order(FILLER, "Observations/Performed Service to follow"),
    "SN": _order(FILLER, "Send order/service number"),
    "CA": _request(PLACER, "Cancel order/service request", "abort"),
    "DC": _request(PLACER, "Discontinue order/service request", "abort"),
    "HD": _request(PLACER, "Hold order request", "suspend"),
    "RL": _request(PLACER, "Release previous hold", "resume"),
    "RP": _request(PLACER, "Order/service replace request", "replace"),
    "XO": _request(PLACER, "Change order/service request", "change"),
    "RF": _request(EITHER, "Refill order/service request", "fulfill"),
    "CR": _done(FILLER, "Canceled as requested", "abort", "cancelled"),
    "DR": _done(FILLER, "Discontinued as requested", "abort", "stopped"),
    "HR": _done(FILLER, "On hold as requested", "suspend", "on-hold"),
    "OR": _done(FILLER, "Released as requested", "resume", "active"),
    "RQ": _done(FILLER, "Replaced as requested", "replace", "stopped"),
    "XR": _done(FILLER, "Changed as requested", "change"),
    "OF": _done(FILLER, "Order/service refilled as requested", "fulfill"),
    "AF": _done(PLACER, "Order/service refill request approval", "approve", "active"),
    "OK": Control(FILLER, "Order/service accepted & OK", "event", "", "fulfill", "accepted"),
    "UC": _refused(FILLER, "Unable to cancel", "abort"),
    "UD": _refused(FILLER, "Unable to discontinue", "abort"),
    "UH": _refused(FILLER, "Unable to put on hold", "suspend"),
    "UR": _refused(FILLER, "Unable to release", "resume"),
    "UM": _refused(FILLER, "Unable to replace", "replace"),
    "UX": _refused(FILLER, "Unable to change", "change"),
    "UF": _refused(FILLER, "Unable to refill", "fulfill"),
    "UA": _refused(FILLER, "Unable to accept order/service", "fulfill"),
    "DE": _refused(EITHER, "Data errors", "fulfill"),
    "DF": _refused(PLACER, "Order/service refill request denied", "approve"),
    "OC": _happened(FILLER, "Order/service canceled", "cancelled"),
    "OD": _happened(FILLER, "Order/service discontinued", "stopped"),
    "OH": _happened(FILLER, "Order/service held", "on-hold"),
    "OE": _happened(FILLER, "Order/service released", "active"),
    "RU": _happened(FILLER, "Replaced unsolicited", "stopped"),
    "XX": _happened(FILLER, "Order/service changed, unsol."),
    "FU": _happened(FILLER, "Order/service refilled, unsolicited"),
    "NA": _happened(PLACER, "Number assigned"),
    "SC": _happened(EITHER, "Status changed"),
}
"""The codes of table 0119 that a pharmacy acts on.

DE says that the message had errors, and DF that no refill was authorised: neither ends the order. Only an `order`, and
an event whose status says so, makes an order or makes it active again.
"""

NOT_TAKEN: Final = {
    "CN": "combined results are of laboratories",
    "CP": "a step of a process is of laboratories",
    "LI": "orders are not linked to problems or goals",
    "MC": "a charge without an order is a DFT",
    "RR": "that a request was received is said by replies",
    "SR": "the status of an order is answered in replies",
    "SS": "the status of an order is asked for by a search",
    "UN": "orders are not linked to problems or goals",
}
"""The other codes of table 0119, and why they are refused."""

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
