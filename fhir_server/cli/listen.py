"""`galenic listen`: HL7 v2 of partners by MLLP, in a process of its own; `galenic serve` starts one."""

import argparse
import asyncio
import logging
import signal
import socket
import ssl

from fhir_server.cli.database import CommandFailed, complete, database
from fhir_server.cli.terminal import say
from fhir_server.logs import configure
from fhir_server.settings import Settings
from fhir_server.storage.index_key import check_index_key
from fhir_server.wiring import build, build_receiver
from integrations.mllp.listener import Limits, Listener

LOG = logging.getLogger(__name__)


def run(settings: Settings, _: argparse.Namespace) -> int:
    """By itself: on the database that is set, or the embedded one."""
    configure(settings.log_level, production=settings.env == "production", process="listen")
    with database(settings) as urls, bound(settings) as listening:
        say(f"Listening for HL7 v2 on {settings.host} port {listening.getsockname()[1]}; Ctrl-C ends it")
        asyncio.run(listen(complete(settings, urls), listening))
    return 0


def bound(settings: Settings) -> socket.socket:
    """Raises `CommandFailed` where the port is taken."""
    try:
        return socket.create_server((settings.host, settings.mllp_port), backlog=1_024)
    except OSError as error:
        raise CommandFailed(
            f"Cannot listen for HL7 v2 on {settings.host} port {settings.mllp_port}: {error.strerror or error}. "
            "Choose another GALENIC_MLLP_PORT, or 0 for none"
        ) from error


async def listen(settings: Settings, listening: socket.socket) -> None:
    """Until SIGTERM or SIGINT; who is being answered then gets the answer."""
    parts, stop = build(settings, idle_connections=1), asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await parts.server.database.open()
    await check_index_key(parts.server.database, parts.hasher)
    parts.server.refusals.start()
    listener = Listener(build_receiver(parts.server).answer, limits_of(settings), tls_of(settings))
    await listener.start(listening)
    await stop.wait()
    await listener.stop()
    await parts.server.refusals.close()
    await parts.server.database.close()


def limits_of(settings: Settings) -> Limits:
    return Limits(
        message_bytes_max=settings.mllp_message_bytes_max,
        message_seconds_max=settings.mllp_message_seconds_max,
        connections_max=settings.mllp_connections_max,
    )


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    if settings.mllp_tls_cert is None or settings.mllp_tls_key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=settings.mllp_client_ca)
    context.load_cert_chain(settings.mllp_tls_cert, settings.mllp_tls_key)
    if settings.mllp_client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def main() -> None:
    """As a child of `galenic serve`, on the listening socket it inherited."""
    parser = argparse.ArgumentParser(prog="python -m fhir_server.cli.listen", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="descriptor of the listening socket")
    settings = Settings()
    configure(settings.log_level, production=settings.env == "production", process="listen")
    asyncio.run(listen(settings, socket.socket(fileno=parser.parse_args().fd)))


if __name__ == "__main__":
    main()
