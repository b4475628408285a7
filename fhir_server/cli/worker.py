"""`galenic worker`: one more worker, on this machine or on another one."""

import argparse

import uvloop
from pydantic import SecretStr

from fhir_server.cli.database import complete, database, redis
from fhir_server.cli.terminal import say
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
