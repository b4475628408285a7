"""DFT^P03: FT1 as ChargeItem. https://hl7.org/fhir/R4/chargeitem.html; chapter 6 of HL7 v2."""

from collections.abc import Callable
from typing import Final

from mappers.hl7v2.message import Message, Segment
from mappers.hl7v2.to_fhir.account import account
from mappers.hl7v2.to_fhir.admissions import number_of
from mappers.hl7v2.to_fhir.concepts import codeable_concept
from mappers.hl7v2.to_fhir.coverage import coverages
from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.elements import filled, moment, number
from mappers.hl7v2.to_fhir.encounter import encounter
from mappers.hl7v2.to_fhir.identifiers import ei, local
from mappers.hl7v2.to_fhir.patient import patient
from mappers.hl7v2.to_fhir.practitioner import practitioners
from mappers.hl7v2.to_fhir.sharing import numbered, share
from mappers.making import Making
from mappers.mapped import Mapped, Resource

CHARGES: Final = frozenset({"CG", "CH", "C", ""})
"""FT1-6 (0017) of a charge; CD, PY, AJ, CO are money that comes or goes without anything being charged for."""
TRANSACTIONS: Final = "transaction"
ENTERER: Final = "enterer"


def of_charges(message: Message, making: Making) -> Mapped:
    """P03: the charges of a visit, on the patient's account. The patient is used as he is known."""
    draft = Draft(message, making)
    someone = patient(draft)
    number_of_patient = number_of(draft)
    billed = account(draft, someone, number_of_patient, coverages(draft, someone, number_of_patient))
    visit = encounter(draft, someone, {"account": [billed] if billed else []})
    for segment in message.all("FT1"):
        charge(draft, segment, someone, filled(context=visit, account=[billed] if billed else []))
    return draft.mapped()


def charge(draft: Draft, segment: Segment, someone: Resource, extra: Resource) -> None:
    """FT1-7 is what is charged for, or else the procedure or the product."""
    making = draft.making
    code = next((one for field in (7, 25, 29) if (one := codeable_concept(segment.value(field), making))), {})
    if segment.text(6) not in CHARGES or not code:
        text = "no charge (0017)" if code else "a charge that does not say for what"
        draft.note("warning", segment.place(6 if code else 7), f"{text}: not carried")
        return
    given = practitioners(draft, segment, 20)
    ordered = practitioners(draft, segment, 21)
    entered = practitioners(draft, segment, 24)
    resource = filled(
        resourceType="ChargeItem",
        status="billable",
        identifier=_identifiers(draft, segment),
        code=code,
        subject=someone,
        occurrenceDateTime=moment(segment.value(4), making),
        performer=[{"actor": one} for one in (*given, *ordered)],
        quantity=_quantity(segment),
        priceOverride=_price(segment),
        enterer=entered[0] if entered else None,
        enteredDate=moment(segment.value(5), making),
        reason=[one for value in segment.repetitions(19) if (one := codeable_concept(value, making))],
        productCodeableConcept=codeable_concept(segment.value(29), making),
        **extra,
    )
    if "identifier" in resource:
        share(draft, resource, segment.place(), "merge")
    else:
        draft.add(numbered(draft, "ChargeItem"), resource, segment.place())


def _identifiers(draft: Draft, segment: Segment) -> list[Resource]:
    """FT1-2 is the transaction's; FT1-23 the number of the order it comes from."""
    number_, order = segment.text(2), ei(segment.value(23), draft.making, "FILL")
    own = local(number_, TRANSACTIONS, draft.making) if number_ else None
    return [one for one in (own, order) if own and one]


def _quantity(segment: Segment) -> Resource:
    amount = number(segment.value(10))
    return {} if amount is None else {"value": amount}


def _price(segment: Segment) -> Resource:
    """FT1-11, a CP whose first component is an MO: amount and currency."""
    value = segment.value(11)
    amount = value.inner(1)
    sum_ = number(amount)
    currency = amount.text(2)
    known = len(currency) == 3 and currency.isalpha()  # noqa: PLR2004  ISO 4217
    return {} if sum_ is None else filled(currency=currency.upper() if known else None) | {"value": sum_}


KINDS: Final[dict[str, Callable[[Message, Making], Mapped]]] = {"DFT^P03": of_charges}
