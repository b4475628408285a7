"""The worker process: `python -m fhir_server.worker.main`."""

import asyncio
import logging
import signal

from fhir_server.settings import Settings
from fhir_server.wiring import build_sequencer


async def run(settings: Settings) -> None:
    """Until SIGTERM or SIGINT; a crash of the database does not end it."""
    task = asyncio.get_running_loop().create_task(build_sequencer(settings).run())
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        logging.getLogger(__name__).info("the worker stops")


def main() -> None:
    settings = Settings()
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(run(settings))


if __name__ == "__main__":
    main()
