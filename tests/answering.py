"""A gateway over loopback HTTP that gives exactly the answers a test asks for."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from engine.gateway.cloud_api import CloudApi

TOKEN = "a-token"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: HTTP status, JSON body, headers."""

    status: int
    body: Mapping[str, Any] | str
    headers: Mapping[str, str] = field(default_factory=dict)


def error(code: int, status: int = 400, *, transient: bool | None = None, **headers: str) -> Answer:
    """A Graph error."""
    told: dict[str, Any] = {"message": f"(#{code}) words", "type": "OAuthException", "code": code, "fbtrace_id": "t"}
    told["error_data"] = {"messaging_product": "whatsapp", "details": "details"}
    if transient is not None:
        told["is_transient"] = transient
    return Answer(status, {"error": told}, {name.replace("_", "-"): value for name, value in headers.items()})


_ids = itertools.count(1)


def taken(status: str = "accepted") -> Answer:
    """That the message was accepted, with an id of its own."""
    message = {"id": f"wamid.{next(_ids)}", "message_status": status}
    return Answer(200, {"messaging_product": "whatsapp", "contacts": [], "messages": [message]})


class Answering:
    """Answers the `n`-th message (from 1) to a number as `answer(number, n)` says, `None` for accepting it."""

    def __init__(self, answer: Callable[[str, int], Answer | None]) -> None:
        self.answer = answer
        self.token = Answer(200, {"id": "1000001"})
        """What is answered to somebody who asks for a sending number."""
        self.asked = 0
        self.tokens: list[str] = []
        self.times: Counter[str] = Counter()
        """How many messages came for each number."""
        self.taken: Counter[str] = Counter()
        """How many of them were accepted."""
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.tokens.append(request.headers.get("Authorization", ""))
        if request.method == "GET":
            self.asked += request.path.count("/") == 2 and request.path[-1].isdigit()
            return _response(self.token)
        to = (await request.json())["to"].lstrip("+")
        self.times[to] += 1
        found = self.answer(to, self.times[to]) or taken()
        self.taken[to] += found.status == 200
        return _response(found)


def _response(answer: Answer) -> web.Response:
    if isinstance(answer.body, str):
        return web.Response(status=answer.status, text=answer.body, headers=dict(answer.headers))
    return web.json_response(dict(answer.body), status=answer.status, headers=dict(answer.headers))


@asynccontextmanager
async def answering(
    answer: Callable[[str, int], Answer | None], **options: Any
) -> AsyncIterator[tuple[Answering, CloudApi]]:
    """Such a gateway, and a client of it."""
    found = Answering(answer)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", found.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with CloudApi(found.url, TOKEN, connect_timeout=2.0, timeout=5.0, **options) as client:
            yield found, client
    finally:
        await runner.cleanup()
