"""hl7.mllp, the asynchronous client of PyPI `hl7`, as its documentation shows it."""

import asyncio
import json
import sys

import hl7
from hl7.mllp import open_hl7_connection


async def main() -> None:
    given = json.load(sys.stdin)
    reader, writer = await open_hl7_connection("127.0.0.1", given["port"])
    answers = []
    for message in given["messages"]:
        writer.writemessage(hl7.parse(message))
        await writer.drain()
        answers.append(str(await asyncio.wait_for(reader.readmessage(), 20)))
    writer.close()
    print(json.dumps({"answers": answers}))


asyncio.run(main())
