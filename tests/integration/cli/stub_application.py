"""Stands in for the application: ready when the database answers, and slow when asked to be."""

import asyncio
import os

import psycopg


def create_app():
    return application


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        for _ in range(2):
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
        return
    status, body = await _answer(scope["path"])
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _answer(path):
    if path == "/pid":
        return 200, str(os.getpid()).encode()
    if path == "/slow":
        await asyncio.sleep(1.5)
        return 200, b"slow"
    if path == "/owner":
        return 200, os.environ.get("GALENIC_DATABASE_OWNER_URL", "").encode()
    try:
        connection = await psycopg.AsyncConnection.connect(os.environ["GALENIC_DATABASE_URL"], connect_timeout=2)
        await connection.close()
    except psycopg.OperationalError:
        return 503, b""
    return 200, b""
