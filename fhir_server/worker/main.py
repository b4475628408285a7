"""The worker process: `python -m fhir_server.worker.main`."""

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from fhir_server.exchange.delivering import Deliveries
from fhir_server.logs import configure
from fhir_server.rest.server import Server
from fhir_server.settings import Settings
from fhir_server.wiring import (
    build,
    build_delivery,
    build_matcher,
    build_outbound,
    build_reindexing,
    build_reviewer,
    build_script_work,
    build_sealer,
    build_sequencer,
)
from fhir_server.worker.jobs import JobLoop
from fhir_server.worker.lanes import Lanes
from integrations.guarded.outbound import Outbound

LOG = logging.getLogger(__name__)

RESTART_SECONDS: Final = 1.0
"""Time until a part of the worker that has failed begins again (seconds)."""


async def run(settings: Settings) -> None:
    """Until SIGTERM or SIGINT; a crash of the database does not end it, nor does one part end the other."""
    server, outbound = build(settings, idle_connections=0).server, build_outbound(settings)
    await server.database.open()
    try:
        await together(parts(settings, server, outbound))
    finally:
        await outbound.close()
        await server.database.close()


def parts(settings: Settings, server: Server, outbound: Outbound) -> dict[str, Callable[[], Awaitable[None]]]:
    """What a worker does, each without an end; those that read resources share the index of `server`."""
    url, monotonic = url_of(settings), time.monotonic
    return {
        "the sequencer": lambda: build_sequencer(settings).run(),
        "the sealer": lambda: build_sealer(settings).run(),
        "the reviewer": lambda: build_reviewer(settings).run(),
        "re-indexing": lambda: JobLoop(url, build_reindexing(settings), monotonic).run(),
        "the messages": lambda: JobLoop(url, build_script_work(settings, server), monotonic).run(),
        "the matcher": lambda: build_matcher(settings, server.finder.source).run(),
        "the notifications": lambda: Lanes(url, server.database, build_delivery(settings, server, outbound)).run(),
        "the deliveries": lambda: Deliveries(url).run(),
    }


async def together(running: Mapping[str, Callable[[], Awaitable[None]]]) -> None:
    """Until a signal; then each part has the time to say that it stops."""
    tasks = [asyncio.create_task(kept_running(name, part)) for name, part in running.items()]

    def stop() -> None:
        for task in tasks:
            task.cancel()

    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop)
    await asyncio.gather(*tasks, return_exceptions=True)
    LOG.info("the worker stops")


def url_of(settings: Settings) -> str:
    return settings.database_url.get_secret_value() if settings.database_url else ""


async def kept_running(name: str, part: Callable[[], Awaitable[None]]) -> None:
    """Runs a part again and again, whatever it fails with."""
    while True:
        try:
            await part()
        except Exception as error:  # noqa: BLE001 - what it is concerns this part alone
            LOG.error("%s has failed and begins again: %s", name, type(error).__name__)  # noqa: TRY400 - no values in the log
        await asyncio.sleep(RESTART_SECONDS)


def main() -> None:
    settings = Settings()
    configure(settings.log_level, production=settings.env == "production", process="worker")
    asyncio.run(run(settings))


if __name__ == "__main__":
    main()
