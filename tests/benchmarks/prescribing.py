"""Prescriptions, and anything else, written over HTTP: at a steady rate, or many in one transaction."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from typing import Any, Final
from uuid import uuid4

from tests.benchmarks.http import HttpConnection, Load
from tests.benchmarks.rows import BUNDLE_ENTRIES, Bench, encoded

PRESCRIPTION: Final = "MedicationRequest"
WRITERS: Final = 8
"""Connections of a steady rate; a write that takes long keeps the next from waiting (connections)."""


@dataclass
class Written:
    """How long each write took, and when it was answered, by the resource's id (seconds of `time.perf_counter`)."""

    load: Load = field(default_factory=Load)
    answered: dict[str, float] = field(default_factory=dict)


def patient_id(number: int) -> str:
    return f"bench-told-{number}"


@dataclass
class Prescriber:
    """Patients are named by their numbers."""

    bench: Bench
    numbers: Iterator[int] = field(default_factory=count)

    def load_patients(self, total: int) -> None:
        galenic, patient = self.bench.installation, self.bench.generator.patient
        file = galenic.folder / "told.ndjson"
        patients = ({"resourceType": "Patient", "id": patient_id(n)} | patient(n) for n in range(total))
        file.write_bytes(b"\n".join(map(encoded, patients)))
        galenic.galenic("load", str(file))

    def prescription(self, patient: int) -> dict[str, Any]:
        """An active one, without an id."""
        subject = {"subject": {"reference": f"Patient/{patient_id(patient)}"}}
        return self.bench.generator.new(PRESCRIPTION, next(self.numbers)) | {"status": "active"} | subject

    async def paced(self, a_second: int, patients: Sequence[int]) -> Written:
        """One for each of the patients in turn, at a steady rate."""
        written, connections = Written(), [await self._connection() for _ in range(WRITERS)]
        places = iter(range(int(a_second * self.bench.seconds)))
        started = time.perf_counter()

        async def work(connection: HttpConnection) -> None:
            for place in places:
                resource = self.prescription(patients[place % len(patients)])
                await asyncio.sleep(started + place / a_second - time.perf_counter())
                await self._post(connection, resource, written)
            connection.close()

        await asyncio.gather(*map(work, connections))
        written.load.seconds = time.perf_counter() - started
        return written

    async def _post(self, connection: HttpConnection, resource: dict[str, Any], written: Written) -> None:
        request = self.bench.target.request("POST", f"/{resource['resourceType']}", encoded(resource))
        began = time.perf_counter()
        status, body = await connection.ask(request)
        ended = time.perf_counter()
        if status != HTTPStatus.CREATED:
            raise RuntimeError(f"HTTP {status}: {body[:500]!r}")
        written.load.latencies.append(ended - began)
        written.answered[json.loads(body)["id"]] = ended

    async def many(self, total: int, patients: Sequence[int]) -> set[str]:
        """The ids of so many, for the patients in turn."""
        return await self.create([self.prescription(patients[place % len(patients)]) for place in range(total)])

    async def create(self, resources: Sequence[dict[str, Any]]) -> set[str]:
        """Their ids."""
        connection = await self._connection()
        ids: set[str] = set()
        for first in range(0, len(resources), BUNDLE_ENTRIES):
            request = self.bench.target.request("POST", "", transaction(resources[first : first + BUNDLE_ENTRIES]))
            status, body = await connection.ask(request)
            if status != HTTPStatus.OK:
                raise RuntimeError(f"HTTP {status}: {body[:500]!r}")
            ids |= created(json.loads(body))
        connection.close()
        return ids

    async def _connection(self) -> HttpConnection:
        target = self.bench.target
        _, connection = await asyncio.get_running_loop().create_connection(HttpConnection, target.host, target.port)
        return connection


def transaction(resources: Sequence[dict[str, Any]]) -> bytes:
    """A Bundle that creates them."""
    entries = [
        {
            "fullUrl": f"urn:uuid:{uuid4()}",
            "resource": resource,
            "request": {"method": "POST", "url": resource["resourceType"]},
        }
        for resource in resources
    ]
    return encoded({"resourceType": "Bundle", "type": "transaction", "entry": entries})


def created(answer: dict[str, Any]) -> set[str]:
    """The ids in the answer to a transaction: `…/[type]/[id]/_history/[version]`."""
    return {entry["response"]["location"].split("/")[-3] for entry in answer["entry"]}
