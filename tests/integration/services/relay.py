"""Passes connections to an address on to a port of 127.0.0.1: ``python relay.py HOST PORT TARGET_PORT``."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress


async def serve(host: str, port: int, target: int) -> None:
    """Do so for ever."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            ahead, behind = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            writer.close()  # as where nobody is there
            return
        await asyncio.gather(_pass(reader, behind), _pass(ahead, writer))
        for each in (behind, writer):
            each.close()

    async with await asyncio.start_server(connected, host, port, backlog=1024) as server:
        await server.serve_forever()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 18):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):  # the other half may go on
        writer.write_eof()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
