"""What happens to patients: visits, readings, prescriptions, dispenses, and the work on them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.benchmarks.search.chance import Chance, Resource, concept
from tests.benchmarks.search.systems import FILL, HL7, LOINC, PRESCRIPTION, SNOMED, TASK, UCUM, US_CORE, VISIT
from tests.benchmarks.search.words import READINGS, REASONS, STEPS, Reading

REQUEST_STATUS = {"completed": 70, "active": 25, "on-hold": 3, "cancelled": 2}
DISPENSE_STATUS = {"completed": 93, "in-progress": 4, "preparation": 2, "cancelled": 1}
TASK_STATUS = {"completed": 88, "cancelled": 5, "requested": 3, "in-progress": 2, "failed": 2}
ENCOUNTER_STATUS = {"finished": 96, "in-progress": 2, "cancelled": 2}
OBSERVATION_STATUS = {"final": 94, "amended": 4, "preliminary": 2}
PRIORITY = {"routine": 90, "urgent": 8, "stat": 2}


@dataclass(frozen=True)
class Event:
    """What everything that happens has: its number among its type, the moment, and references to who is concerned."""

    number: int
    moment: datetime
    patient: Resource
    practitioner: Resource
    pharmacy: Resource


def encounter(chance: Chance, event: Event) -> Resource:
    minutes = chance.choice((10, 15, 20, 30, 45, 60 * 24, 60 * 72))
    end = event.moment + timedelta(minutes=minutes)
    attender = concept(f"{HL7}/v3-ParticipationType", "ATND", "attender")
    return {
        "meta": {"profile": [f"{US_CORE}/us-core-encounter"]},
        "identifier": [{"system": VISIT, "value": f"V{event.number:09}"}],
        "status": chance.weighted(ENCOUNTER_STATUS),
        "class": {"system": f"{HL7}/v3-ActCode", "code": "AMB", "display": "ambulatory"},
        "type": [concept(SNOMED, "185349003", "Encounter for check up")],
        "subject": event.patient,
        "participant": [{"type": [attender], "individual": event.practitioner}],
        "period": {"start": instant(event.moment), "end": instant(end)},
        "length": {"value": minutes, "unit": "min", "system": UCUM, "code": "min"},
        "reasonCode": [_reason(chance)],
        "serviceProvider": event.pharmacy,
    }


def request(chance: Chance, event: Event, medication: Resource) -> Resource:
    return {
        "meta": {"profile": [f"{US_CORE}/us-core-medicationrequest"]},
        "identifier": [{"use": "official", "system": PRESCRIPTION, "value": f"RX{event.number:09}"}],
        "status": chance.weighted(REQUEST_STATUS),
        "intent": "order",
        "category": [concept(f"{HL7}/medicationrequest-category", "community", "Community")],
        "priority": chance.weighted(PRIORITY),
        "medicationReference": medication,
        "subject": event.patient,
        "authoredOn": instant(event.moment),
        "requester": event.practitioner,
        "reasonCode": [_reason(chance)],
        "note": [{"time": instant(event.moment), "text": chance.text(90)}],
        "dosageInstruction": [dosage(chance)],
        "dispenseRequest": _supply(chance, event),
        "substitution": {"allowedBoolean": True, "reason": concept(f"{HL7}/v3-ActReason", "FP", "formulary policy")},
    }


def dispense(chance: Chance, event: Event, medication: Resource, prescription: Resource) -> Resource:
    return {
        "identifier": [{"system": FILL, "value": f"F{event.number:09}"}],
        "status": chance.weighted(DISPENSE_STATUS),
        "category": concept(f"{HL7}/medicationdispense-category", "community", "Community"),
        "medicationReference": medication,
        "subject": event.patient,
        "performer": [{"actor": event.practitioner}, {"actor": event.pharmacy}],
        "authorizingPrescription": [prescription],
        "type": concept(f"{HL7}/v3-ActCode", "RF", "Refill"),
        "quantity": {"value": chance.choice((10, 30, 60, 90)), "unit": "tablet", "system": UCUM, "code": "{tbl}"},
        "daysSupply": _days(30),
        "whenPrepared": instant(event.moment - timedelta(minutes=chance.randrange(5, 300))),
        "whenHandedOver": instant(event.moment),
        "note": [{"text": chance.text(80)}],
        "dosageInstruction": [dosage(chance)],
        "substitution": {"wasSubstituted": False},
    }


def observation(chance: Chance, event: Event) -> Resource:
    reading = chance.zipf(READINGS)
    category = concept(f"{HL7}/observation-category", "vital-signs", "Vital Signs")
    return {
        "meta": {"profile": [f"{US_CORE}/us-core-vital-signs"]},
        "identifier": [{"system": f"{FILL}/reading", "value": f"O{event.number:09}"}],
        "status": chance.weighted(OBSERVATION_STATUS),
        "category": [category],
        "code": concept(LOINC, reading.loinc, reading.display),
        "subject": event.patient,
        "effectiveDateTime": instant(event.moment),
        "issued": instant(event.moment + timedelta(minutes=3)),
        "performer": [event.practitioner, event.pharmacy],
        "valueQuantity": _measured(reading, chance.uniform(reading.low, reading.high)),
        "interpretation": [concept(f"{HL7}/v3-ObservationInterpretation", "N", "Normal")],
        "note": [{"text": chance.text(50)}],
        "referenceRange": [{"low": _measured(reading, reading.low), "high": _measured(reading, reading.high)}],
    }


def condition(chance: Chance, event: Event) -> Resource:
    onset = event.moment - timedelta(days=chance.randrange(3_000))
    return {
        "clinicalStatus": concept(f"{HL7}/condition-clinical", "active", "Active"),
        "verificationStatus": concept(f"{HL7}/condition-ver-status", "confirmed", "Confirmed"),
        "category": [concept(f"{HL7}/condition-category", "problem-list-item", "Problem List Item")],
        "code": _reason(chance),
        "subject": event.patient,
        "onsetDateTime": onset.date().isoformat(),
        "recordedDate": instant(event.moment),
        "recorder": event.practitioner,
        "note": [{"text": chance.text(120)}],
    }


def task(chance: Chance, event: Event, prescription: Resource) -> Resource:
    step = chance.choice(STEPS)
    due = event.moment + timedelta(hours=chance.randrange(1, 72))
    return {
        "identifier": [{"system": TASK, "value": f"T{event.number:09}"}],
        "status": chance.weighted(TASK_STATUS),
        "businessStatus": {"text": chance.text(4)},
        "intent": "order",
        "priority": chance.weighted(PRIORITY),
        "code": concept("https://bench.example/steps", step.code, step.display),
        "description": chance.text(60),
        "focus": prescription,
        "for": event.patient,
        "authoredOn": instant(event.moment),
        "lastModified": instant(event.moment + timedelta(minutes=chance.randrange(600))),
        "requester": event.practitioner,
        "owner": event.pharmacy,
        "note": [{"text": chance.text(80)}],
        "restriction": {"repetitions": 1, "period": {"end": instant(due)}},
    }


def dosage(chance: Chance) -> Resource:
    amount = {"value": chance.choice((1, 2, 0.5)), "unit": "tablet", "system": UCUM, "code": "{tbl}"}
    repeat = {"frequency": chance.choice((1, 1, 2, 3)), "period": 1, "periodUnit": "d"}
    return {
        "sequence": 1,
        "text": chance.text(30),
        "patientInstruction": chance.text(30),
        "timing": {"repeat": repeat},
        "asNeededBoolean": chance.random() < 0.1,
        "route": concept(SNOMED, "26643006", "Oral route"),
        "doseAndRate": [{"type": concept(f"{HL7}/dose-rate-type", "ordered", "Ordered"), "doseQuantity": amount}],
    }


def instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _supply(chance: Chance, event: Event) -> Resource:
    until = event.moment + timedelta(days=365)
    return {
        "validityPeriod": {"start": instant(event.moment)[:10], "end": instant(until)[:10]},
        "numberOfRepeatsAllowed": chance.randrange(6),
        "quantity": {"value": chance.choice((10, 30, 60, 90)), "unit": "tablet", "system": UCUM, "code": "{tbl}"},
        "expectedSupplyDuration": _days(30),
        "performer": event.pharmacy,
    }


def _days(number: int) -> Resource:
    return {"value": number, "unit": "day", "system": UCUM, "code": "d"}


def _measured(reading: Reading, value: float) -> Resource:
    return {"value": round(value, 1), "unit": reading.unit, "system": UCUM, "code": reading.unit}


def _reason(chance: Chance) -> Resource:
    return concept(SNOMED, *chance.zipf(REASONS))
