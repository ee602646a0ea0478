"""The WhatsApp Cloud API over HTTP.

Nothing is retried here. The API knows no idempotency key, so a repeated request is a second message (R43); what may be
repeated is for the caller to decide from the outcome.
"""

from __future__ import annotations

import json
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self

from engine.errors import BadInput
from engine.gateway.answers import LONGEST_DETAIL, read_answer, takes_token
from engine.gateway.base import NotTaken, Outcome, Rejection, Unknown
from engine.gateway.link import VERSION, checked_token, checked_url
from engine.gateway.network import DIRECT, Network
from engine.gateway.session import body_of, failures, open_session, words_of
from store.types import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import SimpleNamespace, TracebackType

    import aiohttp

CONNECTIONS = 512
"""More than a run ever has on their way: waiting for a free connection would look like an unreachable gateway."""
TOKEN_CHECK_S = 10.0
LONGEST_ANSWER = 1 << 20
"""Bytes read of an answer; a real one has a few hundred."""


class _Progress:
    """How far one request has come."""

    __slots__ = ("writing",)

    def __init__(self) -> None:
        self.writing = False


class CloudApi:
    """A gateway at `base_url` (`https://graph.facebook.com`, or the simulator's address), for one access token.

    `connect_timeout` covers waiting for a free connection as well as making one, `timeout` the whole call; both in
    seconds, and those of `network` where they are not given. `fresh_token` reads the token anew before it is checked.
    Raises `BadInput` for an address or token that cannot be used. The token appears in no exception, outcome or log
    line.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        version: str = VERSION,
        network: Network = DIRECT,
        connect_timeout: float | None = None,
        timeout: float | None = None,
        connections: int = CONNECTIONS,
        fresh_token: Callable[[], str] | None = None,
    ) -> None:
        self._root = f"{checked_url(base_url)}/{version}"
        self._token = checked_token(token)
        self._network = replace(
            network,
            connect_timeout=network.connect_timeout if connect_timeout is None else connect_timeout,
            timeout=network.timeout if timeout is None else timeout,
        )
        self._connections = connections
        self._fresh_token = fresh_token
        self._session: aiohttp.ClientSession | None = None
        self._failures: tuple[type[BaseException], ...] = ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def send(
        self, phone_number_id: str, payload: Mapping[str, Any], endpoint: Endpoint = Endpoint.MESSAGES
    ) -> Outcome:
        """POST `payload` to `/{version}/{phone_number_id}/{endpoint}`, once."""
        session = self._open()
        progress = _Progress()
        try:
            async with session.post(
                f"{self._root}/{phone_number_id}/{endpoint.value}",
                data=json.dumps(payload, separators=(",", ":")).encode("ascii"),
                headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
                allow_redirects=False,
                trace_request_ctx=progress,
            ) as answer:
                body = await body_of(answer, LONGEST_ANSWER)
                return self._clean(read_answer(answer.status, answer.headers, body))
        except self._failures as error:
            reason = words_of(error, self._token, self._network)[:LONGEST_DETAIL]
            return Unknown(reason) if progress.writing else NotTaken(reason)

    async def reachable(self) -> float | None:
        """Milliseconds until the gateway answered anything at all, or `None`; neither token nor message is sent."""
        import aiohttp

        session = self._open()
        began = perf_counter()
        try:
            patience = aiohttp.ClientTimeout(total=self._network.connect_timeout)
            async with session.get(f"{self._root}/", allow_redirects=False, timeout=patience):
                return (perf_counter() - began) * 1000.0
        except self._failures:
            return None

    async def authorised(self, phone_number_id: str) -> bool | None:
        """Whether the access token, read anew, is accepted: asks for the sending number's id and nothing else.

        `None` when no answer came or one that says nothing about the token.
        """
        import aiohttp

        if self._fresh_token is not None:
            try:
                self._token = checked_token(self._fresh_token())
            except BadInput:
                return False
        session = self._open()
        try:
            async with session.get(
                f"{self._root}/{phone_number_id}",
                params={"fields": "id"},
                headers={"Authorization": f"Bearer {self._token}"},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=TOKEN_CHECK_S),
            ) as answer:
                return takes_token(answer.status, await body_of(answer, LONGEST_ANSWER))
        except self._failures:
            return None

    async def close(self) -> None:
        """Close every connection; a call under way ends as `NotTaken` or `Unknown`."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is not None:
            return self._session
        import aiohttp

        self._failures = failures()
        trace = aiohttp.TraceConfig()
        # Both signals come just before the bytes go to the socket; which one is first depends on aiohttp's version.
        trace.on_request_headers_sent.append(_note_writing)
        trace.on_request_chunk_sent.append(_note_writing)
        self._session = open_session(self._network, self._connections, [trace])
        return self._session

    def _clean(self, outcome: Outcome) -> Outcome:
        # Graph repeats a malformed token in its error message.
        if isinstance(outcome, Rejection) and self._token in outcome.detail:
            return Rejection(
                outcome.code,
                self._without_token(outcome.detail),
                outcome.http_status,
                outcome.action,
                outcome.retry_after,
                outcome.tries,
                outcome.rest,
            )
        return outcome

    def _without_token(self, text: str) -> str:
        return text.replace(self._token, "[token]")[:LONGEST_DETAIL]


async def _note_writing(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
    progress = context.trace_request_ctx
    if progress is not None:
        progress.writing = True
