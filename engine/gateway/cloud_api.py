"""The WhatsApp Cloud API over HTTP.

Nothing is retried here. The API knows no idempotency key, so a repeated request is a second message (R43); what may be
repeated is for the caller to decide from the outcome.
"""

from __future__ import annotations

import json
from dataclasses import replace
from email.utils import parsedate_to_datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from engine.errors import BadInput
from engine.gateway.base import Accepted, Action, NotTaken, Outcome, Rejection, Unknown
from engine.gateway.documents import document_of
from engine.gateway.errors import classify
from engine.gateway.link import VERSION
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
LONGEST_DETAIL = 500
LONGEST_ID = 512
LONGEST_RETRY_AFTER = 24 * 3600.0
HIGHEST_CODE = 2**31 - 1
HELD = ("held_for_quality_assessment", "paused")
"""Values of `message_status` for a message that is released or dropped later (research/cloud-api.md 1.1 and 8)."""


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
                return _takes_token(answer.status, _json_object(await body_of(answer, LONGEST_ANSWER)))
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


def read_answer(http_status: int, headers: Mapping[str, str], body: bytes) -> Outcome:
    """What an answer that came back whole says became of the message.

    A Graph error is a refusal whatever its HTTP status; a 2xx counts only with a message id. What else came with a 5xx,
    a 2xx, or a redirect that may stand for "done" (302, 303) proves nothing, so the message is `Unknown`.
    """
    document = _json_object(body)
    message = _message(document)
    if 200 <= http_status < 300 and message is not None:
        return message
    error = document.get("error")
    code = _code(error.get("code")) if isinstance(error, dict) else None
    if code is None and not (400 <= http_status < 500 or http_status in (301, 307, 308)):
        return Unknown(f"HTTP {http_status} without a usable answer")
    subcode = _code(error.get("error_subcode")) if isinstance(error, dict) else None
    transient = isinstance(error, dict) and error.get("is_transient") is True
    row = classify(code, subcode, http_status, transient)
    retry_after = _retry_after(headers)
    return Rejection(
        code=row.code,
        detail=_detail(error, http_status)[:LONGEST_DETAIL],
        http_status=http_status,
        action=row.action,
        retry_after=row.retry_after if retry_after is None else retry_after,
        tries=row.tries,
        rest=row.rest,
    )


def _takes_token(http_status: int, document: dict[str, Any]) -> bool | None:
    """What an answer to a question says about the token: an error about anything else means that it was accepted."""
    if 200 <= http_status < 300:
        return True
    error = document.get("error")
    code = _code(error.get("code")) if isinstance(error, dict) else None
    action = classify(code, None, http_status).action
    if action is Action.AUTH:
        return False
    return None if code is None or action in (Action.RETRY, Action.SLOW) else True


async def _note_writing(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
    progress = context.trace_request_ctx
    if progress is not None:
        progress.writing = True


def _json_object(body: bytes) -> dict[str, Any]:
    document = document_of(body)
    return document if isinstance(document, dict) else {}


def _message(document: dict[str, Any]) -> Accepted | None:
    messages = document.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    if not isinstance(first, dict):
        return None
    message_id = first.get("id")
    if not isinstance(message_id, str) or not 0 < len(message_id) <= LONGEST_ID:
        return None
    return Accepted(message_id, held=first.get("message_status") in HELD)


def _code(value: object) -> int | None:
    """A Graph code; negative ones are Graph's own "unknown error", code 1, because ours are negative too."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value > HIGHEST_CODE:
        return None
    return value if value >= 0 else 1


def _detail(error: object, http_status: int) -> str:
    """The gateway's words: `error_data.details`, else `error_data` where it is a plain string, else the message."""
    if isinstance(error, dict):
        data = error.get("error_data")
        details = data.get("details") if isinstance(data, dict) else data
        for words in (details, error.get("error_user_msg"), error.get("message")):
            if isinstance(words, str) and words:
                return words
    return f"HTTP {http_status}"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the answer asks to wait; a date is measured against the answer's own `Date` (RFC 9110 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), LONGEST_RETRY_AFTER)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return min(max(0.0, wait.total_seconds()), LONGEST_RETRY_AFTER)


def checked_url(base_url: str) -> str:
    """A gateway's address without a slash at its end. Raises `BadInput` with `base_url_invalid`."""
    try:
        parts = urlsplit(base_url)
        plain = not (parts.username or parts.password or parts.query or parts.fragment)
        usable = plain and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise BadInput(
            "base_url_invalid",
            f"The gateway's address {base_url!r} cannot be used.",
            "Give it as https://HOST, without user name, password or query.",
        )
    return base_url.rstrip("/")


def checked_token(token: str) -> str:
    """A token that can stand in a header. Raises `BadInput` with `token_invalid`."""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise BadInput(
            "token_invalid",
            "The gateway's access token is empty or holds characters that no token has.",
            "Set SENDOFF_TOKEN, or store the token in the secrets file.",
        )
    return token
