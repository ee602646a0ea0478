"""The server that takes callbacks in.

They come at least once, in any order, up to a thousand statuses in one body (research/cloud-api.md section 1.4). The
server therefore only checks who sent a body and hands its raw bytes on; reading them (`statuses`) is a step of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from engine.callback_limits import IDLE_S, Connections, Room
from engine.errors import BadInput, Busy

if TYPE_CHECKING:
    from aiohttp import web

LARGEST_BODY = 4 * 1024 * 1024
"""Bytes; a thousand statuses have about half a million."""
SIGNATURE = "X-Hub-Signature-256"
READ_TIMEOUT = 20.0
"""Seconds a client may take to send a body."""


def sign(secret: str, raw: bytes) -> str:
    """The value of the signature header for a body: HMAC-SHA256 over its bytes as they are sent."""
    return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def is_signed(secret: str, raw: bytes, signature: str) -> bool:
    """Whether `signature` was made with `secret` for `raw`; takes the same time wherever they differ."""
    return hmac.compare_digest(sign(secret, raw).encode(), signature.encode("utf-8", "surrogateescape"))


class Receiver:
    """An HTTP server for callbacks signed with `secret`, on `/` and nowhere else.

    `handle` gets the raw bytes of each and has to keep them durably before it returns, or before what it returns is
    done: only then 200 is answered. When it raises `Busy` the answer is 503, and the gateway comes again later. With
    `verify_token` the subscription handshake is answered too. Raises `BadInput` for an empty secret, with which anybody
    could sign.
    """

    def __init__(
        self,
        secret: str,
        handle: Callable[[bytes], Awaitable[None] | None],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        verify_token: str | None = None,
        read_timeout: float = READ_TIMEOUT,
        connections: Connections | None = None,
    ) -> None:
        if not secret:
            raise BadInput(
                "secret_missing",
                "Callbacks cannot be checked without the app secret.",
                "Set SENDOFF_APP_SECRET, or store the secret in the secrets file.",
            )
        self._secret = secret
        self._handle = handle
        self._address = host, port
        self._verify_token = verify_token
        self._read_timeout = read_timeout
        self._connections = connections or Connections()
        self._room = Room()
        self._runner: web.ServerRunner | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self.answered: Counter[int] = Counter()
        """How often each HTTP status was answered."""

    @property
    def cut(self) -> int:
        """How many connections were cut."""
        return self._connections.cut

    async def start(self) -> str:
        """Listen and return the URL to register. Raises `OSError` when the port is taken."""
        from aiohttp import web

        connections = self._connections

        class Server(web.Server):
            def connection_made(self, handler: Any, transport: asyncio.Transport) -> None:
                super().connection_made(handler, transport)
                connections.made(handler, transport)

            def connection_lost(self, handler: Any, exc: BaseException | None = None) -> None:
                connections.lost(handler)
                super().connection_lost(handler, exc)

        # Not decompressed: the signature covers the bytes as they were sent.
        server = Server(
            self._answer, access_log=None, auto_decompress=False, keepalive_timeout=IDLE_S, lingering_time=2.0
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, *self._address).start()
        self._sweeping = asyncio.create_task(connections.sweep())
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

    async def close(self) -> None:
        """Stop listening, after the callbacks under way are answered or a second has passed."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        with self._connections.serving(request.protocol):
            response = await self._route(request)
        self.answered[response.status] += 1
        return response

    async def _route(self, request: web.BaseRequest) -> web.Response:
        from aiohttp import web

        if request.path != "/":
            return web.Response(status=404)
        if request.method == "POST":
            return await self._take(request)
        if request.method == "GET":
            return self._verify(request)
        return web.Response(status=405, headers={"Allow": "GET, POST"})

    async def _take(self, request: web.BaseRequest) -> web.Response:
        from aiohttp import web

        if (request.content_length or 0) > LARGEST_BODY:
            return web.Response(status=413)
        with self._room.body() as body:
            try:
                async with asyncio.timeout(self._read_timeout):
                    async for chunk in request.content.iter_any():
                        if not body.add(chunk):
                            return _later()
                        if len(body.read) > LARGEST_BODY:
                            return web.Response(status=413)
            except TimeoutError:
                late = web.Response(status=408)
                late.force_close()
                return late
            raw = bytes(body.read)
        if not is_signed(self._secret, raw, request.headers.get(SIGNATURE, "")):
            return web.Response(status=401)
        try:
            kept = self._handle(raw)
            if kept is not None:
                await kept
        except Busy:
            return _later()
        return web.Response(status=200)

    def _verify(self, request: web.BaseRequest) -> web.Response:
        """The handshake: answer the bare challenge to whoever knows the token (research/cloud-api.md section 1.4)."""
        from aiohttp import web

        query = request.query
        known = self._verify_token is not None and hmac.compare_digest(
            self._verify_token.encode("utf-8", "surrogateescape"),
            query.get("hub.verify_token", "").encode("utf-8", "surrogateescape"),
        )
        if not known or query.get("hub.mode") != "subscribe":
            return web.Response(status=403)
        # Plain text and never sniffed, because the challenge is whatever the caller wrote.
        challenge = query.get("hub.challenge", "").encode("utf-8", "replace")
        return web.Response(body=challenge, content_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})


def _later() -> web.Response:
    from aiohttp import web

    return web.Response(status=503, headers={"Retry-After": "1"})


async def register(base_url: str, url: str, secret: str) -> None:
    """Tell the simulator at `base_url` to post its callbacks to `url`, signed with `secret`.

    Raises `Busy` when it cannot be reached, `BadInput` when it does not take the registration.
    """
    import aiohttp

    address = f"{base_url.rstrip('/')}/simulator/callbacks"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5.0)) as session,
            session.post(address, json={"url": url, "secret": secret}, allow_redirects=False) as answer,
        ):
            status = answer.status
    except (aiohttp.ClientError, OSError) as error:
        raise Busy("gateway_unreachable", f"The simulator at {base_url} does not answer.", "Start it.") from error
    if status != 200:
        raise BadInput(
            "callbacks_not_registered",
            f"{base_url} does not take a registration for callbacks (HTTP {status}).",
            "Check that a simulator, and nothing else, listens at this address.",
        )
