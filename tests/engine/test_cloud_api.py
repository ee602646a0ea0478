"""The Cloud API client against real loopback servers, well-behaved and otherwise."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.gateway.answers import read_answer
from engine.gateway.base import Accepted, Action, NotTaken, Outcome, Rejection, Unknown
from engine.gateway.cloud_api import LONGEST_ANSWER, CloudApi
from engine.gateway.errors import Internal

EXAMPLES = json.loads((Path(__file__).parents[1] / "data/contract/meta-openapi-examples.json").read_text("utf-8"))
TOKEN = "EAAGsecrettoken"
PAYLOAD = {"messaging_product": "whatsapp", "to": "+16505551234", "type": "template"}
ACCEPTED = b'{"messages":[{"id":"wamid.A1"}]}'

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def http(status: str, body: bytes, *headers: str, length: int | None = None) -> bytes:
    """An HTTP/1.1 answer as bytes."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class RawServer:
    """Counts the requests it reads and answers as `serve` says."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self.requests: list[bytes] = []
        self.read = asyncio.Event()
        self.url = ""

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            self.requests.append(head + await reader.readexactly(int(length.split(b":")[1])))
            self.read.set()
            await self._serve(reader, writer)


@asynccontextmanager
async def listening(serve: Serve, scheme: str = "http") -> AsyncIterator[str]:
    """A TCP server that runs `serve` for every connection; yields its URL."""
    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await server.wait_closed()


@asynccontextmanager
async def raw_server(serve: Serve) -> AsyncIterator[RawServer]:
    raw = RawServer(serve)
    async with listening(raw.connected) as raw.url:
        yield raw


def writing(answer: bytes, then_close: bool = False) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        if then_close:
            writer.close()

    return serve


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def close_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def send_to(serve: Serve, **options: Any) -> tuple[Outcome, RawServer]:
    async with raw_server(serve) as raw, CloudApi(raw.url, TOKEN, **options) as api:
        return await api.send("123", PAYLOAD), raw


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


# The request


async def test_the_request_is_what_the_cloud_api_takes() -> None:
    seen: dict[str, Any] = {}

    async def handle(request: web.BaseRequest) -> web.Response:
        seen.update(method=request.method, path=request.path, headers=dict(request.headers), body=await request.json())
        return web.Response(body=ACCEPTED)

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with CloudApi(f"http://127.0.0.1:{runner.addresses[0][1]}/", TOKEN, version="v24.0") as api:
        payload = {**PAYLOAD, "template": {"name": "größe", "language": {"code": "de"}}, "odd": "\ud800\x00"}
        assert await api.send("106540352242922", payload) == Accepted("wamid.A1")
    await runner.cleanup()
    assert (seen["method"], seen["path"]) == ("POST", "/v24.0/106540352242922/messages")
    assert seen["headers"]["Authorization"] == f"Bearer {TOKEN}"
    assert seen["headers"]["Content-Type"] == "application/json"
    assert seen["body"] == payload


async def test_connections_are_kept_and_a_closed_one_is_replaced() -> None:
    connections = 0

    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        writer.write(http("200 OK", ACCEPTED, *(["Connection: close"] if len(raw.requests) == 3 else [])))
        await writer.drain()
        if len(raw.requests) in (1, 4):
            connections += 1

    async with raw_server(twice) as raw, CloudApi(raw.url, TOKEN) as api:
        outcomes = [await api.send("1", PAYLOAD) for _ in range(5)]
    assert outcomes == [Accepted("wamid.A1")] * 5
    assert len(raw.requests) == 5
    assert connections == 2


# What may have reached the other side


async def test_a_refused_connection_is_not_taken() -> None:
    async with CloudApi(f"http://127.0.0.1:{free_port()}", TOKEN) as api:
        assert isinstance(await api.send("1", PAYLOAD), NotTaken)
        assert await api.reachable() is None


async def test_a_name_that_does_not_resolve_is_not_taken() -> None:
    async with CloudApi("http://no-such-gateway.invalid", TOKEN, connect_timeout=1.0) as api:
        assert isinstance(await api.send("1", PAYLOAD), NotTaken)


async def test_failed_tls_is_not_taken() -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"this is no handshake\r\n")

    async with listening(garbage, "https") as url, CloudApi(url, TOKEN) as api:
        assert isinstance(await api.send("1", PAYLOAD), NotTaken)


async def test_a_handshake_that_never_ends_is_not_taken() -> None:
    async with listening(never_answer, "https") as url, CloudApi(url, TOKEN, connect_timeout=0.2) as api:
        assert isinstance(await api.send("1", PAYLOAD), NotTaken)


async def test_waiting_for_a_free_connection_in_vain_is_not_taken() -> None:
    options = {"connections": 1, "connect_timeout": 0.2, "timeout": 0.6}
    async with raw_server(never_answer) as raw, CloudApi(raw.url, TOKEN, **options) as api:  # type: ignore[arg-type]  # mixed numbers
        first, second = await asyncio.gather(api.send("1", PAYLOAD), api.send("1", PAYLOAD))
    assert isinstance(first, Unknown)
    assert isinstance(second, NotTaken)
    assert len(raw.requests) == 1


@pytest.mark.parametrize(
    "serve",
    [
        pytest.param(reset, id="reset"),
        pytest.param(close_at_once, id="closed"),
        pytest.param(never_answer, id="never answered"),
        pytest.param(writing(b"HTTP/1.1 200 O", then_close=True), id="half a status line"),
        pytest.param(writing(http("200 OK", ACCEPTED[:10], length=len(ACCEPTED)), then_close=True), id="half a body"),
        pytest.param(writing(http("200 OK", ACCEPTED[:10], length=len(ACCEPTED))), id="half a body, then nothing"),
        pytest.param(writing(http("400 Bad Request", b'{"er', length=90), then_close=True), id="half a refusal"),
        pytest.param(writing(http("200 OK", b"")), id="empty 200"),
        pytest.param(writing(http("200 OK", b"<html>OK</html>")), id="HTML with 200"),
        pytest.param(writing(http("200 OK", b'{"success": true}')), id="200 without an id"),
        pytest.param(writing(http("200 OK", b'{"messages":[{"id":""}]}')), id="200 with an empty id"),
        pytest.param(writing(http("200 OK", b'{"messages":[{"id":7}]}')), id="200 with a number for an id"),
        pytest.param(writing(http("200 OK", b"[" * 100_000)), id="nested without end"),
        pytest.param(writing(http("200 OK", b" " * (LONGEST_ANSWER + 1) + ACCEPTED)), id="a body without end"),
        pytest.param(writing(http("500 Oops", b"<html>" + b"x" * 3_000_000)), id="3 MB of HTML"),
        pytest.param(writing(http("500 Oops", b"<html>")), id="500"),
        pytest.param(writing(http("502 Bad Gateway", b"")), id="502"),
        pytest.param(writing(http("503 Wait", b"", "Retry-After: 3")), id="503 that asks to come again"),
        pytest.param(writing(http("504 Timeout", b'{"error": "upstream"}')), id="504"),
        pytest.param(writing(http("302 Found", b"", "Location: /elsewhere")), id="redirect that may mean done"),
        pytest.param(writing(b"SSH-2.0-OpenSSH_9.2\r\n", then_close=True), id="no HTTP at all"),
        pytest.param(writing(http("200 OK", b"zz", "Content-Encoding: gzip")), id="broken compression"),
        pytest.param(writing(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"), id="broken chunks"),
    ],
)
async def test_R43_what_left_without_a_usable_answer_is_unknown_and_never_repeated(serve: Serve) -> None:
    outcome, raw = await send_to(serve, timeout=0.4)
    assert isinstance(outcome, Unknown), outcome
    assert outcome.reason
    assert len(raw.requests) == 1


@pytest.mark.parametrize(
    ("serve", "words"),
    [
        (close_at_once, "it closed the connection before it answered"),
        (never_answer, "no answer in time"),
        (writing(http("200 OK", ACCEPTED[:10], length=len(ACCEPTED)), then_close=True), "its answer broke off"),
    ],
)
async def test_R50_that_nothing_was_answered_is_told_in_words(serve: Serve, words: str) -> None:
    outcome, _ = await send_to(serve, timeout=0.4)
    assert outcome == Unknown(words)


async def test_R50_no_failure_is_told_by_the_name_of_a_class() -> None:
    async with listening(never_answer, "https") as url, CloudApi(url, TOKEN, connect_timeout=0.2) as api:
        assert await api.send("1", PAYLOAD) == NotTaken("no connection in time")
    async with CloudApi("http://127.0.0.1:9", TOKEN) as api:
        outcome = await api.send("1", PAYLOAD)
    assert isinstance(outcome, NotTaken)
    assert outcome.reason.startswith("Cannot connect to host 127.0.0.1:9")


async def test_closing_ends_a_call_under_way_as_unknown() -> None:
    async with raw_server(never_answer) as raw:
        api = CloudApi(raw.url, TOKEN)
        sending = asyncio.create_task(api.send("1", PAYLOAD))
        await raw.read.wait()
        await api.close()
        assert isinstance(await sending, Unknown)


async def test_a_permanent_redirect_is_not_followed() -> None:
    async with raw_server(never_answer) as other:
        outcome, raw = await send_to(writing(http("308 Moved", b"", f"Location: {other.url}/x")))
    assert isinstance(outcome, Rejection)
    assert (outcome.code, outcome.action) == (Internal.HTTP_REDIRECTED, Action.PAUSE_ACCOUNT)
    assert (len(raw.requests), len(other.requests)) == (1, 0)


@pytest.mark.parametrize("seed", range(12))
async def test_noise_for_an_answer_never_raises(seed: int) -> None:
    rng = Random(seed)
    answer = bytearray(http("200 OK", ACCEPTED))
    for _ in range(rng.randint(1, 12)):
        answer[rng.randrange(len(answer))] = rng.randrange(256)
    outcome, raw = await send_to(writing(bytes(answer), then_close=True), timeout=2.0)
    assert isinstance(outcome, Accepted | Rejection | Unknown)
    assert len(raw.requests) == 1


# Refusals


def graph_error(code: object, **more: object) -> bytes:
    return json.dumps(
        {"error": {"message": f"(#{code}) Something", "type": "OAuthException", "code": code, **more}}
    ).encode()


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "404 Not Found", "429 Slow", "500 Oops", "503 Wait"])
async def test_a_graph_error_is_a_refusal_whatever_its_http_status(status: str) -> None:
    body = graph_error(131026, error_data={"messaging_product": "whatsapp", "details": "Not on WhatsApp"})
    outcome, _ = await send_to(writing(http(status, body)))
    assert outcome == Rejection(131026, "Not on WhatsApp", int(status[:3]), Action.SKIP)


@pytest.mark.parametrize(
    ("status", "action", "code"),
    [
        ("429 Slow", Action.SLOW, Internal.HTTP_THROTTLED),
        ("401 Who", Action.AUTH, Internal.HTTP_DENIED),
        ("403 No", Action.AUTH, Internal.HTTP_DENIED),
        ("404 Not Found", Action.FIX_ROW, Internal.HTTP_REFUSED),
        ("408 Late", Action.RETRY, Internal.HTTP_NOT_READ),
    ],
)
async def test_without_a_graph_error_the_http_status_decides(status: str, action: Action, code: Internal) -> None:
    outcome, _ = await send_to(writing(http(status, b"<html>no</html>", "Retry-After: 7")))
    assert outcome == Rejection(code, f"HTTP {status[:3]}", int(status[:3]), action, 7.0)


def refused(body: bytes, http_status: int = 400, **headers: str) -> Rejection:
    outcome = read_answer(http_status, {name.replace("_", "-"): value for name, value in headers.items()}, body)
    assert isinstance(outcome, Rejection)
    return outcome


def test_details_may_be_a_plain_string_or_missing() -> None:
    assert (
        refused(graph_error(100, error_data="The parameter to is required.")).detail == "The parameter to is required."
    )
    assert refused(graph_error(100, error_data={"details": 7})).detail == "(#100) Something"
    assert refused(b'{"error": {"code": 100}}').detail == "HTTP 400"
    assert len(refused(graph_error(100, error_data="x" * 10_000)).detail) == 500


def test_the_subcode_and_is_transient_are_heeded() -> None:
    assert refused(graph_error(100, error_subcode=33)).action is Action.PAUSE_NUMBER
    transient = refused(graph_error(77_777, is_transient=True))
    assert (transient.action, transient.tries) == (Action.RETRY, 3)


@pytest.mark.parametrize("code", [None, True, 1.5, "x", [], 2**31, "9" * 40])
def test_an_error_without_a_usable_code_is_no_graph_error(code: object) -> None:
    assert refused(graph_error(code)).code == Internal.HTTP_REFUSED
    assert isinstance(read_answer(500, {}, graph_error(code)), Unknown)


def test_codes_of_the_gateway_never_collide_with_our_own() -> None:
    assert refused(graph_error(-2), 500).code == 1
    assert refused(graph_error("190"), 401).code == 190


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "120"}, 120.0),
        ({"Retry_After": " 0 "}, 0.0),
        ({"Retry_After": "99999999999"}, 86_400.0),
        ({"Retry_After": "Mon, 23 Nov 2026 09:00:30 GMT", "Date": "Mon, 23 Nov 2026 09:00:00 GMT"}, 30.0),
        ({"Retry_After": "Mon, 23 Nov 2026 09:00:00 GMT", "Date": "Mon, 23 Nov 2026 09:00:30 GMT"}, 0.0),
        ({"Retry_After": "Mon, 23 Nov 2026 09:00:30 GMT"}, None),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "-5"}, None),
        ({}, None),
    ],
)
def test_R44_what_the_gateway_asks_to_wait_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert refused(graph_error(130429), 429, **headers).retry_after == seconds


def test_the_code_table_says_how_long_to_wait_where_the_answer_does_not() -> None:
    assert refused(graph_error(134101)).retry_after == 600
    assert refused(graph_error(134101), Retry_After="5").retry_after == 5


@given(
    status=st.integers(100, 599),
    body=st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["error", "code", "messages", "id", "error_data", "details", "message_status"]),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        ).map(lambda value: json.dumps(value).encode()),
    ),
    after=st.text(max_size=12),
)
def test_no_answer_whatever_makes_the_reader_raise(status: int, body: bytes, after: str) -> None:
    outcome = read_answer(status, {"Retry-After": after, "Date": after}, body)
    assert isinstance(outcome, Accepted | Rejection | Unknown)
    if isinstance(outcome, Accepted):
        assert 200 <= status < 300


# Meta's own examples


SENT = {**EXAMPLES["send_responses"], **EXAMPLES["marketing_responses"]}
REFUSALS = [
    (int(status), name, body)
    for status, bodies in EXAMPLES["get_phone_number"].items()
    if status != "200"
    for name, body in bodies.items()
]
ACTIONS = {2: Action.RETRY, 4: Action.SLOW, 17: Action.SLOW, 80007: Action.SLOW, 100: Action.PAUSE_CAMPAIGN,
           104: Action.AUTH, 190: Action.AUTH, 200: Action.AUTH, 803: Action.PAUSE_NUMBER}  # fmt: skip


@pytest.mark.parametrize("name", SENT)
def test_every_example_of_an_answer_is_read(name: str) -> None:
    example = SENT[name]
    outcome = read_answer(200, {}, json.dumps(example).encode())
    if "messages" in example:
        assert outcome == Accepted(example["messages"][0]["id"], held=False)
    else:
        # The answer to a read receipt: no message was sent.
        assert isinstance(outcome, Unknown)


@pytest.mark.parametrize(("status", "name", "body"), REFUSALS, ids=[name for _, name, _ in REFUSALS])
def test_every_example_of_an_error_is_read(status: int, name: str, body: dict[str, Any]) -> None:
    outcome = read_answer(status, {}, json.dumps(body).encode())
    error = body["error"]
    assert isinstance(outcome, Rejection)
    assert (outcome.code, outcome.http_status, outcome.detail) == (error["code"], status, error["message"])
    assert outcome.action is ACTIONS[error["code"]]


@pytest.mark.parametrize(
    ("status", "held"),
    [("accepted", False), ("held_for_quality_assessment", True), ("paused", True), ("something new", False)],
)
def test_held_messages_are_accepted_and_marked(status: str, held: bool) -> None:
    body = json.dumps({"messages": [{"id": "wamid.A1", "message_status": status}]}).encode()
    assert read_answer(200, {}, body) == Accepted("wamid.A1", held)


# The token


async def test_the_token_never_comes_back_in_an_outcome(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    body = graph_error(190, error_data=f"Malformed access token {TOKEN}")
    refusal, _ = await send_to(writing(http("401 Who", body)))
    assert isinstance(refusal, Rejection)
    assert refusal.detail == "Malformed access token [token]"
    broken, _ = await send_to(writing(f"HTTP/1.1 2x0 {TOKEN}\r\n\r\n".encode(), then_close=True))
    assert isinstance(broken, Unknown)
    assert TOKEN not in broken.reason
    api = CloudApi("http://127.0.0.1:1", TOKEN)
    assert TOKEN not in f"{api!r} {await api.send('1', PAYLOAD)!r} {caplog.text}"
    await api.close()


@pytest.mark.parametrize("token", ["", " ", "two words", "line\nbreak", "ключ"])
def test_a_token_that_cannot_be_one_is_refused_without_repeating_it(token: str) -> None:
    with pytest.raises(BadInput) as caught:
        CloudApi("https://graph.facebook.com", token)
    assert caught.value.code == "token_invalid"
    assert not token.strip() or token not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    "url", ["", "graph.facebook.com", "ftp://x", "http://", "https://a:b@x", "http://x?y=1", "http://x:99999"]
)
def test_an_address_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(BadInput) as caught:
        CloudApi(url, TOKEN)
    assert caught.value.code == "base_url_invalid"


# Reachability


async def test_any_answer_at_all_means_reachable_and_no_token_is_sent() -> None:
    headers: list[str | None] = []

    async def handle(request: web.BaseRequest) -> web.Response:
        headers.append(request.headers.get("Authorization"))
        return web.Response(status=404)

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with CloudApi(f"http://127.0.0.1:{runner.addresses[0][1]}", TOKEN) as api:
        latency = await api.reachable()
    await runner.cleanup()
    assert latency is not None
    assert 0 < latency < 5_000
    assert headers == [None]


async def test_a_server_that_accepts_and_never_answers_is_not_reachable() -> None:
    async with listening(never_answer) as url, CloudApi(url, TOKEN, connect_timeout=0.2) as api:
        assert await api.reachable() is None
