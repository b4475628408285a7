"""Sig -> Dosage. https://hl7.org/fhir/R4/dosage.html.

SigText is the truth: it is the text of every Dosage. The structured part is added beside it; what it does not say is
never filled in from the text, and where the two disagree `sig_disagreements` says so.
"""

from typing import Final

from mappers.mapped import Resource
from mappers.script.codes import sig_coding, unit
from mappers.script.reading import At
from mappers.script.to_fhir.sig_disagreements import disagreements
from mappers.script.values import number
from terminology.ncpdp import tables

CODED: Final = {
    "DoseAdministration/DoseDeliveryMethod": "method",
    "DoseAdministration/RouteOfAdministration": "route",
    "DoseAdministration/SiteOfAdministration": "site",
}
"""Coded parts of an Instruction that are concepts of a Dosage."""


def dosages(at: At) -> list[Resource]:
    """One Dosage for the text, or one for each Instruction."""
    text = at.text("Sig/SigText")
    at.carry("Sig/CodeSystem")
    made = [_dosage(one, text) for one in at.several("Sig/Instruction")]
    for number_, dosage in enumerate(made, 1):
        if len(made) > 1:
            dosage["sequence"] = number_
        else:
            at.reading.disagreements += [(f"{at.place}/Sig", what) for what in disagreements(dosage)]
    return made or ([{"text": text}] if text else [])


def _dosage(at: At, text: str) -> Resource:
    dosage: Resource = {"text": text} if text else {}
    for path, name in CODED.items():
        concept = coded(at, path)
        dosage |= {name: concept} if concept else {}
    value = number(at.text("DoseAdministration/Dosage/DoseQuantity"))
    measure = _measure(at, "DoseAdministration/Dosage/DoseUnitOfMeasure")
    if value is not None:
        dosage["doseAndRate"] = [{"doseQuantity": {"value": value, **measure}}]
    elif measure:
        at.note("DoseAdministration/Dosage", "It has a unit and no amount")
    timing = _timing(at)
    dosage |= {"timing": timing} if timing else {}
    _indication(at, dosage)
    _maximum(at, dosage)
    for path in ("CodeSystem", "FreeText", "RepeatingSIG", "Dose/DoseCompositeIndicator"):
        at.carry(path)  # versions of code systems, a copy of the text, and what the order of the Dosages says
    if at.text("MultipleInstructionModifier") not in ("", "THEN"):
        at.note("MultipleInstructionModifier", "The instructions are not one after another; the text says how they go")
    return dosage


def coded(at: At, path: str) -> Resource:
    """Text, Qualifier and Code as a concept; {} where there is none."""
    text, qualifier, code = (at.text(f"{path}/{name}") for name in ("Text", "Qualifier", "Code"))
    coding = sig_coding(code, qualifier) if code else None
    if code and coding is None:
        at.note(f"{path}/Qualifier", "The qualifier names no code system; the code was left out")
    return ({"coding": [coding]} if coding else {}) | ({"text": text} if text else {})


def _measure(at: At, path: str) -> Resource:
    text, code = at.text(f"{path}/Text"), at.text(f"{path}/Code")
    at.carry(f"{path}/Qualifier")
    return unit(code, text)


def period_unit(at: At, path: str) -> str:
    """The unit of time as UCUM, by its code or else by its word; "" for one that is not known."""
    code, text = at.text(f"{path}/Code"), at.text(f"{path}/Text").lower().rstrip("s")
    at.carry(f"{path}/Qualifier")
    words = {word: ucum for ucum, word in tables.PERIOD_WORDS.items()}
    by_code, by_word = tables.PERIODS_OF_SNOMED.get(code, ""), words.get(text, "")
    if by_code and by_word and by_code != by_word:
        at.reading.disagreements.append((f"{at.place}/{path}", "unit of time"))
    return by_code or by_word


def _timing(at: At) -> Resource:
    """How often, and for how long. A second Frequency is left to the text, and noted."""
    repeat: Resource = {}
    code: Resource = {}
    for one in at.several("TimingAndDuration"):
        for name, read in (("Frequency", _frequency), ("Interval", _interval), ("Duration", _duration)):
            said = read(one)
            if said and repeat.keys() & said.keys() and any(repeat[key] != said[key] for key in said if key in repeat):
                one.reading.disagreements.append((f"{one.place}/{name}", name.lower()))
            else:
                repeat |= said
        code = code or coded(one, "AdministrationTiming/AdministrationTimingEvent")
    return ({"repeat": repeat} if repeat else {}) | ({"code": code} if code else {})


def _frequency(at: At) -> Resource:
    count, period = number(at.text("Frequency/FrequencyNumericValue")), period_unit(at, "Frequency/FrequencyUnits")
    if not isinstance(count, int) or not count or not period:
        _incomplete(at, "Frequency")
        return {}
    return {"frequency": count, "period": 1, "periodUnit": period}


def _interval(at: At) -> Resource:
    every, period = number(at.text("Interval/IntervalNumericValue")), period_unit(at, "Interval/IntervalUnits")
    if not every or not period:
        _incomplete(at, "Interval")
        return {}
    return {"frequency": 1, "period": every, "periodUnit": period}


def _duration(at: At) -> Resource:
    value, period = number(at.text("Duration/DurationNumericValue")), period_unit(at, "Duration/DurationText")
    if not value or not period:
        _incomplete(at, "Duration")
        return {}
    bounds = {"value": value, "unit": tables.PERIOD_WORDS[period], "system": tables.UCUM, "code": period}
    return {"boundsDuration": bounds}


def _incomplete(at: At, name: str) -> None:
    if any(True for node in at.node.all(name) for _ in node.leaves()):
        at.note(name, "It has no number, or no unit of time that is known; the text says it")


def _indication(at: At, dosage: Resource) -> None:
    """Only `as needed for` has an element in FHIR."""
    if at.peek("IndicationForUse/IndicationPrecursor/Code") != tables.AS_NEEDED:
        return
    at.carry("IndicationForUse/IndicationPrecursor")
    concept = coded(at, "IndicationForUse/IndicationValue")
    dosage |= {"asNeededCodeableConcept": concept} if concept else {"asNeededBoolean": True}


def _maximum(at: At, dosage: Resource) -> None:
    restriction = "MaximumDoseRestriction/MaximumDoseRestriction"
    value, time = number(at.text(f"{restriction}NumericValue")), number(at.text(f"{restriction}DurationValue"))
    measure, period = _measure(at, f"{restriction}Units"), period_unit(at, f"{restriction}DurationUnit")
    if value is None or time is None or not period:
        return
    limit = {"value": time, "unit": tables.PERIOD_WORDS[period], "system": tables.UCUM, "code": period}
    dosage["maxDosePerPeriod"] = {"numerator": {"value": value, **measure}, "denominator": limit}
