"""The application without authorization and without records of what is read: the limit of those that have both."""

from dataclasses import replace

from fastapi import FastAPI

from fhir_server.audit.record import Record
from fhir_server.main import create_app as create_whole
from fhir_server.wiring import from_environment


class Nothing:
    """In place of the recorder."""

    async def record(self, *records: Record) -> None:
        return


def create_app() -> FastAPI:
    parts = from_environment()
    return create_whole(replace(parts, server=replace(parts.server, access=None, recorder=Nothing())))
