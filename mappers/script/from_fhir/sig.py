"""Dosage -> Sig. The text always; the structure beside it where SCRIPT has elements for it."""

from decimal import Decimal
from typing import Any

from mappers.mapped import Resource
from mappers.script.codes import sig_qualifier, unit_code
from mappers.script.from_fhir.sending import Sending
from mappers.script.to_fhir.sig import CODED
from mappers.script.values import NUMBER
from terminology.ncpdp.tables import AS_NEEDED, NCIT, PERIOD_WORDS, SNOMED_CT, SNOMED_OF_PERIODS

Texts = list[tuple[str, str]]


def sig(sending: Sending, dosages: list[Resource]) -> Texts:
    """Paths and texts below Sig; the text of several Dosages is said once where they share it."""
    said = list(dict.fromkeys(str(one["text"]) for one in dosages if one.get("text")))
    texts: Texts = [("Sig/SigText", " ".join(said))]
    if dosages and not said:
        sending.note("Sig/SigText", "The directions have no text, and a text is not made of their structure")
    structured = [one for one in dosages if one.keys() - {"text", "sequence"}]
    for number, dosage in enumerate(structured, 1):
        path = f"Sig/Instruction[{number}]"
        texts += [(f"{path}/{below}", text) for below, text in _instruction(sending, dosage)]
        if number < len(structured):
            texts.append((f"{path}/MultipleInstructionModifier", "THEN"))
    return texts


def _instruction(sending: Sending, dosage: Resource) -> Texts:
    texts: Texts = []
    for path, name in CODED.items():
        texts += coded(path, dosage.get(name, {}))
    for one in dosage.get("doseAndRate", ())[:1]:
        texts += _dose(sending, one)
    return texts + _timing(sending, dosage.get("timing", {})) + _as_needed(dosage) + _maximum(dosage)


def _dose(sending: Sending, rate: Resource) -> Texts:
    quantity = rate.get("doseQuantity")
    if quantity is None or "value" not in quantity:
        sending.note("DoseAdministration/Dosage", "The dose is a range or a rate; only its text was written")
        return []
    return [("DoseAdministration/Dosage/DoseQuantity", NUMBER.write(quantity["value"])), *_unit(quantity)]


def _unit(quantity: Resource, path: str = "DoseAdministration/Dosage/DoseUnitOfMeasure") -> Texts:
    code = unit_code(quantity)
    texts = [(f"{path}/Text", str(quantity.get("unit", "")))]
    return [*texts, (f"{path}/Qualifier", sig_qualifier(NCIT)), (f"{path}/Code", code)] if code else texts


def coded(path: str, concept: Resource) -> Texts:
    """A concept as Text, Qualifier and Code."""
    codings = (one for one in concept.get("coding", ()) if "code" in one)
    coding: Resource = next((one for one in codings if sig_qualifier(one.get("system", ""))), {})
    text = concept.get("text") or coding.get("display", "")
    if not coding:
        return [(f"{path}/Text", text)] if text else []
    return [
        (f"{path}/Text", text),
        (f"{path}/Qualifier", sig_qualifier(coding["system"])),
        (f"{path}/Code", coding["code"]),
    ]


def _period(path: str, unit: str) -> Texts:
    return [
        (f"{path}/Text", PERIOD_WORDS[unit]),
        (f"{path}/Qualifier", sig_qualifier(SNOMED_CT)),
        (f"{path}/Code", SNOMED_OF_PERIODS[unit]),
    ]


def _timing(sending: Sending, timing: Resource) -> Texts:
    """A TimingAndDuration for each thing that is said, as the samples write them."""
    repeat = timing.get("repeat", {})
    parts = [
        coded("AdministrationTiming/AdministrationTimingEvent", timing.get("code", {})),
        _how_often(sending, repeat),
        _duration(repeat),
    ]
    said = [part for part in parts if part]
    return [(f"TimingAndDuration[{number}]/{path}", text) for number, part in enumerate(said, 1) for path, text in part]


def _how_often(sending: Sending, repeat: Resource) -> Texts:
    count, every, unit = (repeat.get(name) for name in ("frequency", "period", "periodUnit"))
    if unit not in PERIOD_WORDS or not count or not every or "frequencyMax" in repeat or "periodMax" in repeat:
        if repeat.keys() - {"boundsDuration"}:
            sending.note("TimingAndDuration", "SCRIPT's directions do not say it like this; only the text was written")
        return []
    if Decimal(every) == 1:
        texts = [("Frequency/FrequencyNumericValue", str(count))]
        return texts + _period("Frequency/FrequencyUnits", unit)
    if count != 1:
        sending.note("TimingAndDuration", "SCRIPT has no several times in several days; only the text was written")
        return []
    return [("Interval/IntervalNumericValue", NUMBER.write(every)), *_period("Interval/IntervalUnits", unit)]


def _duration(repeat: Resource) -> Texts:
    bounds: Any = repeat.get("boundsDuration", {})
    if "value" not in bounds or bounds.get("code") not in PERIOD_WORDS:
        return []
    value = ("Duration/DurationNumericValue", NUMBER.write(bounds["value"]))
    return [value, *_period("Duration/DurationText", bounds["code"])]


def _as_needed(dosage: Resource) -> Texts:
    if "asNeededCodeableConcept" not in dosage and not dosage.get("asNeededBoolean"):
        return []
    precursor = {"text": "as needed for", "coding": [{"system": SNOMED_CT, "code": AS_NEEDED}]}
    value = coded("IndicationForUse/IndicationValue", dosage.get("asNeededCodeableConcept", {}))
    return coded("IndicationForUse/IndicationPrecursor", precursor) + value


def _maximum(dosage: Resource) -> Texts:
    limit = dosage.get("maxDosePerPeriod", {})
    amount, period = limit.get("numerator", {}), limit.get("denominator", {})
    if "value" not in amount or "value" not in period or period.get("code") not in PERIOD_WORDS:
        return []
    path = "MaximumDoseRestriction/MaximumDoseRestriction"
    return [
        (f"{path}NumericValue", NUMBER.write(amount["value"])),
        *_unit(amount, f"{path}Units"),
        (f"{path}DurationValue", NUMBER.write(period["value"])),
        *_period(f"{path}DurationUnit", period["code"]),
    ]
