"""Asking the Cloud API: lists in pages, health, and uploading media. Sending is `engine.gateway.cloud_api`'s.

One session, kept alive; nothing is retried here. A refusal is classified by the same table as a send's and told as a
sentence: `gateway_busy` for limits of calls, which say how long to wait, `gateway_refused` for everything else.
"""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import parse_qs, quote, urlsplit

from engine.errors import BadInput, Busy, EngineError, Refused
from engine.gateway import errors
from engine.gateway.answers import read_answer
from engine.gateway.base import Action, Rejection
from engine.gateway.documents import document_of
from engine.gateway.link import checked_token, checked_url
from engine.gateway.session import body_of, failures, open_session, words_of
from engine.text import counted, shown

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    import aiohttp

    from engine.gateway.link import Link

PAGE: Final = 100
"""Items asked for at once; the API documents no limit of its own."""
MOST_PAGES: Final = 1_000
LONGEST_ANSWER: Final = 32 << 20
LONGEST_WAIT_MINUTES: Final = 24 * 60
_CONNECTIONS: Final = 4
_SLOWEST_UPLOAD: Final = 50_000
"""Bytes a second below which an upload is given up."""
_BUSY: Final = (Action.SLOW, Action.RETRY, Action.WAIT_PAIR)

TEMPLATE_FIELDS: Final = (
    "id,name,language,status,category,previous_category,parameter_format,components,quality_score,rejected_reason,"
    "message_send_ttl_seconds"
)
NUMBER_FIELDS: Final = (
    "id,display_phone_number,verified_name,quality_rating,status,name_status,code_verification_status,platform_type,"
    "account_mode,is_on_biz_app,throughput,whatsapp_business_manager_messaging_limit"
)

Item = Mapping[str, Any]


