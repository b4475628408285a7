"""Invented pharmacy data, the same for the same seed: resources of 0.5 to 3 KB that refer to each other."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

Resource = dict[str, Any]

FAMILIES = ("Amsel", "Birke", "Corvin", "Dorn", "Esche", "Falk", "Ginster", "Hasel", "Ilex", "Kranich", "Linde")
GIVENS = ("Ada", "Ben", "Cleo", "Dana", "Emil", "Fina", "Gero", "Hedi", "Ivo", "Jula", "Kaspar", "Lena")
DRUGS = ("Amlodipine", "Atorvastatin", "Lisinopril", "Metformin", "Omeprazole", "Sertraline", "Warfarin")
VITALS = (("8480-6", "Systolic blood pressure", "mm[Hg]"), ("2339-0", "Glucose", "mg/dL"), ("29463-7", "Weight", "kg"))
WORDS = "take with food and water do not crush call the pharmacy where rash or pain persists after a day".split()
SHARES = {"Practitioner": 0.005, "Medication": 0.005, "Patient": 0.1, "MedicationRequest": 0.25}
"""Parts of the whole; MedicationDispenses are as many as MedicationRequests, the rest is Observations."""

FIRST_DAY = date(2020, 1, 1)
SYSTEM = "https://bench.example"


class Generator:
    """Resources of a store that is to have `count` of them."""

    def __init__(self, count: int, seed: int = 20261121) -> None:
        self._random = random.Random(seed)
        self.counts = {name: max(1, int(count * share)) for name, share in SHARES.items()}
        self.counts["MedicationDispense"] = self.counts["MedicationRequest"]
        self.counts["Observation"] = max(1, count - sum(self.counts.values()))
        self._makers = {
            "Practitioner": self.practitioner,
            "Medication": self.medication,
            "Patient": self.patient,
            "MedicationRequest": self.request,
            "MedicationDispense": self.dispense,
            "Observation": self.observation,
        }

    def of_type(self, type_name: str) -> Iterator[Resource]:
        """All resources of a type, with their ids."""
        for number in range(self.counts[type_name]):
            yield {"resourceType": type_name, "id": resource_id(type_name, number)} | self._makers[type_name](number)

    def new(self, type_name: str, number: int) -> Resource:
        """One more resource, without an id, that refers to those of the store."""
        return {"resourceType": type_name} | self._makers[type_name](number)

    def practitioner(self, number: int) -> Resource:
        name = {"family": self._pick(FAMILIES), "given": [self._pick(GIVENS)], "prefix": ["Dr."]}
        return {
            "identifier": [identifier("npi", number)],
            "active": True,
            "name": [name],
            "telecom": [{"system": "phone", "value": f"+1-555-{number % 10000:04}", "use": "work"}],
            "address": [self._address()],
            "qualification": [{"code": {"text": self._text(12)}, "identifier": [identifier("license", number)]}],
        }

    def medication(self, number: int) -> Resource:
        coding = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": str(310000 + number)}
        strength = {"numerator": {"value": 5 * (number % 9 + 1), "unit": "mg"}, "denominator": {"value": 1}}
        return {
            "identifier": [identifier("ndc", number)],
            "code": {"coding": [coding | {"display": self._pick(DRUGS)}], "text": self._text(6)},
            "status": "active",
            "form": {"text": "Oral tablet"},
            "ingredient": [{"itemCodeableConcept": {"text": self._pick(DRUGS)}, "strength": strength}],
            "batch": {"lotNumber": f"LOT-{number:06}", "expirationDate": self._day()},
        }

    def patient(self, number: int) -> Resource:
        return {
            "meta": {"profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"]},
            "identifier": [identifier("mrn", number), identifier("insurance", number), identifier("loyalty", number)],
            "active": True,
            "name": [{"use": "official", "family": self._pick(FAMILIES), "given": [self._pick(GIVENS) for _ in "ab"]}],
            "telecom": [
                {"system": "phone", "value": f"+1-555-{number % 10000:04}", "use": use} for use in ("home", "mobile")
            ],
            "gender": self._pick(("female", "male", "other", "unknown")),
            "birthDate": self._day(),
            "address": [self._address()],
            "generalPractitioner": [self._link("Practitioner")],
            "contact": [{"name": {"text": self._text(2)}, "relationship": [{"text": self._text(1)}]}],
        }

    def request(self, number: int) -> Resource:
        return {
            "identifier": [identifier("rx", number)],
            "status": self._pick(("active", "completed", "stopped")),
            "intent": "order",
            "medicationReference": self._link("Medication"),
            "subject": self._link("Patient"),
            "authoredOn": f"{self._day()}T10:{number % 60:02}:00Z",
            "requester": self._link("Practitioner"),
            "note": [{"text": self._text(self._random.randrange(1, 160))}],
            "dosageInstruction": [self._dosage()],
            "dispenseRequest": {
                "numberOfRepeatsAllowed": number % 6,
                "quantity": {"value": 30, "unit": "tablet"},
                "expectedSupplyDuration": {"value": 30, "unit": "d"},
            },
            "substitution": {"allowedBoolean": True},
        }

    def dispense(self, number: int) -> Resource:
        return {
            "identifier": [identifier("fill", number)],
            "status": "completed",
            "medicationReference": self._link("Medication"),
            "subject": self._link("Patient"),
            "performer": [{"actor": self._link("Practitioner")}],
            "authorizingPrescription": [self._link("MedicationRequest")],
            "quantity": {"value": 30, "unit": "tablet"},
            "daysSupply": {"value": 30, "unit": "d"},
            "whenHandedOver": f"{self._day()}T16:{number % 60:02}:00Z",
            "note": [{"text": self._text(self._random.randrange(1, 160))}],
            "dosageInstruction": [self._dosage()],
        }

    def observation(self, number: int) -> Resource:
        code, display, unit = VITALS[number % len(VITALS)]
        category = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}
        return {
            "identifier": [identifier("reading", number)],
            "status": "final",
            "category": [{"coding": [category]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": display}], "text": display},
            "subject": self._link("Patient"),
            "effectiveDateTime": f"{self._day()}T08:{number % 60:02}:00Z",
            "performer": [self._link("Practitioner")],
            "valueQuantity": {
                "value": self._random.randrange(40, 190),
                "unit": unit,
                "system": "http://unitsofmeasure.org",
                "code": unit,
            },
            "note": [{"text": self._text(self._random.randrange(1, 80))}],
        }

    def _pick(self, choices: tuple[str, ...]) -> str:
        return self._random.choice(choices)

    def _text(self, words: int) -> str:
        return " ".join(self._random.choices(WORDS, k=words))

    def _day(self) -> str:
        return (FIRST_DAY + timedelta(self._random.randrange(2000))).isoformat()

    def _link(self, type_name: str) -> Resource:
        number = self._random.randrange(self.counts[type_name])
        return {"reference": f"{type_name}/{resource_id(type_name, number)}"}

    def _address(self) -> Resource:
        line = f"{self._random.randrange(1, 400)} Mortar Lane"
        return {"line": [line], "city": "Springfield", "postalCode": f"{self._random.randrange(100000):05}"}

    def _dosage(self) -> Resource:
        return {
            "sequence": 1,
            "text": self._text(12),
            "timing": {"repeat": {"frequency": self._random.randrange(1, 4), "period": 1, "periodUnit": "d"}},
            "route": {"coding": [{"system": "http://snomed.info/sct", "code": "26643006", "display": "Oral route"}]},
            "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}],
        }


def resource_id(type_name: str, number: int) -> str:
    return f"{type_name.lower()}-{number:07}"


def identifier(kind: str, number: int) -> Resource:
    return {"system": f"{SYSTEM}/{kind}", "value": f"{kind}-{number:09}"}
