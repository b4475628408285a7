"""What somebody wants done to an order, and what came of it, as Task. https://hl7.org/fhir/R4/task.html.

A Task is told apart by the order's number and what is asked: the same request twice is one Task, and its answer finds
it.
"""

from typing import Any, Final

from mappers.hl7v2.faults import REQUIRED_FIELD_MISSING
from mappers.hl7v2.order_control import CONTROL_CODES, TASK_CODES
from mappers.hl7v2.to_fhir.concepts import codeable_concept
from mappers.hl7v2.to_fhir.context import Context, notes
from mappers.hl7v2.to_fhir.draft import condition_of
from mappers.hl7v2.to_fhir.elements import filled, moment
from mappers.hl7v2.to_fhir.identifiers import derived
from mappers.hl7v2.to_fhir.order import Order
from mappers.hl7v2.to_fhir.practitioner import practitioner
from mappers.hl7v2.to_fhir.sharing import numbered
from mappers.mapped import Resource

NAMESPACE: Final = "task"


def task(
    order: Order,
    context: Context,
    focus: Resource,
    *,
    code: str = "",
    status: str = "",
    inputs: list[Resource] | None = None,
) -> Resource:
    """A reference to the Task of an ORC; `code` and `status` are those of its control, unless they are given.

    Raises Hl7Fault 101 where no order is named.
    """
    draft, orc = context.draft, order.orc
    kind = code or order.control.task
    reason = codeable_concept(orc.value(16), draft.making)
    state = status or order.control.task_status
    resource = filled(
        resourceType="Task",
        identifier=[_identifier(order, kind, context)],
        status=state,
        intent="order",
        code=_code(order, kind),
        focus=focus,
        for_=context.subject,
        encounter=context.encounter,
        authoredOn=moment(orc.value(9), draft.making) if state == "requested" else None,
        lastModified=moment(orc.value(9), draft.making),
        requester=practitioner(draft, orc.value(12), orc.place(12)) if state == "requested" else None,
        note=notes([one for one in order.own if one.name == "NTE"], draft),
        input=inputs,
        **({"reasonCode": reason} if state == "requested" else {"statusReason": reason}),
    )
    condition = condition_of(resource["identifier"][0])
    return dict(draft.add(numbered(draft, "Task"), resource, orc.place(1), how="merge", condition=condition))


def known(order: Order, context: Context, type_name: str) -> Resource:
    """A reference to the order that an ORC names, which has to be there. Raises Hl7Fault 101 where it names none."""
    return dict(
        context.draft.add(
            numbered(context.draft, type_name),
            {"resourceType": type_name},
            order.orc.place(2),
            how="find",
            condition=condition_of(number(order, context)),
        )
    )


def number(order: Order, context: Context) -> Resource:
    if order.identifier is None:
        place = order.orc.place(2)
        raise context.draft.fault(REQUIRED_FIELD_MISSING, place, "what is asked for is asked of an order with a number")
    return order.identifier


def _identifier(order: Order, kind: str, context: Context) -> Resource:
    one = number(order, context)
    return derived(context.draft.making, NAMESPACE, one["system"], one["value"], kind)


def _code(order: Order, kind: str) -> dict[str, Any]:
    control = {"system": CONTROL_CODES, "code": order.orc.text(1), "display": order.control.display}
    return {"coding": [{"system": TASK_CODES, "code": kind}, control]}
