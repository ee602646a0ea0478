"""Messages: whether one is taken, what is noted of it, and what its sender gets to see."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections import Counter
from typing import TYPE_CHECKING, Any

from aiohttp import web

from engine.gateway.simulator.answers import THROTTLED, acceptance, refusal
from engine.gateway.simulator.behaviour import Kind
from engine.gateway.simulator.checks import Message, check
from engine.gateway.simulator.faults import Fault
from engine.gateway.simulator.limits import Pairs, People, Throughput
from engine.gateway.simulator.needs import Surroundings, check_components
from engine.gateway.simulator.record import Entry

if TYPE_CHECKING:
    from engine.clock import Clock
    from engine.gateway.simulator.account import Account, Template
    from engine.gateway.simulator.behaviour import Behaviour, Fate
    from engine.gateway.simulator.callbacks import Outbox
    from engine.gateway.simulator.media import Media
    from engine.gateway.simulator.record import Record
    from engine.gateway.simulator.scenario import Scenario
    from engine.gateway.simulator.standing import Standing

PAIR_LIMIT = 131056
MARKETING_ONLY = 131055
_NO_LINGER = struct.pack("ii", 1, 0)
_LETTERS = {"MARKETING": "m", "UTILITY": "u", "AUTHENTICATION": "a"}
_UNPUBLISHED = frozenset({"PAUSED", "DISABLED"})
_PAGE = "<!DOCTYPE html><html><body><h1>Sorry, something went wrong.</h1></body></html>"


class Sending:
    """Takes messages for one account as a scenario says."""

    def __init__(
        self,
        scenario: Scenario,
        behaviour: Behaviour,
        account: Account,
        standing: Standing,
        media: Media,
        record: Record,
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self._scenario = scenario
        self._behaviour = behaviour
        self._account = account
        self._standing = standing
        self._media = media
        self._record = record
        self._outbox = outbox
        self._clock = clock
        self._throughput = Throughput()
        self._pairs = Pairs(scenario.pair)
        self._people = People(scenario.portfolio.limit)
        self._unreferenced: Counter[str] = Counter()
        self.requests = 0
        self.fates: Counter[Kind] = Counter()
        self.refused: Counter[int] = Counter()
        self.held = 0

    async def handle(self, request: web.BaseRequest, sender: str, fault: Fault | None) -> web.StreamResponse:
        """One POST to `messages` or `marketing_messages`; `fault` is what is wrong with its address or token."""
        self.requests += 1
        marketing_api = request.path.endswith("/marketing_messages")
        body = await request.read()
        checked = fault or check(_parsed(body), marketing_api)
        if isinstance(checked, Fault):
            return self._refuse(checked)
        template = self._account.template(checked.name, checked.language)
        if template is None:
            return self._refuse(Fault(132001, f"template name ({checked.name}) does not exist in {checked.language}"))
        fault = self._check_template(template, checked, marketing_api) or self._admit(
            sender, self._real_number(sender, checked), template, marketing_api
        )
        if fault is not None:
            return self._refuse(fault)
        return await self._carry_out(request, sender, checked, template, marketing_api)

    def _check_template(self, template: Template, message: Message, marketing_api: bool) -> Fault | None:
        if template.status not in ("APPROVED", *_UNPUBLISHED):
            return Fault(132001, f"template {template.name} is {template.status}, not approved")
        if marketing_api and template.category != "MARKETING":
            return Fault(MARKETING_ONLY, "Only marketing templates can be sent over marketing_messages.")
        if template.needs is None:
            return None
        fault = check_components(template.needs, message.components, Surroundings(self._clock.now(), self._media.known))
        if fault is None and template.status in _UNPUBLISHED:
            return Fault(132015 if template.status == "PAUSED" else 132016)
        return fault

    def _admit(self, sender: str, to: str, template: Template, marketing_api: bool) -> Fault | None:
        """Standing first, then the limits from the narrowest to the widest."""
        code = self._standing.refusal(sender, template, marketing_api)
        if code:
            return Fault(code)
        now = self._clock.steady()
        limit = self._standing.throughput(sender, self._scenario.throughput)
        if not self._throughput.admit(sender, limit, now):
            return Fault(THROTTLED)
        if self._pairs.over(sender, to, now):
            return Fault(PAIR_LIMIT)
        if self._scenario.portfolio.by == "answer" and self._people.over(to, now):
            return Fault(self._scenario.portfolio.code)
        return None

    async def _carry_out(
        self, request: web.BaseRequest, sender: str, message: Message, template: Template, marketing_api: bool
    ) -> web.StreamResponse:
        """Take the message where it is taken, before any answer, and answer as its fate says."""
        to = self._real_number(sender, message)
        attempt = message.attempt or self._count(to)
        fate = self._behaviour.fate(to, attempt)
        self.fates[fate.kind] += 1
        message_id, held, wa_id = "", fate.held, to
        if fate.kind.taken:
            wa_id = _other_form(to) if self._scenario.wa_id_differs else to
            letter = "l" if marketing_api else _LETTERS[template.category]
            at = self._clock.now()
            index = self._record.add(
                Entry(at, sender, to, attempt, message.reference, letter, "" if wa_id == to else wa_id)
            )
            message_id = self._record.message_id(index)
            held = self._note(index, sender, to, attempt, template, fate) or held
            self.held += held
            if fate.early:
                await self._outbox.early(index)
        if fate.latency > 0:
            await self._clock.sleep(fate.latency)
        return await self._answer(request, fate, acceptance(to, message_id, held, wa_id))

    def _note(self, index: int, sender: str, to: str, attempt: int, template: Template, fate: Fate) -> bool:
        """Count a message that was taken and schedule its callbacks; whether it is held for its template."""
        now = self._clock.steady()
        over = self._people.over(to, now)
        self._pairs.note(sender, to, now)
        if not over:
            # What is not delivered does not count.
            self._people.note(to, now)
        verdict = self._standing.taken(sender, template)
        code = verdict.code or (self._scenario.portfolio.code if over else 0)
        if code:
            self._outbox.failed(index, code, verdict.held_s)
        else:
            self._outbox.accepted(index, to, attempt, verdict.held_s, fate.early)
        return verdict.held_s > 0

    async def _answer(self, request: web.BaseRequest, fate: Fate, body: bytes) -> web.StreamResponse:
        match fate.kind:
            case Kind.REJECT:
                return self._refuse(Fault(fate.code))
            case Kind.HTTP_500 | Kind.HTTP_500_TAKEN:
                return web.Response(status=500, text=_PAGE, content_type="text/html")
            case Kind.HTTP_502 | Kind.HTTP_502_TAKEN:
                return web.Response(status=502)
            case Kind.HTML_200:
                return web.Response(text=_PAGE, content_type="text/html")
            case Kind.REDIRECT:
                return web.Response(
                    status=self._scenario.redirect_http_status, headers={"Location": "http://127.0.0.1:9/elsewhere"}
                )
            case Kind.RESET | Kind.LOST_ANSWER:
                _cut(request, reset=fate.kind is Kind.RESET)
            case Kind.HALF_ANSWER:
                return await _half(request, body)
        return answer(200, body)

    def _refuse(self, fault: Fault) -> web.Response:
        self.refused[fault.code] += 1
        return answer(*refusal(fault.code, fault.details, self._scenario.throttle_http_status, fault.subcode))

    def _real_number(self, sender: str, message: Message) -> str:
        """Without a plus WhatsApp puts the country code of the sending number in front."""
        prefix = "" if message.international else self._account.country_code(sender)
        return prefix + message.to

    def _count(self, to: str) -> int:
        self._unreferenced[to] += 1
        return self._unreferenced[to]


def answer(status: int, body: bytes) -> web.Response:
    """An answer in JSON."""
    return web.Response(status=status, body=body, content_type="application/json")


def _parsed(body: bytes) -> object:
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document


def _other_form(to: str) -> str:
    """How WhatsApp may know a Brazilian or Mexican mobile number: without its extra digit, or with one."""
    if to.startswith("55") and len(to) == 13 and to[4] == "9":
        return to[:4] + to[5:]
    return f"521{to[2:]}" if to.startswith("52") and len(to) == 12 else to


async def _half(request: web.BaseRequest, body: bytes) -> web.StreamResponse:
    """Promise the whole answer, send the first half, and cut the connection."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    # The bytes leave before the connection does.
    await asyncio.sleep(0)
    if request.transport is not None:
        request.transport.close()
    return response


def _cut(request: web.BaseRequest, reset: bool) -> None:
    """Close the client's connection without an answer; with `reset` the client sees a reset instead of an end."""
    transport = request.transport
    if transport is None or transport.is_closing():
        return
    if reset:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()
