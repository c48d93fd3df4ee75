"""Writing requests take turns; reading ones and unfinished ones keep nobody waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import pytest

from galley.airflow.one_writer import OneWriter

Message = MutableMapping[str, Any]


class Server:
    """Handles a request until it is told to end it, and keeps account."""

    def __init__(self) -> None:
        self.inside: list[str] = []
        self.bodies: dict[str, bytes] = {}
        self.entered = asyncio.Semaphore(0)
        self.may_end: dict[str, asyncio.Event] = {}

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        name = scope["path"]
        self.inside.append(name)
        self.entered.release()
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.bodies[name] = body
        await self.may_end.setdefault(name, asyncio.Event()).wait()
        self.inside.remove(name)


def client(*messages: Message) -> Callable[[], Awaitable[Message]]:
    """Sends messages, and then nothing any more."""
    left = list(messages)

    async def receive() -> Message:
        return left.pop(0) if left else await asyncio.Event().wait()  # type: ignore[return-value]

    return receive


WHOLE = {"type": "http.request", "body": b"whole", "more_body": False}


def run(scenario: Callable[[Server, Callable[..., asyncio.Task[None]]], Awaitable[None]]) -> None:
    async def main() -> None:
        server = Server()
        app = OneWriter(server)

        def request(method: str, path: str, *messages: Message) -> asyncio.Task[None]:
            scope = {"type": "http", "method": method, "path": path}
            return asyncio.create_task(app(scope, client(*(messages or (WHOLE,))), None))  # type: ignore[arg-type]

        async with asyncio.timeout(10):
            await scenario(server, request)

    asyncio.run(main())


def test_a_second_writer_waits_for_the_first_to_end() -> None:
    async def scenario(server: Server, request: Callable[..., asyncio.Task[None]]) -> None:
        first = request("POST", "first")
        await server.entered.acquire()
        second = request("PATCH", "second")
        third = request("GET", "reader")
        await server.entered.acquire()
        assert server.inside == ["first", "reader"]
        server.may_end.setdefault("first", asyncio.Event()).set()
        await first
        await server.entered.acquire()
        assert server.inside == ["reader", "second"]
        for name in ("second", "reader"):
            server.may_end.setdefault(name, asyncio.Event()).set()
        await asyncio.gather(second, third)
        assert server.bodies == {"first": b"whole", "second": b"whole", "reader": b"whole"}

    run(scenario)


def test_a_body_that_never_ends_holds_nobody_up() -> None:
    async def scenario(server: Server, request: Callable[..., asyncio.Task[None]]) -> None:
        half = request("POST", "half", {"type": "http.request", "body": b"ha", "more_body": True})
        server.may_end["whole"] = asyncio.Event()
        server.may_end["whole"].set()
        await request("POST", "whole")
        assert server.bodies == {"whole": b"whole"}
        half.cancel()

    run(scenario)


def test_a_body_in_parts_arrives_whole() -> None:
    async def scenario(server: Server, request: Callable[..., asyncio.Task[None]]) -> None:
        server.may_end["parts"] = asyncio.Event()
        server.may_end["parts"].set()
        parts = [{"type": "http.request", "body": each, "more_body": each != b"c"} for each in (b"a", b"b", b"c")]
        await request("POST", "parts", *parts)
        assert server.bodies == {"parts": b"abc"}

    run(scenario)


def test_a_failed_request_gives_its_turn_back() -> None:
    async def main() -> None:
        async def fails(scope: Message, receive: Any, send: Any) -> None:
            raise ValueError(scope["path"])

        app = OneWriter(fails)
        for path in ("one", "two"):
            with pytest.raises(ValueError, match=path):
                async with asyncio.timeout(10):
                    await app({"type": "http", "method": "POST", "path": path}, client(WHOLE), None)  # type: ignore[arg-type]

    asyncio.run(main())
