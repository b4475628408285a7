"""`galenic worker`: one more worker, on this machine or on another one."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop
from pydantic import SecretStr

from fhir_server.cli.database import complete, database
from fhir_server.cli.terminal import say
from fhir_server.embedded.valkey import EmbeddedValkey
from fhir_server.logs import configure
from fhir_server.settings import Settings
from fhir_server.worker import main as worker


def run(settings: Settings, _: argparse.Namespace) -> int:
    """On the databases that are set, those of the server that runs, or those started for it."""
    configure(settings.log_level, production=settings.env == "production", process="worker")
    with database(settings) as urls, redis(settings) as redis_url:
        say("A worker is at work; Ctrl-C ends it")
        found = complete(settings, urls).model_copy(update={"redis_url": SecretStr(redis_url)})
        uvloop.run(worker.run(found))
    return 0


@contextmanager
def redis(settings: Settings) -> Iterator[str]:
    """The URL, for as long as the block runs."""
    if settings.redis_url is not None:
        yield settings.redis_url.get_secret_value()
        return
    valkey = EmbeddedValkey(settings.data_dir)
    if valkey.is_held():
        yield valkey.url
        return
    valkey.start()
    try:
        yield valkey.url
    finally:
        valkey.stop()
