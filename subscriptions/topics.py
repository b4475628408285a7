"""What one can subscribe to: the topics of a pharmacy, as a table.

R4 has no SubscriptionTopic; these say what R5's would. https://hl7.org/fhir/R5/subscriptiontopic.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Interaction = Literal["create", "update", "delete"]

BASE: Final = "https://galenic.dev/fhir/SubscriptionTopic/"
"""Clients of the guide expect the canonical of a topic to be an http URL."""

CREATED: Final = frozenset[Interaction]({"create"})
UPDATED: Final = frozenset[Interaction]({"update"})
WRITTEN: Final = CREATED | UPDATED


@dataclass(frozen=True, slots=True)
class Trigger:
    """A change that counts: R5's SubscriptionTopic.resourceTrigger, whose tests have both to pass (requireBoth).

    https://hl7.org/fhir/R5/subscriptiontopic-definitions.html#SubscriptionTopic.resourceTrigger.queryCriteria
    """

    type_name: str
    """`MedicationRequest`"""
    interactions: frozenset[Interaction] = WRITTEN
    """Which interactions are looked at at all (supportedInteraction); a patch is an update."""
    current: str = ""
    """A search query of the type, `status=active`, that the version after the change meets; "" is met by any."""
    previous: str = ""
    """The same, of the version before the change; "" is met by any, and where there was none."""
    on_create: bool = True
    """What the test of `previous` gives where there is no version before (resultForCreate); of no account with ""."""
    on_delete: bool = False
    """What the test of `current` gives where there is no version after (resultForDelete); of no account with ""."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A change that meets any of the triggers is one event of the topic."""

    name: str
    """`prescription-received`"""
    url: str
    """The canonical, which has no version."""
    title: str
    description: str
    triggers: tuple[Trigger, ...]
    filters: tuple[str, ...]
    """The search parameters a subscription may filter by, of every type of the triggers."""

    @property
    def type_names(self) -> frozenset[str]:
        return frozenset(trigger.type_name for trigger in self.triggers)


def becomes(type_name: str, statuses: str, also: str = "") -> Trigger:
    """One of the type is created with one of the statuses (`declined,cancelled`), or changes to it from any other."""
    more = f"&{also}" if also else ""
    return Trigger(type_name, current=f"status={statuses}{more}", previous=f"status:not={statuses}")


_PRESCRIPTION: Final = (
    "patient",
    "subject",
    "requester",
    "intended-performer",
    "intended-dispenser",
    "medication",
    "code",
    "category",
    "priority",
    "identifier",
    "status",
)
_TASK: Final = ("patient", "subject", "focus", "owner", "requester", "performer", "code", "priority", "identifier")
_DISPENSE: Final = (
    "patient",
    "subject",
    "prescription",
    "performer",
    "receiver",
    "responsibleparty",
    "destination",
    "medication",
    "code",
    "type",
    "status",
    "identifier",
)
_SUPPLY_REQUEST: Final = ("status", "category", "requester", "supplier", "subject", "identifier")
_SUPPLY_DELIVERY: Final = ("status", "patient", "supplier", "receiver", "identifier")

_ORDER: Final = "intent=order"
_ACTIVE: Final = f"{_ORDER}&status=active"
_ENDED: Final = "cancelled,stopped,entered-in-error"
_FULFIL: Final = "code=http://hl7.org/fhir/CodeSystem/task-code|fulfill&focus:missing=false"
"""Search has no words for the type of what a Task is about; those of other requests count too."""
_WAITING: Final = "draft,requested,received"
_VERIFIED: Final = "accepted,in-progress,rejected,completed"
"""Of which a Task passes several; only the first is the end of its waiting."""
_REORDER: Final = "category=https://galenic.dev/fhir/CodeSystem/supply-request-category|reorder"
"""R4 leaves it open what the categories are, and its examples do not tell why something is asked for."""
_SHIPPED: Final = ("in-progress", "completed", "abandoned", "entered-in-error")
"""Every status of a SupplyDelivery."""

_TOPICS: Final = (
    Topic(
        "prescription-received",
        f"{BASE}prescription-received",
        "Prescription received",
        "An order for a medication becomes active: it is created so, or was in another status, or was not yet an order",
        (
            becomes("MedicationRequest", "active", _ORDER),
            Trigger("MedicationRequest", UPDATED, _ACTIVE, "status=active&intent:not=order"),
        ),
        _PRESCRIPTION,
    ),
    Topic(
        "prescription-changed",
        f"{BASE}prescription-changed",
        "Prescription changed",
        "An active order for a medication is updated, and stays active",
        (Trigger("MedicationRequest", UPDATED, _ACTIVE, _ACTIVE),),
        _PRESCRIPTION,
    ),
    Topic(
        "prescription-cancelled",
        f"{BASE}prescription-cancelled",
        "Prescription cancelled",
        "An order for a medication becomes cancelled, stopped or entered-in-error, or an active one is deleted",
        (
            becomes("MedicationRequest", _ENDED, _ORDER),
            Trigger("MedicationRequest", frozenset({"delete"}), previous=_ACTIVE),
        ),
        _PRESCRIPTION,
    ),
    Topic(
        "verification-needed",
        f"{BASE}verification-needed",
        "Verification needed",
        "A Task to fulfill an order becomes requested: somebody has to look at it before it is filled",
        (becomes("Task", "requested", _FULFIL),),
        _TASK,
    ),
    Topic(
        "verification-done",
        f"{BASE}verification-done",
        "Verification done",
        "A Task to fulfill an order that waited is accepted, begun, rejected or completed, or is created so; once",
        (Trigger("Task", current=f"status={_VERIFIED}&{_FULFIL}", previous=f"status={_WAITING}"),),
        (*_TASK, "status"),
    ),
    Topic(
        "dispense-ready",
        f"{BASE}dispense-ready",
        "Dispense ready",
        "A dispense becomes in-progress, which in R4 says: ready for pickup",
        (becomes("MedicationDispense", "in-progress"),),
        _DISPENSE,
    ),
    Topic(
        "dispense-completed",
        f"{BASE}dispense-completed",
        "Dispense completed",
        "A dispense becomes completed: the medication was handed over",
        (becomes("MedicationDispense", "completed"),),
        _DISPENSE,
    ),
    Topic(
        "dispense-declined",
        f"{BASE}dispense-declined",
        "Dispense declined",
        "A dispense becomes declined, cancelled or stopped: the medication is not handed over",
        (becomes("MedicationDispense", "declined,cancelled,stopped"),),
        _DISPENSE,
    ),
    Topic(
        "stock-low",
        f"{BASE}stock-low",
        "Stock low",
        "A SupplyRequest of the category reorder becomes active: an item has fallen below its reorder point",
        (becomes("SupplyRequest", "active", _REORDER),),
        _SUPPLY_REQUEST,
    ),
    Topic(
        "order-changed",
        f"{BASE}order-changed",
        "Order changed",
        "A pharmacy's order to a supplier, a SupplyRequest, is created or updated",
        (Trigger("SupplyRequest"),),
        _SUPPLY_REQUEST,
    ),
    Topic(
        "shipment-changed",
        f"{BASE}shipment-changed",
        "Shipment changed",
        "A SupplyDelivery is created, or its status changes",
        (
            Trigger("SupplyDelivery", CREATED),
            *(Trigger("SupplyDelivery", UPDATED, f"status={one}", f"status:not={one}") for one in _SHIPPED),
        ),
        _SUPPLY_DELIVERY,
    ),
)

TOPICS: Final[Mapping[str, Topic]] = {topic.url: topic for topic in _TOPICS}
"""By their canonical."""
