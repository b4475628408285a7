"""A pharmacy's years in the order in which they were written down, the same for the same seed.

Every day brings about as much as any other: of a store of a million the first tenth are the first seven months, and
whoever asks for a week of it is given as much from the tenth as from the whole. What grows is the past.
"""

from array import array
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from tests.benchmarks.search import clinical, people
from tests.benchmarks.search.chance import Chance, Resource, identity, reference
from tests.benchmarks.search.clinical import Event
from tests.benchmarks.search.words import DRUGS

FIRST_DAY = datetime(2020, 9, 1, tzinfo=UTC)
YEARS = 6
LATE_SHARE, LATE_DAYS = 0.03, 200
"""Some is written down long after it happened (days)."""

SHARES = {
    "Patient": 8,
    "Encounter": 6,
    "MedicationRequest": 25,
    "MedicationDispense": 27,
    "Observation": 24,
    "Task": 8,
    "Condition": 2,
}
HUGE = (0.011, 0.0085, 0.0065, 0.005)
"""Parts of all events that are the first patients': nursing homes kept as one patient, test patients, the very ill."""

RECENT = 2_000
"""How many prescriptions back the one lies that is filled next, on average (prescriptions)."""


class Life:
    """The resources of a store that is to have `count` of them, and of the time after."""

    def __init__(self, count: int, seed: int = 20261121) -> None:
        self.count = count
        self.organizations = 25
        self.practitioners = max(20, count // 400)
        self.medications = min(1_000, max(20, count // 100))
        self._chance = Chance(seed)
        self._made = dict.fromkeys((*SHARES, "Organization", "Practitioner", "Medication"), 0)
        self._patient_names: list[str] = []
        self._practitioner_names: list[str] = []
        self._prescribed_to = array("L")
        self._prescribed = array("L")
        self._position = 0

    def resources(self) -> Iterator[Resource]:
        """Endless; each refers only to those before it."""
        for _ in range(self.organizations):
            yield self._entered("Organization", people.organization)
        for _ in range(self.practitioners):
            yield self._entered("Practitioner", people.practitioner)
        for _ in range(self.medications):
            yield self._entered("Medication", people.medication)
        for _ in HUGE:
            yield self._named("Patient", self._patient)
        yield self._named("MedicationRequest", self._request)
        while True:
            kind = self._chance.weighted(SHARES)
            yield self._named(kind, self._makers[kind])

    @property
    def _makers(self) -> dict[str, Callable[[int], Resource]]:
        return {
            "Patient": self._patient,
            "Encounter": lambda number: clinical.encounter(self._chance, self._event(number)),
            "MedicationRequest": self._request,
            "MedicationDispense": self._dispense,
            "Observation": lambda number: clinical.observation(self._chance, self._event(number)),
            "Task": self._task,
            "Condition": lambda number: clinical.condition(self._chance, self._event(number)),
        }

    def _entered(self, type_name: str, make: Callable[[Chance, int], Resource]) -> Resource:
        resource = self._named(type_name, lambda number: make(self._chance, number))
        if type_name == "Practitioner":
            self._practitioner_names.append(people.display_of(resource))
        return resource

    def _named(self, type_name: str, make: Callable[[int], Resource]) -> Resource:
        number = self._made[type_name]
        self._made[type_name] += 1
        self._position += 1
        return {"resourceType": type_name, "id": identity(type_name, number)} | make(number)

    def _patient(self, number: int) -> Resource:
        doctor, pharmacy = self._practitioner(), self._pharmacy()
        resource = people.patient(self._chance, number, doctor, pharmacy)
        self._patient_names.append(people.display_of(resource))
        return resource

    def _request(self, number: int) -> Resource:
        whom, what = self._whom(), self._chance.rank(self.medications)
        self._prescribed_to.append(whom)
        self._prescribed.append(what)
        return clinical.request(self._chance, self._event(number, whom), _medication(what))

    def _dispense(self, number: int) -> Resource:
        which = self._recent()
        event = self._event(number, self._prescribed_to[which])
        medication = _medication(self._prescribed[which])
        return clinical.dispense(self._chance, event, medication, reference("MedicationRequest", which))

    def _task(self, number: int) -> Resource:
        which = self._recent()
        event = self._event(number, self._prescribed_to[which])
        return clinical.task(self._chance, event, reference("MedicationRequest", which))

    def _recent(self) -> int:
        back = int(self._chance.expovariate(1 / RECENT))
        return (len(self._prescribed) - 1 - back) % len(self._prescribed)

    def _whom(self) -> int:
        """Who came first has most; of the others each is as likely."""
        at = self._chance.random()
        for number, share in enumerate(HUGE):
            at -= share
            if at < 0:
                return number
        return self._chance.randrange(len(HUGE), max(len(HUGE) + 1, len(self._patient_names)))

    def _event(self, number: int, whom: int | None = None) -> Event:
        whom = self._whom() if whom is None else whom
        whom = min(whom, len(self._patient_names) - 1)
        patient = reference("Patient", whom, self._patient_names[whom])
        return Event(number, self._moment(), patient, self._practitioner(), self._pharmacy())

    def _moment(self) -> datetime:
        days = YEARS * 365 * self._position / self.count
        if self._chance.random() < LATE_SHARE:
            days -= self._chance.random() * LATE_DAYS
        return FIRST_DAY + timedelta(days, self._chance.randrange(7_200))

    def _practitioner(self) -> Resource:
        number = self._chance.rank(self.practitioners)
        return reference("Practitioner", number, self._practitioner_names[number])

    def _pharmacy(self) -> Resource:
        return reference("Organization", self._chance.rank(self.organizations))


def _medication(number: int) -> Resource:
    return reference("Medication", number, DRUGS[number % len(DRUGS)].display)
