"""The limit of a page: its bodies by primary key, joined and sent, by the server's own stack and nothing else of it."""

import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

URL = "GALENIC_BENCH_DATABASE_URL"
CONNECTIONS = 12
SELECT = "SELECT body FROM resource WHERE rid = ANY(%s)"
HEAD = b'{"resourceType":"Bundle","type":"searchset","entry":[{"resource":'
TAIL = b"}]}"


def application(url: str) -> Starlette:
    options = {"autocommit": True, "prepare_threshold": 0}
    pool = AsyncConnectionPool(url, min_size=4, max_size=CONNECTIONS, open=False, kwargs=options)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with pool:
            yield

    async def page(request: Request) -> Response:
        rids = [int(rid) for rid in request.query_params["rids"].split(",") if rid]
        async with pool.connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(SELECT, [rids])
            bodies = [body for (body,) in await cursor.fetchall()]
        return Response(HEAD + b'},{"resource":'.join(bodies) + TAIL, media_type="application/fhir+json")

    return Starlette(routes=[Route("/fhir/page", page)], lifespan=lifespan)


def main() -> int:
    """The first argument is the descriptor of a listening socket."""
    app = application(os.environ[URL])
    config = uvicorn.Config(app, loop="uvloop", http="httptools", ws="none", access_log=False, log_config=None)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])
    return 0


if __name__ == "__main__":
    sys.exit(main())
