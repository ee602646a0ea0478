"""The gateway of the machine: does what it was told to, and keeps its own record of what it was handed and took."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.gateway.base import Accepted, NotTaken, Outcome, Unknown
from store.types import Endpoint
from tests.machine.time import StillClock
from tests.sending import refused

ACCEPT = "accept"
LOST = "lost"
"""Taken, but its answer is lost on the way."""
VANISH = "vanish"
"""Not taken, and there is no answer either."""
NO_ROUTE = "no_route"
"""No connection could be made."""
SLOW_ACCEPT = "slow_accept"
"""Taken; the answer comes when `Exchange.answer` says so."""
SLOW_REFUSE = "slow_refuse"
"""Not taken; the answer comes when `Exchange.answer` says so."""

TESTS = 0
"""What stands for the campaign of a test send."""

HTTP = {130429: 429, 131016: 500, 190: 401}


@dataclass
class HandOver:
    """One request, as the gateway saw it."""

    campaign: int
    seq: int
    attempt: int
    to: int
    at: int
    plan: str | int
    process: int
    taken: bool
    answer: str | int | None = None
    """What the process was told: `accept`, `unknown`, `no_route` or a code; `None` while it waits."""
    waiting: asyncio.Future[str | int] | None = field(default=None, repr=False)

    @property
    def message_id(self) -> str:
        return f"wamid.{self.campaign}.{self.seq}.{self.attempt}"


class Exchange:
    """One gateway for all processes."""

    def __init__(self, clock: StillClock) -> None:
        self.clock = clock
        self.plans: deque[str | int] = deque()
        """What becomes of the next requests; those after them are accepted."""
        self.up = True
        self.log: list[HandOver] = []
        self.by_row: dict[tuple[int, int], list[HandOver]] = defaultdict(list)
        self.tests: dict[int, list[HandOver]] = defaultdict(list)
        """Test sends by their ids."""
        self.complaints: list[str] = []
        """What should never have been handed over, or not so."""
        self.watch: list[Any] = []

    def line(self, process: int) -> Line:
        """The connection of one process."""
        return Line(self, process)

    def answer(self, handed: HandOver, told: str | int) -> None:
        """Let a slow answer come; `unknown` stands for a time-out."""
        if handed.waiting is not None and not handed.waiting.done():
            handed.waiting.set_result(told)

    def open(self) -> list[HandOver]:
        """The requests that wait for their answer."""
        every = [*self.log, *(one for some in self.tests.values() for one in some)]
        return [one for one in every if one.waiting is not None and not one.waiting.done()]


class Line:
    """`engine.gateway.base.Gateway` for one process."""

    def __init__(self, exchange: Exchange, process: int) -> None:
        self._exchange = exchange
        self._process = process

    async def send(
        self, phone_number_id: str, payload: Mapping[str, Any], endpoint: Endpoint = Endpoint.MESSAGES
    ) -> Outcome:
        exchange = self._exchange
        first, second, third = payload["biz_opaque_callback_data"].split(".")
        test = first == "test"
        campaign, seq, attempt = (TESTS if test else int(first)), int(second), int(third)
        plan = exchange.plans.popleft() if exchange.plans else ACCEPT
        if not exchange.up:
            plan = NO_ROUTE
        handed = HandOver(
            campaign,
            seq,
            attempt,
            int(payload["to"].removeprefix("+")),
            exchange.clock.now(),
            plan,
            self._process,
            plan in (ACCEPT, LOST, SLOW_ACCEPT),
        )
        for look in exchange.watch:
            look(handed, phone_number_id, payload)
        if test:
            exchange.tests[seq].append(handed)
        else:
            exchange.log.append(handed)
            exchange.by_row[campaign, seq].append(handed)
        if plan in (SLOW_ACCEPT, SLOW_REFUSE):
            handed.waiting = asyncio.get_running_loop().create_future()
            try:
                handed.answer = await handed.waiting
            except asyncio.CancelledError:
                handed.answer = "unknown"
                raise
        else:
            await asyncio.sleep(0)
            handed.answer = "unknown" if plan in (LOST, VANISH) else plan
        return _outcome(handed)

    async def reachable(self) -> float | None:
        return 1.0 if self._exchange.up else None

    async def authorised(self, phone_number_id: str) -> bool | None:
        return True if self._exchange.up else None

    async def close(self) -> None:
        return


def _outcome(handed: HandOver) -> Outcome:
    told = handed.answer
    if told == ACCEPT:
        return Accepted(handed.message_id)
    if told == "unknown":
        return Unknown("no answer")
    if told == NO_ROUTE:
        return NotTaken("no route")
    assert isinstance(told, int)
    return refused(told, HTTP.get(told, 400))
