"""One API process: uvicorn on the listening socket it inherited from `galenic serve`."""

import argparse
import logging
import socket
import sys
from urllib.parse import urlsplit

import uvicorn

from fhir_server.cli.protocol import Limits, limited
from fhir_server.cli.sockets import PING_SECONDS, GuardedSocketProtocol
from fhir_server.logs import configure
from fhir_server.settings import Settings
from fhir_server.web.websocket import MESSAGE_BYTES_MAX, PATH
from fhir_server.wiring import base_url

APPLICATION = "fhir_server.main:create_app"
DRAIN_SECONDS_MAX = 10
KEEP_ALIVE_SECONDS = 75
BACKLOG = 2_048


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m fhir_server.cli.api", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="descriptor of the listening socket")
    parser.add_argument("--app", default=APPLICATION, help=f"application factory (default {APPLICATION})")
    chosen = parser.parse_args(arguments)
    settings = Settings()
    configure(settings.log_level, production=settings.env == "production", process="api")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    server = uvicorn.Server(configuration(settings, chosen.app))
    server.run(sockets=[socket.socket(fileno=chosen.fd)])
    return 0 if server.started else 1


def configuration(settings: Settings, application: str) -> uvicorn.Config:
    """No access log (URLs hold patients' data), no Server header, limits kept by our own protocol."""
    return uvicorn.Config(
        application,
        factory=True,
        loop="uvloop",
        http=limited(limits_of(settings), urlsplit(base_url(settings)).path + PATH),
        ws=GuardedSocketProtocol,
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_per_message_deflate=False,  # it would cost memory, and lengths would tell what is inside
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS_MAX,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )


def limits_of(settings: Settings) -> Limits:
    return Limits(
        url_bytes_max=settings.url_bytes_max,
        header_bytes_max=settings.header_bytes_max,
        header_count_max=settings.header_count_max,
        header_seconds_max=settings.header_seconds_max,
        connections_max=settings.connections_max,
    )


if __name__ == "__main__":
    sys.exit(main())
