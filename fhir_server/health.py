"""Liveness and readiness: whether to restart this process, and whether to send it requests."""

import asyncio
from typing import TYPE_CHECKING

import redis.asyncio
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from fhir_server.errors import GalenicError
from fhir_server.storage.database import Database

if TYPE_CHECKING:
    from redis.asyncio import Redis

PROBE_SECONDS = 2.0
"""Longest a part may take to answer before it counts as away (seconds)."""


def health_routes(database: Database, redis_url: str | None) -> list[Route]:
    cache = redis.asyncio.from_url(redis_url) if redis_url else None

    async def live(_: Request) -> JSONResponse:
        return JSONResponse({"status": "live"})

    async def ready(_: Request) -> JSONResponse:
        """Requests are answered without Redis: a process that is taken out for its sake would help nobody."""
        ok, cached = await asyncio.gather(_answers(database), _pongs(cache))
        shown = {"database": "up" if ok else "down", "cache": "up" if cached else "down"}
        headers = {} if ok else {"Retry-After": "1"}
        return JSONResponse({"status": "ready" if ok else "unavailable", **shown}, 200 if ok else 503, headers)

    return [Route("/health/live", live), Route("/health/ready", ready)]


async def _answers(database: Database) -> bool:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await database.now()
    except (GalenicError, TimeoutError):
        return False
    return True


async def _pongs(cache: "Redis | None") -> bool:
    if cache is None:
        return True
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            return bool(await cache.ping())
    except (RedisError, OSError, TimeoutError):
        return False
