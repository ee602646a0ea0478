"""What the callback server answers to strangers, and what it gives them: paths, time, bytes, connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import pytest

from engine.callback_limits import Connections, Room
from engine.callbacks import LARGEST_BODY, SIGNATURE, Receiver, sign
from tests.sending import eventually

SECRET = "app secret"


@asynccontextmanager
async def receiving(handle: Any = lambda raw: None, **options: Any) -> AsyncIterator[tuple[Receiver, str, int]]:
    receiver = Receiver(SECRET, handle, **options)
    url = await receiver.start()
    try:
        yield receiver, url, int(url.rstrip("/").rpartition(":")[2])
    finally:
        await receiver.close()


async def say(port: int, raw: bytes) -> bytes:
    """Write these bytes and read until the connection ends or nothing more comes for a moment."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    await writer.drain()
    said = b""
    try:
        async with asyncio.timeout(5):
            while b"\r\n\r\n" not in said and (chunk := await reader.read(65536)):
                said += chunk
    finally:
        writer.close()
    return said


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 404),
        ("GET", "/metrics", 404),
        ("POST", "/webhook", 404),
        ("POST", "//", 404),
        ("GET", "/?hub.mode=subscribe", 403),
        ("HEAD", "/", 405),
        ("PUT", "/", 405),
        ("DELETE", "/", 405),
        ("OPTIONS", "/", 405),
        ("PATCH", "/", 405),
        ("POST", "/", 401),
        ("POST", "/?anything=1", 401),
    ],
)
async def test_it_answers_on_its_one_path_and_nowhere_else(method: str, path: str, status: int) -> None:
    async with receiving(verify_token="token") as (receiver, url, _), aiohttp.ClientSession() as session:
        async with session.request(method, url.rstrip("/") + path, allow_redirects=False) as answer:
            assert answer.status == status
            assert await answer.read() == b""
            assert status != 405 or answer.headers["Allow"] == "GET, POST"
        assert receiver.answered == {status: 1}


async def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    async with receiving() as (_, _, port):
        head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {LARGEST_BODY + 1}\r\n\r\n"
        assert (await say(port, head.encode())).startswith(b"HTTP/1.1 413 ")


async def test_a_body_of_unknown_length_is_read_as_far_as_is_allowed() -> None:
    whole = b" " * LARGEST_BODY

    async def chunks(extra: bytes) -> AsyncIterator[bytes]:
        for at in range(0, len(whole), 1 << 18):
            yield whole[at : at + (1 << 18)]
        yield extra

    async with receiving() as (_, url, _), aiohttp.ClientSession() as session:
        headers = {SIGNATURE: sign(SECRET, whole)}
        async with session.post(url, data=chunks(b""), headers=headers) as answer:
            assert answer.status == 200
        async with session.post(url, data=chunks(b" "), headers=headers) as answer:
            assert answer.status == 413


async def test_whoever_sends_a_body_too_slowly_is_cut() -> None:
    async with receiving(read_timeout=0.05) as (receiver, _, port):
        said = await say(port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nslow")
        assert said.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in said.lower()
        assert receiver.answered == {408: 1}


@pytest.mark.parametrize("said", [b"", b"POST / HT", b"POST / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_whoever_never_ends_the_head_of_a_request_is_cut(said: bytes) -> None:
    async with receiving(connections=Connections(idle_s=0.05)) as (receiver, _, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        async with asyncio.timeout(5):
            with suppress(ConnectionError):
                assert await reader.read() == b""
        writer.close()
        assert receiver.cut == 1


async def test_a_connection_that_works_is_not_cut_meanwhile() -> None:
    waiting = asyncio.Event()

    async def handle(raw: bytes) -> None:
        await waiting.wait()

    async with (
        receiving(handle, connections=Connections(idle_s=0.05)) as (receiver, url, port),
        aiohttp.ClientSession() as session,
    ):
        posting = asyncio.create_task(session.post(url, data=b"{}", headers={SIGNATURE: sign(SECRET, b"{}")}))
        _, idle = await asyncio.open_connection("127.0.0.1", port)
        await eventually(lambda: receiver.cut == 1)
        waiting.set()
        answer = await posting
        assert answer.status == 200
        answer.release()
        idle.close()


async def test_more_connections_than_there_is_room_for_are_cut_and_the_others_go_on() -> None:
    async with receiving(connections=Connections(most=2)) as (receiver, url, port):
        open_ones = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        await eventually(lambda: len(receiver._connections._transports) == 2)
        reader, third = await asyncio.open_connection("127.0.0.1", port)
        with suppress(ConnectionError):
            assert await reader.read() == b""
        third.close()
        assert receiver.cut == 1
        for _, writer in open_ones:
            writer.close()
        await eventually(lambda: not receiver._connections._transports)
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 403


async def test_bodies_together_have_no_more_than_their_room() -> None:
    async with receiving() as (receiver, url, _), aiohttp.ClientSession() as session:
        receiver._room = Room(1_000)
        raw, larger = b" " * 1_000, b" " * 1_001
        for body, status in ((larger, 503), (raw, 200), (larger, 503), (raw, 200)):
            async with session.post(url, data=body, headers={SIGNATURE: sign(SECRET, body)}) as answer:
                assert answer.status == status
                assert status != 503 or answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5_000 + b"\r\n",
    ],
)
async def test_what_is_no_http_gets_no_server_error(raw: bytes) -> None:
    async with receiving(read_timeout=0.2, connections=Connections(idle_s=0.2)) as (_, url, port):
        try:
            said = await say(port, raw)
        except ConnectionError:
            said = b""
        assert not said.startswith(b"HTTP/1.1 5")
        assert not said.startswith(b"HTTP/1.0 5")
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 403
