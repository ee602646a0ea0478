"""Callbacks, statuses and replies: what becomes due is posted in batches, at least once, to whoever registered."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from contextlib import suppress
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

import aiohttp

from engine.gateway.simulator import envelopes
from engine.gateway.simulator.behaviour import Step

if TYPE_CHECKING:
    from engine.clock import Clock
    from engine.gateway.simulator.account import Account
    from engine.gateway.simulator.announcements import Announcement
    from engine.gateway.simulator.behaviour import Behaviour
    from engine.gateway.simulator.record import Record

BATCH = 1000
COALESCE = 0.1
"""Seconds between batches that are not full: of real time, for it is no part of what is played."""
FIRST_DELAY = 0.25
LONGEST_DELAY = 30.0
MOST_TARGETS = 8
EARLY_PATIENCE = 5.0
"""Seconds of real time that an answer waits for its early callback to be taken."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where callbacks go, and the secret they are signed with."""

    url: str
    secret: str


class Outbox:
    """The callbacks of all accepted messages and of the account, posted by one task.

    Nothing is taken off the schedule while nobody has registered, and a batch is repeated with growing delay until a
    target answers 200, so no callback is lost while no worker runs.
    """

    def __init__(self, behaviour: Behaviour, record: Record, account: Account, clock: Clock) -> None:
        self._behaviour = behaviour
        self._record = record
        self._account = account
        self._clock = clock
        # (due by the steady clock, index of the message, number of the step or a code below 0, seconds it was held):
        # one entry a message, its next step.
        self._due: list[tuple[float, int, int, float]] = []
        self._announced: list[tuple[float, int, Announcement]] = []
        self._order = count()
        self._batch: list[tuple[int, Step]] = []
        self._targets: list[Target] = []
        self._early: dict[int, asyncio.Future[None]] = {}
        self._something = asyncio.Event()
        self._registered = asyncio.Event()
        self.posted = 0
        self.announced = 0

    @property
    def waiting(self) -> int:
        """Messages that have callbacks to come."""
        return len({index for index, _ in self._batch} | {entry[1] for entry in self._due})

    def accepted(self, index: int, to: str, attempt: int, held_s: float = 0.0, early: bool = False) -> None:
        """Schedule the callbacks of one message from now on, or from the end of its being held."""
        steps = self._behaviour.callbacks(to, attempt, held_s)
        if steps:
            now = self._clock.steady()
            self._push(now if early else now + steps[0].due, index, 0, held_s)
            if early and self._targets:
                self._early[index] = asyncio.get_running_loop().create_future()

    def failed(self, index: int, code: int, held_s: float = 0.0) -> None:
        """Schedule one callback that reports a message failed, and nothing else of it."""
        self._push(self._clock.steady() + held_s, index, -code, held_s)

    def announce(self, announcement: Announcement) -> None:
        """Schedule what concerns the account."""
        heappush(self._announced, (announcement.due, next(self._order), announcement))
        self._something.set()

    async def early(self, index: int) -> None:
        """Wait until the first callback of a message that reports early was taken."""
        posted = self._early.get(index)
        if posted is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(posted, EARLY_PATIENCE)
            self._early.pop(index, None)

    def register(self, target: Target) -> None:
        """Post to `target` from now on; the newest one is tried first, and only the newest few are kept."""
        self._targets = [target, *(other for other in self._targets if other.url != target.url)][:MOST_TARGETS]
        self._registered.set()
        self._something.set()

    async def run(self) -> None:
        """Post what becomes due until cancelled."""
        patience = aiohttp.ClientTimeout(total=10.0)
        async with aiohttp.ClientSession(timeout=patience, cookie_jar=aiohttp.DummyCookieJar()) as session:
            while True:
                self._something.clear()
                if not self._targets or not (self._due or self._announced):
                    await self._something.wait()
                    continue
                announced = self._take_announced()
                self._batch = self._take()
                if self._batch or announced:
                    await self._post_until_taken(session, announced)
                    full = len(self._batch) == BATCH
                    self._batch = []
                    if not full:
                        await asyncio.sleep(COALESCE)
                    continue
                await self._until(self._something, self._next_due() - self._clock.steady())

    def _push(self, due: float, index: int, number: int, held_s: float) -> None:
        heappush(self._due, (due, index, number, held_s))
        if self._targets:
            self._something.set()

    def _next_due(self) -> float:
        return min(heap[0][0] for heap in (self._due, self._announced) if heap)

    def _take(self) -> list[tuple[int, Step]]:
        now = self._clock.steady()
        taken: list[tuple[int, Step]] = []
        while self._due and self._due[0][0] <= now and len(taken) < BATCH:
            due, index, number, held_s = heappop(self._due)
            if number < 0:
                taken.append((index, Step(held_s, held_s, "failed", -number)))
                continue
            entry = self._record.entry(index)
            steps = self._behaviour.callbacks(entry.to, entry.attempt, held_s)
            taken.append((index, steps[number]))
            if number + 1 < len(steps):
                heappush(self._due, (due - steps[number].due + steps[number + 1].due, index, number + 1, held_s))
        return taken

    def _take_announced(self) -> list[Announcement]:
        now = self._clock.steady()
        taken = []
        while self._announced and self._announced[0][0] <= now:
            announcement = heappop(self._announced)[2]
            if not announcement.cancelled:
                taken.append(announcement)
        return taken

    async def _post_until_taken(self, session: aiohttp.ClientSession, announced: list[Announcement]) -> None:
        changes = envelopes.of_messages(self._batch, self._record, self._account)
        document = envelopes.body(self._account, changes, announced, self._clock.now() // 1000)
        body = json.dumps(document).encode("ascii")
        delay = FIRST_DELAY
        while not await self._post(session, body):
            self._registered.clear()
            if not await self._until(self._registered, delay):
                delay = min(LONGEST_DELAY, delay * 2)
        self.posted += len(self._batch)
        self.announced += len(announced)
        if self._early:
            for index, _ in self._batch:
                waiting = self._early.get(index)
                if waiting is not None and not waiting.done():
                    waiting.set_result(None)

    async def _until(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for the event, but no longer than so many seconds of the clock; whether it came."""
        tasks = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(self._clock.sleep(seconds))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        return event.is_set()

    async def _post(self, session: aiohttp.ClientSession, body: bytes) -> bool:
        for target in self._targets:
            signature = hmac.new(target.secret.encode(), body, hashlib.sha256).hexdigest()
            headers = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"}
            try:
                async with session.post(target.url, data=body, headers=headers, allow_redirects=False) as answer:
                    if answer.status == 200:
                        return True
            except (aiohttp.ClientError, OSError):
                continue
        return False
