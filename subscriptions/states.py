"""The states of a subscription, as a table. https://hl7.org/fhir/R4/subscription-definitions.html#Subscription.status."""

from collections.abc import Mapping
from typing import Final, Literal

State = Literal["requested", "active", "error", "off"]
Happening = Literal[
    "created",
    "handshake_accepted",
    "handshake_failed",
    "delivery_given_up",
    "access_lost",
    "expired",
    "switched_off",
    "renewed",
]

_ENDS: Final[Mapping[Happening, State]] = {"expired": "off", "switched_off": "off"}
_AGAIN: Final[Mapping[Happening, State]] = {"renewed": "requested"}

STATES: Final[Mapping[State | None, Mapping[Happening, State]]] = {
    None: {"created": "requested"},
    "requested": {
        "handshake_accepted": "active",
        "handshake_failed": "error",
        "access_lost": "error",
        **_ENDS,
        **_AGAIN,
    },
    "active": {"delivery_given_up": "error", "access_lost": "error", **_ENDS, **_AGAIN},
    "error": {**_ENDS, **_AGAIN},
    "off": _AGAIN,
}
"""What becomes of a subscription, by its state (None before there is one) and what happens.

`renewed`: its client asks for it again, by an update with the status requested; a changed endpoint of an active one is
shaken hands with anew. `switched_off`: its client sets the status off. What does not stand here changes nothing: the
late answer to a handshake brings nothing back that is off.
"""


def next_state(state: State | None, event: Happening) -> State | None:
    """The state after the event; None where the event changes nothing."""
    return STATES[state].get(event)
