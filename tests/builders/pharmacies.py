"""A pharmacy whose resources refer to each other, to be joined: drawn at random, from a seed."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.builders.resources import Resource

CODES = "http://example.org/codes"
UCUM = "http://unitsofmeasure.org"

COUNTS = {
    "Organization": 8,
    "Practitioner": 8,
    "Patient": 20,
    "Medication": 5,
    "MedicationRequest": 40,
    "MedicationDispense": 40,
    "Observation": 40,
}
"""Ids are o1, p1 and so on: the type's initials and a number."""


@dataclass(frozen=True)
class Pharmacy:
    draw: random.Random

    def resources(self) -> Iterator[Resource]:
        makers: dict[str, Callable[[], Resource]] = {
            "Organization": self._organization,
            "Practitioner": self._practitioner,
            "Patient": self._patient,
            "Medication": lambda: {"code": self._concept("mn")},
            "MedicationRequest": self._request,
            "MedicationDispense": self._dispense,
            "Observation": self._observation,
        }
        for type_name, make in makers.items():
            for number in range(1, COUNTS[type_name] + 1):
                yield {"resourceType": type_name, "id": name(type_name, number), **make()}

    def _reference(self, *types: str) -> Resource:
        """One in ten leads to what is not there, one in ten names a version."""
        type_name = self.draw.choice(types)
        number = self.draw.randint(1, COUNTS[type_name] + COUNTS[type_name] // 10)
        version = "/_history/1" if self.draw.random() < 0.1 else ""
        return {"reference": f"{type_name}/{name(type_name, number)}{version}"}

    def _maybe(self, **elements: Any) -> Resource:
        return {key: value for key, value in elements.items() if self.draw.random() < 0.8}

    def _organization(self) -> Resource:
        return {"name": self.draw.choice("ABC"), **self._maybe(partOf=self._reference("Organization"))}

    def _practitioner(self) -> Resource:
        return {"name": [{"family": self.draw.choice("XYZ")}]}

    def _patient(self) -> Resource:
        doctors = [self._reference("Practitioner", "Organization") for _ in range(self.draw.randint(0, 2))]
        organization = self._maybe(managingOrganization=self._reference("Organization"))
        return {"gender": self.draw.choice(["male", "female"]), **organization, **_some(generalPractitioner=doctors)}

    def _request(self) -> Resource:
        medication = {"medicationReference": self._reference("Medication")}
        return {
            "status": self.draw.choice(["active", "stopped", "completed"]),
            "intent": "order",
            "subject": self._reference("Patient"),
            **self.draw.choice([medication, {"medicationCodeableConcept": self._concept("mn")}]),
            **self._maybe(requester=self._reference("Practitioner", "Organization", "Patient")),
        }

    def _dispense(self) -> Resource:
        prescriptions = [self._reference("MedicationRequest") for _ in range(self.draw.randint(0, 2))]
        return {
            "status": self.draw.choice(["completed", "declined"]),
            "medicationCodeableConcept": self._concept("mn"),
            "subject": self._reference("Patient"),
            **_some(authorizingPrescription=prescriptions),
        }

    def _observation(self) -> Resource:
        components = [{"code": self._concept("ab"), **self._quantity()} for _ in range(self.draw.randint(0, 3))]
        value = self._quantity() if self.draw.random() < 0.6 else {"valueCodeableConcept": self._concept("vw")}
        return {
            "status": "final",
            "code": self._concept("ab"),
            "subject": self._reference("Patient"),
            **value,
            **_some(component=components, hasMember=[self._reference("Observation")] * self.draw.randint(0, 1)),
        }

    def _concept(self, codes: str) -> Resource:
        return {"coding": [{"system": CODES, "code": self.draw.choice(codes)}]}

    def _quantity(self) -> Resource:
        return {"valueQuantity": {"value": self.draw.choice([1, 5, 9]), "system": UCUM, "code": "mg", "unit": "mg"}}


def name(type_name: str, number: int) -> str:
    return f"{''.join(c for c in type_name if c.isupper()).lower()}{number}"


def _some(**lists: list[Any]) -> Resource:
    return {key: value for key, value in lists.items() if value}
