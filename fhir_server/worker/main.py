"""The worker process: `python -m fhir_server.worker.main`."""

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Final

from fhir_server.exchange.delivering import Deliveries
from fhir_server.logs import configure
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

LOG = logging.getLogger(__name__)

RESTART_SECONDS: Final = 1.0
"""Time until a part of the worker that has failed begins again (seconds)."""


async def run(settings: Settings) -> None:
    """Until SIGTERM or SIGINT; a crash of the database does not end it, nor does one part end the other."""
    loop = asyncio.get_running_loop()
    both = asyncio.gather(
        kept_running("the sequencer", lambda: build_sequencer(settings).run()),
        kept_running("the sealer", lambda: build_sealer(settings).run()),
        kept_running("the reviewer", lambda: build_reviewer(settings).run()),
        kept_running("re-indexing", lambda: reindex(settings)),
        kept_running("the messages", lambda: do_messages(settings)),
        kept_running("the matcher", lambda: build_matcher(settings).run()),
        kept_running("the notifications", lambda: notify(settings)),
        kept_running("the deliveries", lambda: Deliveries(url_of(settings)).run()),
    )
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, both.cancel)
    try:
        await both
    except asyncio.CancelledError:
        LOG.info("the worker stops")


async def reindex(settings: Settings) -> None:
    await JobLoop(url_of(settings), build_reindexing(settings), time.monotonic).run()


async def do_messages(settings: Settings) -> None:
    """What messages of partners mean: with a database, writers and an index of its own, as an API process has them."""
    server = build(settings, idle_connections=0).server
    await server.database.open()
    try:
        await JobLoop(url_of(settings), build_script_work(settings, server), time.monotonic).run()
    finally:
        await server.database.close()


async def notify(settings: Settings) -> None:
    """What subscribers are told, each as if there were no other."""
    server = build(settings, idle_connections=0).server
    outbound = build_outbound(settings)
    await server.database.open()
    try:
        await Lanes(url_of(settings), server.database, build_delivery(settings, server, outbound)).run()
    finally:
        await outbound.close()
        await server.database.close()


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
