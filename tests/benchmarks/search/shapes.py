"""What a pharmacy asks: twenty pages, an estimate and a count. A line of `SHAPES` is a shape."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import cycle, islice
from urllib.parse import quote

from tests.benchmarks.search.chance import Resource, identity
from tests.benchmarks.search.life import HUGE
from tests.benchmarks.search.store import SAMPLE, Store
from tests.benchmarks.search.systems import LOINC, MRN, PRESCRIPTION, RXNORM, UCUM
from tests.benchmarks.search.walks import changes, deep_pages

Paths = Callable[[Store], Awaitable[list[str]]]
"""The requests of a shape, each for another patient, drug or day: what follows the base URL."""


@dataclass(frozen=True)
class Shape:
    """`page_aims`: a page is held to a read of the same page by key; `may_grow`: counting takes as long as there is."""

    name: str
    paths: Paths
    page_aims: bool = True
    may_grow: bool = False


def each(type_name: str, ask: Callable[[Resource], str]) -> Paths:
    """A request made from each of the sampled resources of a type."""

    async def paths(store: Store) -> list[str]:
        return list(dict.fromkeys(ask(resource) for resource in islice(cycle(store.samples.of(type_name)), SAMPLE)))

    return paths


def always(*asked: str) -> Paths:
    async def paths(_: Store) -> list[str]:
        return list(asked)

    return paths


def token(system: str, code: str) -> str:
    return quote(f"{system}|{code}", safe=":/")


def identifier(resource: Resource, system: str) -> str:
    return next(token(system, i["value"]) for i in resource["identifier"] if i["system"] == system)


def code(resource: Resource) -> str:
    return token(LOINC, resource["code"]["coding"][0]["code"])


def subject(resource: Resource) -> str:
    return str(resource["subject"]["reference"])


def days(name: str, moment: str, before: int) -> str:
    """The `before` days that end with the day of `moment`."""
    end = date.fromisoformat(moment[:10]) + timedelta(days=1)
    return f"{name}=ge{end - timedelta(days=before)}&{name}=lt{end}"


def of_drug(request: Resource) -> str:
    return str(request["medicationReference"]["reference"])


def rxnorm_of(medication: Resource) -> str:
    return token(RXNORM, medication["code"]["coding"][0]["code"])


def born(patient: Resource) -> str:
    return f"Patient?family={quote(patient['name'][0]['family'])}&birthdate={patient['birthDate']}"


def beginning(patient: Resource) -> str:
    return f"Patient?name={quote(patient['name'][0]['family'][:3])}&_sort=family&_count=50"


def active(patient: str) -> str:
    return f"MedicationRequest?patient={patient}&status=active&_sort=-authoredon&_count=50"


def above(observation: Resource) -> str:
    """More than nine tenths of the way from the lowest to the highest."""
    bounds, unit = observation["referenceRange"][0], quote(observation["valueQuantity"]["code"], safe="")
    low, high = bounds["low"]["value"], bounds["high"]["value"]
    value = f"gt{low + 0.9 * (high - low):.1f}%7C{UCUM}%7C{unit}"
    return f"Observation?code={code(observation)}&value-quantity={value}&_sort=-date&_count=50"


INCLUDED = "_include=MedicationRequest:medication&_include=MedicationRequest:requester"
OPEN = "MedicationRequest?status=active"

SHAPES = (
    Shape("patient by identifier", each("Patient", lambda r: f"Patient?identifier={identifier(r, MRN)}")),
    Shape("patient by family name and birth date", each("Patient", born)),
    Shape("patients by the beginning of a name, sorted", each("Patient", beginning)),
    Shape("active prescriptions of a patient, newest first", each("MedicationRequest", lambda r: active(subject(r)))),
    Shape(
        "the same of a huge patient",
        always(*(active(f"Patient/{identity('Patient', number)}") for number in range(len(HUGE)))),
    ),
    Shape(
        "the same with medication and requester",
        each("MedicationRequest", lambda r: f"{active(subject(r))}&{INCLUDED}"),
    ),
    Shape(
        "prescriptions by the patient's identifier",
        each(
            "Patient",
            lambda r: f"MedicationRequest?patient.identifier={identifier(r, MRN)}&_sort=-authoredon&_count=50",
        ),
    ),
    Shape(
        "prescriptions of a drug, newest first",
        each("MedicationRequest", lambda r: f"MedicationRequest?medication={of_drug(r)}&_sort=-authoredon&_count=50"),
    ),
    Shape(
        "prescriptions by the drug's code, of a quarter",
        each(
            "Medication",
            lambda r: (
                f"MedicationRequest?medication.code={rxnorm_of(r)}"
                "&authoredon=ge2020-10-01&authoredon=lt2021-01-01&_count=50"
            ),
        ),
    ),
    Shape(
        "prescription by number with its dispenses",
        each(
            "MedicationRequest",
            lambda r: (
                f"MedicationRequest?identifier={identifier(r, PRESCRIPTION)}"
                "&_revinclude=MedicationDispense:prescription"
            ),
        ),
    ),
    Shape(
        "dispenses of a prescription",
        each(
            "MedicationDispense",
            lambda r: f"MedicationDispense?prescription={r['authorizingPrescription'][0]['reference']}",
        ),
    ),
    Shape(
        "latest reading of a patient",
        each("Observation", lambda r: f"Observation?patient={subject(r)}&code={code(r)}&_sort=-date&_count=1"),
    ),
    Shape(
        "readings by code and date",
        each(
            "Observation",
            lambda r: f"Observation?code={code(r)}&{days('date', r['effectiveDateTime'], 30)}&_sort=-date&_count=50",
        ),
    ),
    Shape("readings by code and value, newest first", each("Observation", above)),
    Shape(
        "visits of a day",
        each("Encounter", lambda r: f"Encounter?date={r['period']['start'][:10]}&_count=50"),
    ),
    Shape("work queue by status, oldest first", always("Task?status=requested&_sort=authored-on&_count=50")),
    Shape(
        "work of a pharmacy by two statuses, newest first",
        each(
            "Task",
            lambda r: f"Task?status=requested,in-progress&owner={r['owner']['reference']}&_sort=-authored-on&_count=50",
        ),
    ),
    Shape(
        "patients who take a drug",
        each(
            "MedicationRequest", lambda r: f"Patient?_has:MedicationRequest:patient:medication={of_drug(r)}&_count=50"
        ),
    ),
    Shape("changes since", changes("MedicationDispense")),
    Shape("deep page", deep_pages("MedicationRequest?status=completed&_sort=-authoredon&_count=50")),
    Shape("first page with an estimate", always(f"{OPEN}&_total=estimate&_sort=-authoredon&_count=50")),
    Shape("count", always(f"{OPEN}&_summary=count"), page_aims=False, may_grow=True),
)