class Graph:
    """A client for asking, over one session; use it as `async with Graph(link) as graph`.

    Every method raises `Busy` with `gateway_unreachable` or `gateway_busy`, `Refused` with `gateway_refused`, and
    `EngineError` with `gateway_nonsense` for an answer that is none. The token stands in none of them.
    """

    def __init__(self, link: Link) -> None:
        self._root = f"{checked_url(link.base_url)}/{link.version}"
        self._token = checked_token(link.token)
        self._network = link.network
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give up the connections."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def templates(self, waba_id: str, progress: Callable[[int], object] = lambda n: None) -> list[Item]:
        """Every template of the account, as the API tells it; `progress` is called with the number read so far."""
        return await self._all(f"{quote(waba_id, safe='')}/message_templates", TEMPLATE_FIELDS, progress)

    async def phone_numbers(self, waba_id: str, progress: Callable[[int], object] = lambda n: None) -> list[Item]:
        """Every phone number of the account, as the API tells it."""
        return await self._all(f"{quote(waba_id, safe='')}/phone_numbers", NUMBER_FIELDS, progress)

    async def health(self, node: str) -> object:
        """`health_status` of a number, a template or the account, as it came."""
        return (await self._get(quote(node, safe=""), {"fields": "health_status"})).get("health_status")

    async def upload(
        self, phone_number_id: str, file: Path, mime: str, progress: Callable[[int], object] = lambda n: None
    ) -> str:
        """Upload a file for headers and answer its media id; `progress` is called with the bytes read so far.

        The file is streamed. Raises `BadInput` with `unreadable_file` too.
        """
        import aiohttp

        try:
            handle = _Counted(file, progress)
        except OSError as error:
            raise BadInput(
                "unreadable_file", f"{file} cannot be read: {error.strerror or error}.", "Check the path."
            ) from error
        with handle:
            form = aiohttp.FormData()
            form.add_field("messaging_product", "whatsapp")
            form.add_field("type", mime)
            form.add_field("file", handle, filename=file.name, content_type=mime)
            patience = aiohttp.ClientTimeout(
                total=self._network.timeout + file.stat().st_size / _SLOWEST_UPLOAD,
                connect=self._network.connect_timeout,
                sock_connect=self._network.connect_timeout,
            )
            document = await self._call("POST", f"{quote(phone_number_id, safe='')}/media", data=form, timeout=patience)
        media_id = document.get("id")
        if not isinstance(media_id, str) or not media_id:
            raise _nonsense("it took the file, but gave no id for it")
        return media_id

    async def _all(self, path: str, fields: str, progress: Callable[[int], object]) -> list[Item]:
        found: list[Item] = []
        async for page in self._pages(path, fields):
            found += page
            progress(len(found))
        return found

    async def _pages(self, path: str, fields: str) -> AsyncIterator[list[Item]]:
        """The pages of a list, by cursor until there is no next one."""
        parameters = {"fields": fields, "limit": str(PAGE)}
        seen: set[str] = set()
        while True:
            document = await self._get(path, parameters)
            data = document.get("data")
            if not isinstance(data, list):
                raise _nonsense("there is no list in its answer")
            # What is no object is passed on all the same: whoever reads the items says what cannot be read.
            yield [item if isinstance(item, Mapping) else {"value": item} for item in data]
            after = _next_cursor(document.get("paging"))
            if after is None:
                return
            if after in seen or len(seen) >= MOST_PAGES:
                raise _nonsense("its pages lead in a circle")
            seen.add(after)
            parameters = {**parameters, "after": after}

    async def _get(self, path: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        return await self._call("GET", path, params=parameters)

    async def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        if self._session is None:
            self._session = open_session(self._network, _CONNECTIONS)
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            async with self._session.request(
                method, f"{self._root}/{path}", headers=headers, allow_redirects=False, **options
            ) as answer:
                return self._read(answer.status, answer.headers, await body_of(answer, LONGEST_ANSWER))
        except failures() as error:
            raise Busy(
                "gateway_unreachable",
                shown(f"The gateway cannot be reached: {words_of(error, self._token, self._network)}."),
                "Check the network, the gateway's address and the proxy: sendoff gateway show.",
            ) from None

    def _read(self, status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        document = document_of(body)
        if 200 <= status < 300 and isinstance(document, dict) and "error" not in document:
            return document
        outcome = read_answer(status, headers, body)
        if isinstance(outcome, Rejection):
            raise refusal(outcome, headers, self._token)
        raise _nonsense(f"HTTP {status} without a usable answer")


def refusal(outcome: Rejection, headers: Mapping[str, str], token: str = "") -> EngineError:
    """A refusal as an error with a sentence and what to do."""
    detail = outcome.detail.replace(token, "[token]") if token else outcome.detail
    text = shown(f"{errors.text_of(outcome.code)} ({outcome.code}): {detail}")
    if outcome.action not in _BUSY:
        return Refused("gateway_refused", text, errors.advice_of(outcome.code))
    minutes = _wait_minutes(outcome, headers)
    hint = f"Wait {counted(minutes, 'minute')}, then try again." if minutes else "Wait a while, then try again."
    return Busy("gateway_busy", text, hint)


def _wait_minutes(outcome: Rejection, headers: Mapping[str, str]) -> int:
    """How long the gateway asks to wait, by `Retry-After` or by its usage headers; 0 where it does not say."""
    waits = [0.0 if outcome.retry_after is None else outcome.retry_after / 60]
    try:
        usage = json.loads(headers.get("x-business-use-case-usage", "{}"))
    except (ValueError, RecursionError):
        usage = {}
    for entries in usage.values() if isinstance(usage, dict) else ():
        for entry in entries if isinstance(entries, list) else ():
            wait = entry.get("estimated_time_to_regain_access") if isinstance(entry, dict) else None
            if isinstance(wait, int | float) and not isinstance(wait, bool):
                waits.append(wait)
    return min(LONGEST_WAIT_MINUTES, -int(-max(waits) // 1))


def _next_cursor(paging: object) -> str | None:
    """The cursor of the next page, `None` on the last one.

    The address in `next` is never followed: it names a host and may carry a token.
    """
    if not isinstance(paging, Mapping) or not isinstance(paging.get("next"), str) or not paging["next"]:
        return None
    cursors = paging.get("cursors")
    after = cursors.get("after") if isinstance(cursors, Mapping) else None
    if isinstance(after, str) and after:
        return after
    try:
        told = parse_qs(urlsplit(paging["next"]).query).get("after", [])
    except ValueError:
        told = []
    if not told:
        raise _nonsense("it has a next page, but no cursor for it")
    return told[0]


class _Counted(io.BufferedReader):
    """A file that tells how far it was read; its size is known, so that the upload has a length."""

    def __init__(self, file: Path, progress: Callable[[int], object]) -> None:
        super().__init__(file.open("rb", buffering=0))
        self._progress = progress

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._progress(self.tell())
        return data


def _nonsense(what: str) -> EngineError:
    return EngineError(
        "gateway_nonsense",
        f"The gateway's answer cannot be used: {what}.",
        "Something between here and WhatsApp may have answered; check address and proxy: sendoff gateway show.",
    )
