"""HL7 v2: what mapping costs beside parsing alone, and messages that are acknowledged with everything committed."""

import asyncio
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final
from uuid import UUID, uuid4

import hl7

from fhir_server.cli.database import keys
from fhir_server.exchange.effects import with_original
from fhir_server.exchange.hl7 import CONTENT_TYPE
from fhir_server.settings import Settings
from integrations.mllp.framing import framed
from mappers.hl7v2.message import parse
from mappers.hl7v2.to_fhir.convert import to_fhir
from mappers.making import Making
from tests.benchmarks.http import Load
from tests.benchmarks.installation import ROOT, Installation
from tests.benchmarks.limits import Inserts, prepare
from tests.benchmarks.rows import Bench, Row

CONNECTIONS: Final = (1, 16)
END: Final = b"\x1c\r"
STOP_SECONDS_MAX: Final = 20
WARM_SECONDS: Final = 1.0
LEDGER: Final = """
INSERT INTO message (id, partner, wire, direction, kind, sender, control_id, digest, raw, state, code, answer)
VALUES (%s, 'bench', 'mllp', 'in', 'RDE^O11', 'BENCH|WARD', %s, %s, %s, 'answered', 'AA', %s)
"""
_numbers = count(1)


def an_order(number: int) -> bytes:
    """Seven segments: a prescription of one drug for one of a thousand patients."""
    segments = (
        f"MSH|^~\\&|BENCH|WARD|GALENIC|PHARMACY|20261121120000+0000||RDE^O11^RDE_O11|B{number}|P|2.5.1",
        f"PID|1||{number % 1000}^^^MRN^MR||Chalmers^Peter^James||19741225|M",
        "PV1|1|O",
        f"ORC|NW|B{number}^WARD|||||||20261121|||1234567893^Primary^Ines^^^^^^&2.16.840.1.113883.4.6&ISO",
        "RXE||00093310905^Amoxicillin 500 MG Oral Capsule^NDC|500||mg|||||30|CAP|2",
        "TQ1|1|1^CAP|TID|||10^d",
        "RXR|PO^Oral^HL70162",
    )
    return "".join(f"{segment}\r" for segment in segments).encode()


async def messages(bench: Bench) -> list[Row]:
    """Mapping against parsing by PyPI `hl7`; committed messages against bare transactions of the same rows."""
    rows = [mapping(bench.seconds)]
    await asyncio.to_thread(bench.installation.galenic, "partner", "add", "bench", *ADDED)
    limit = Inserts(bench.limit_url, written(bench), (LEDGER, ledger_row))
    each = len(written(bench))
    with listening(bench.installation) as port:
        for connections in CONNECTIONS:
            bare = await limit.for_seconds(bench.seconds, connections, each) / each
            await sent(port, connections, WARM_SECONDS)
            load = await sent(port, connections, bench.seconds)
            rows.append(Row(f"MLLP, {connections} conn.", load.per_second, bare, load))
    return rows


ADDED: Final = ("--name", "Bench", "--sender", "BENCH|WARD", "--kind", "RDE^O11")


def making(raw: bytes) -> Making:
    return Making("bench", datetime.now(UTC), UUID(bytes=hashlib.sha256(raw).digest()[:16]))


def mapping(seconds: float) -> Row:
    raw = an_order(0)
    text, made = raw.decode(), making(raw)
    return Row(
        "RDE to FHIR", often(lambda: to_fhir(parse(raw), made), seconds), often(lambda: hl7.parse(text), seconds)
    )


def often(work: Callable[[], Any], seconds: float) -> float:
    """Times a second."""
    started, done = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        for _ in range(20):
            work()
        done += 20
    return done / (time.perf_counter() - started)


def written(bench: Bench) -> list[Any]:
    """The rows of what a message makes; what is there already is looked up by ours, and by the limit not at all."""
    raw = an_order(0)
    mapped = with_original(to_fhir(parse(raw), making(raw)), raw, CONTENT_TYPE, f"urn:uuid:{uuid4()}")
    indexer = bench.installation.indexer()
    return [prepare(indexer, one.resource) for one in mapped.entries if one.how in ("create", "merge")]


def ledger_row() -> tuple[Any, ...]:
    raw = an_order(0)
    return uuid4(), f"B{next(_numbers)}", hashlib.sha256(raw).digest(), raw, raw[:150]


@contextmanager
def listening(installation: Installation) -> Iterator[int]:
    """A listener process on the installation's database; its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        made = keys(Settings(data_dir=installation.folder / "data"))
        environment = os.environ | {
            **installation.environment,
            "GALENIC_DATABASE_URL": installation.postgres.app_url,
            "GALENIC_INDEX_KEY": made.index_key,
            "GALENIC_CURSOR_KEY": made.cursor_key,
        }
        command = [sys.executable, "-m", "fhir_server.cli.listen", "--fd", str(listener.fileno())]
        process = subprocess.Popen(command, env=environment, cwd=ROOT, pass_fds=(listener.fileno(),))
        try:
            yield listener.getsockname()[1]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_SECONDS_MAX)


async def sent(port: int, connections: int, seconds: float) -> Load:
    """Each connection sends the next message when the one before is acknowledged, as partners do."""
    load, deadline = Load(), time.perf_counter() + seconds
    started = time.perf_counter()

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < deadline:
            raw = framed(an_order(next(_numbers)))
            began = time.perf_counter()
            writer.write(raw)
            answer = await reader.readuntil(END)
            if b"MSA|AA|" not in answer:
                raise RuntimeError(answer.decode())
            load.latencies.append(time.perf_counter() - began)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(one() for _ in range(connections)))
    load.seconds = time.perf_counter() - started
    return load
