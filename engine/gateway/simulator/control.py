"""The simulator's own endpoints under `/simulator`, which WhatsApp does not have: its record and its settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from engine.errors import BadInput
from engine.gateway.simulator import announcements
from engine.gateway.simulator.address import is_loopback_url
from engine.gateway.simulator.answers import refusal
from engine.gateway.simulator.callbacks import Target
from engine.gateway.simulator.clock import VirtualClock
from engine.gateway.simulator.sending import answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.clock import Clock
    from engine.gateway.simulator.account import Account
    from engine.gateway.simulator.callbacks import Outbox
    from engine.gateway.simulator.record import Record

_CHUNK = 1000


class Control:
    """Answers about what was accepted, and takes callback addresses, templates and numbers."""

    def __init__(
        self, record: Record, outbox: Outbox, account: Account, clock: Clock, counts: Callable[[], dict[str, Any]]
    ) -> None:
        self._record = record
        self._outbox = outbox
        self._account = account
        self._clock = clock
        self._counts = counts

    async def handle(self, request: web.BaseRequest, what: str) -> web.StreamResponse:
        """`GET counts`, `GET accepted`, `POST callbacks`, `templates`, `phone_numbers` or `advance`."""
        match request.method, what:
            case "GET", "counts":
                return web.json_response(self._counts())
            case "GET", "accepted":
                return await self._list_accepted(request)
            case "POST", "callbacks":
                return self._register(_parsed(await request.read()))
            case "POST", "templates" | "phone_numbers":
                return self._learn(what, _parsed(await request.read()))
            case "POST", "advance":
                return self._advance(_parsed(await request.read()))
        return _refused("Unsupported request.")

    async def _list_accepted(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
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

    def _register(self, document: object) -> web.Response:
        url = document.get("url") if isinstance(document, dict) else None
        secret = document.get("secret") if isinstance(document, dict) else None
        if not isinstance(url, str) or not is_loopback_url(url) or not isinstance(secret, str) or not secret:
            return _refused("Give a url on this machine and a secret.")
        self._outbox.register(Target(url, secret))
        return web.json_response({"success": True})

    def _learn(self, what: str, document: object) -> web.Response:
        """Take templates or numbers; of a template whose status changed WhatsApp would tell, so it is announced."""
        account = self._account
        if what == "phone_numbers":
            try:
                account.add_numbers(document)
            except BadInput as error:
                return _refused(error.message)
            return web.json_response({"success": True})
        before = dict(account.templates)
        try:
            learnt = account.add_templates(document)
        except BadInput as error:
            return _refused(error.message)
        for template in learnt:
            known = before.get(template.key)
            if known is not None and known.status != template.status:
                now = self._clock.steady()
                self._outbox.announce(announcements.template_status(template, template.status, now))
        return web.json_response({"success": True, "ids": [template.id for template in learnt]})

    def _advance(self, document: object) -> web.Response:
        """Let time pass, where the clock is a virtual one."""
        clock = self._clock
        seconds = document.get("seconds") if isinstance(document, dict) else None
        if not isinstance(clock, VirtualClock):
            return _refused("The clock is the machine's own.")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e9:
            return _refused("Give seconds that are not negative.")
        clock.advance(seconds)
        return web.json_response({"success": True, "now": clock.now()})


def _refused(details: str) -> web.Response:
    return answer(*refusal(100, details))


def _parsed(body: bytes) -> object:
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document
