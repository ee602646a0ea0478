"""The simulator's HTTP server."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections import Counter, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

from engine.gateway.simulator.address import is_loopback_url
from engine.gateway.simulator.answers import THROTTLED, acceptance, refusal
from engine.gateway.simulator.behaviour import Behaviour, Fate, Kind
from engine.gateway.simulator.callbacks import Outbox, Target
from engine.gateway.simulator.checks import Fault, Message, check, check_path
from engine.gateway.simulator.record import AcceptedMessage, Entry, Record
from engine.gateway.simulator.scenario import Scenario

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_CHUNK = 1000
_NO_LINGER = struct.pack("ii", 1, 0)
_JSON = "application/json"


class Simulator:
    """A gateway on loopback that behaves as `scenario` says.

    `log` names a file that gets one line for every accepted message before it is answered. Used as
    `async with Simulator(...) as simulator`, it listens while the block runs; what it accepted can be read after.
    """

    def __init__(
        self,
        scenario: Scenario | None = None,
        *,
        seed: int = 0,
        log: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._scenario = Scenario() if scenario is None else scenario
        self._behaviour = Behaviour(self._scenario, seed)
        self._record = Record()
        self._outbox = Outbox(self._behaviour, self._record)
        self._log = log
        self._address = host, port
        self._unreferenced: Counter[str] = Counter()
        self._recent: dict[str, deque[float]] = {}
        self._requests = 0
        self._fates: Counter[Kind] = Counter()
        self._refused: Counter[int] = Counter()
        self._runner: web.ServerRunner | None = None
        self._posting: asyncio.Task[None] | None = None
        self.base_url = ""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def accepted(self) -> list[AcceptedMessage]:
        """Every message taken so far, oldest first."""
        return list(self._record.messages())

    @property
    def counts(self) -> dict[str, Any]:
        """How many requests came, what became of them, and how the callbacks stand."""
        faults = [kind for kind in Kind if kind not in (Kind.ACCEPT, Kind.REJECT)]
        return {
            "requests": self._requests,
            "accepted": len(self._record),
            **{kind.value: self._fates[kind] for kind in faults},
            "rejected": {str(code): n for code, n in sorted(self._refused.items())},
            "callbacks": {"posted": self._outbox.posted, "waiting": self._outbox.waiting},
        }

    async def start(self) -> str:
        """Listen and return the base URL. Raises `OSError` when the port is taken."""
        if self._log is not None:
            self._record.open(self._log)
        # The low-level server: one handler, no router and no access log, is what the rate needs.
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, *self._address, backlog=1024).start()
        host, port = self._runner.addresses[0][:2]
        self.base_url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._posting = asyncio.create_task(self._outbox.run())
        return self.base_url

    async def close(self) -> None:
        """Stop listening; requests under way get no answer."""
        if self._posting is not None:
            self._posting.cancel()
            with suppress(asyncio.CancelledError):
                await self._posting
        if self._runner is not None:
            await self._runner.cleanup()
        self._record.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        parts = request.path.split("/")
        if len(parts) == 4 and parts[3] == "messages" and request.method == "POST":
            return await self._messages(request, parts[1], parts[2])
        match request.method, request.path:
            case "GET", "/simulator/counts":
                return web.json_response(self.counts)
            case "GET", "/simulator/accepted":
                return await self._list_accepted(request)
            case "POST", "/simulator/callbacks":
                return await self._register(request)
        return _answer(*refusal(100, "Unsupported request."))

    async def _messages(self, request: web.BaseRequest, version: str, sender: str) -> web.StreamResponse:
        self._requests += 1
        fault = check_path(version, sender)
        if fault is None and not _has_token(request):
            fault = Fault(190, "An access token is required to request this resource.")
        body = await request.read()
        checked = fault or check(_parsed(body))
        if isinstance(checked, Fault):
            return self._refuse(checked.code, checked.details)
        if self._over_throughput(sender):
            return self._refuse(THROTTLED)
        attempt = checked.attempt or self._count(checked.to)
        fate = self._behaviour.fate(checked.to, attempt)
        return await self._carry_out(request, sender, checked, attempt, fate)

    async def _carry_out(
        self, request: web.BaseRequest, sender: str, message: Message, attempt: int, fate: Fate
    ) -> web.StreamResponse:
        """Take the message where it is taken, before any answer, and answer as `fate` says."""
        self._fates[fate.kind] += 1
        message_id = ""
        if fate.kind.taken:
            at = time.time_ns() // 1_000_000
            index = self._record.add(Entry(at, sender, message.to, attempt, message.reference))
            self._outbox.accepted(index, message.to, attempt)
            message_id = self._record.message_id(index)
        if fate.latency > 0:
            await asyncio.sleep(fate.latency)
        if fate.kind is Kind.REJECT:
            return self._refuse(fate.code)
        if fate.kind in (Kind.HTTP_500, Kind.HTTP_500_TAKEN):
            return web.Response(status=500, text="<html><body>Sorry, something went wrong.</body></html>")
        if fate.kind in (Kind.RESET, Kind.LOST_ANSWER):
            _cut(request, reset=fate.kind is Kind.RESET)
        return _answer(200, acceptance(message.to, message_id, fate.held))

    def _refuse(self, code: int, details: str = "") -> web.Response:
        self._refused[code] += 1
        return _answer(*refusal(code, details, self._scenario.throttle_http_status))

    def _over_throughput(self, sender: str) -> bool:
        """Whether the last second already holds as many messages as the number may send."""
        limit = self._scenario.throughput
        if not limit:
            return False
        recent = self._recent.setdefault(sender, deque(maxlen=limit))
        now = asyncio.get_running_loop().time()
        if len(recent) == limit and now - recent[0] < 1.0:
            return True
        recent.append(now)
        return False

    def _count(self, to: str) -> int:
        self._unreferenced[to] += 1
        return self._unreferenced[to]

    async def _list_accepted(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": _JSON})
        await response.prepare(request)
        lines: list[str] = []
        separator = "["
        for message in self._record.messages():
            lines.append(separator + message.line())
            separator = ",\n"
            if len(lines) == _CHUNK:
                await response.write("".join(lines).encode())
                lines.clear()
        lines.append("[]\n" if separator == "[" else "]\n")
        await response.write_eof("".join(lines).encode())
        return response

    async def _register(self, request: web.BaseRequest) -> web.Response:
        document = _parsed(await request.read())
        url = document.get("url") if isinstance(document, dict) else None
        secret = document.get("secret") if isinstance(document, dict) else None
        if not isinstance(url, str) or not is_loopback_url(url) or not isinstance(secret, str) or not secret:
            return _answer(*refusal(100, "Give a url on this machine and a secret."))
        self._outbox.register(Target(url, secret))
        return web.json_response({"success": True})


def _answer(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type=_JSON)


def _has_token(request: web.BaseRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme == "Bearer" and bool(token.strip())


def _parsed(body: bytes) -> object:
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document


def _cut(request: web.BaseRequest, reset: bool) -> None:
    """Close the client's connection without an answer; with `reset` the client sees a reset instead of an end."""
    transport = request.transport
    if transport is None or transport.is_closing():
        return
    if reset:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()
