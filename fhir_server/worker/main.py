"""The worker process: `python -m fhir_server.worker.main`."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import uvloop

from fhir_server.exchange.delivering import Deliveries
from fhir_server.logs import configure
from fhir_server.rest.server import Server
from fhir_server.settings import Settings
from fhir_server.telemetry import meter_over_http
from fhir_server.wiring import (
    build,
    build_delivery,
    build_listeners,
    build_matcher,
    build_outbound,
    build_reactions,
    build_reindexing,
    build_reviewer,
    build_script_work,
    build_sealer,
    build_sequencer,
)
from fhir_server.worker.broker import Broker
from fhir_server.worker.dispatching import Dispatcher
from fhir_server.worker.meters import Meters
from fhir_server.worker.runner import Runner, Work
from integrations.guarded.outbound import Outbound

LOG = logging.getLogger(__name__)

RESTART_SECONDS: Final = 1.0
"""Time until a part of the worker that has failed begins again (seconds)."""


async def run(settings: Settings) -> None:
    """Until SIGTERM or SIGINT; a crash of the database or of Redis does not end it, nor does one part end the other."""
    logging.getLogger("celery").setLevel(logging.WARNING)  # it would say twice of each word that it came
    server, outbound = build(settings, idle_connections=0).server, build_outbound(settings)
    meters = Meters(meter_over_http(settings.otlp_endpoint) if settings.otlp_endpoint else None)
    runner = Runner(server.database, works(settings, server, outbound), meters)
    broker = Broker(redis_url_of(settings))
    consumer = broker.consumer(woken(runner), runner.lanes)
    await server.database.open()
    consumer.start()
    try:
        await together(parts(settings, server, runner, broker))
    finally:
        await asyncio.to_thread(consumer.stop)
        await outbound.close()
        await server.database.close()


def works(settings: Settings, server: Server, outbound: Outbound) -> list[Work]:
    """What a worker does with jobs, one for each kind; those that read resources share the index of `server`."""
    return [
        build_reindexing(settings),
        build_script_work(settings, server),
        build_delivery(settings, server, outbound),
        build_reactions(server, build_listeners()),
        Deliveries(server.database),
    ]


def woken(runner: Runner) -> Callable[[str], None]:
    """What Celery calls in a thread of its own: returns when the lane it began has ended."""
    loop = asyncio.get_running_loop()

    async def lane(kind: str) -> None:
        if begun := runner.wake(kind):
            await asyncio.wait([begun])

    return lambda kind: asyncio.run_coroutine_threadsafe(lane(kind), loop).result()


def parts(
    settings: Settings, server: Server, runner: Runner, broker: Broker
) -> dict[str, Callable[[], Awaitable[None]]]:
    """What a worker does beside, each without an end; of the first five one is at work in the cluster."""
    return {
        "the sequencer": lambda: build_sequencer(settings).run(),
        "the sealer": lambda: build_sealer(settings).run(),
        "the reviewer": lambda: build_reviewer(settings).run(),
        "the matcher": lambda: build_matcher(settings, server.finder.source, build_listeners()).run(),
        "the dispatcher": lambda: Dispatcher(url_of(settings), broker).run(),
        "the jobs": runner.run,
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


def redis_url_of(settings: Settings) -> str:
    """Raises `ValueError`: without Redis no worker is told of anything."""
    if settings.redis_url is None:
        raise ValueError("GALENIC_REDIS_URL is not set")
    return settings.redis_url.get_secret_value()


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
    uvloop.run(run(settings))


if __name__ == "__main__":
    main()
