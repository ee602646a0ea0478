"""The HTTP session of a gateway client: keep-alive, explicit time-outs, no cookies, no retries."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

    import aiohttp

    from engine.gateway.network import Network

NO_HANDLES = "too many files are open on this machine; raise the limit (ulimit -n, LimitNOFILE=)"


def open_session(
    network: Network, connections: int, traces: Iterable[aiohttp.TraceConfig] = ()
) -> aiohttp.ClientSession:
    """A session over `network`; must be called on the loop that uses it.

    Raises `BadInput` with `bad_ca_bundle`.
    """
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, ssl=network.tls() or True),
        timeout=aiohttp.ClientTimeout(
            total=network.timeout, connect=network.connect_timeout, sock_connect=network.connect_timeout
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=list(traces),
        proxy=network.proxy,
    )


def failures() -> tuple[type[BaseException], ...]:
    """What a call raises when the network fails; a time-out is an `OSError` too."""
    import aiohttp

    return (aiohttp.ClientError, OSError)


def words_of(error: BaseException, token: str, network: Network) -> str:
    """A failure in words, without the access token or the proxy's password."""
    text = _said(error).replace(token, "[token]")
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        text = f"{NO_HANDLES} ({text})"
    account = urlsplit(network.proxy or "").netloc.rpartition("@")[0]
    return text.replace(f"{account}@", "") if account else text


def _said(error: BaseException) -> str:
    """What happened, then what the library or the system says of it where that is more."""
    import aiohttp

    kinds: tuple[tuple[type[BaseException], str], ...] = (
        (aiohttp.ServerDisconnectedError, "it closed the connection before it answered"),
        (aiohttp.ClientPayloadError, "its answer broke off"),
        (aiohttp.ConnectionTimeoutError, "no connection in time"),
        (TimeoutError, "no answer in time"),
        (ConnectionError, "the connection broke off"),
    )
    words = next((said for kind, said in kinds if isinstance(error, kind)), "")
    # Not repr(): an aiohttp error may carry the request with its headers.
    empty = (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError, TimeoutError)
    own = "" if isinstance(error, empty) else str(error)
    return f"{words} ({own})" if words and own else words or own or "the network failed"


async def body_of(answer: aiohttp.ClientResponse, longest: int) -> bytes:
    """The body, or nothing when it is longer than that many bytes, which no answer of the API is."""
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > longest:
            answer.close()
            return b""
    return bytes(body)
