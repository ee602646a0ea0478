"""Sending test sends, by the order of the crash protocol (DESIGN section 4): intent, hand-over, outcome.

What a campaign's run holds for (a paused template, an unreachable gateway) fails a test at once: somebody waits for it.
What the gateway asks to slow down for is waited out, as long as the test has not expired.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine import message
from engine import testsends as rules
from engine.decide import GATEWAY_UNREACHABLE, Decision, decide
from engine.gateway.base import Unknown
from engine.logs import Log
from engine.recorder import AGAIN_S, FLUSH_TRIES
from engine.run import STOP_PATIENCE_S
from engine.turns import Tools, turn
from store import audit, campaigns, database, optouts, testsends
from store.errors import Fenced, Missing, StoreBusy, StoreFailed
from store.types import Actor, Lease, Result, ResultKind, Sender, TestSend

if TYPE_CHECKING:
    from engine.clock import Clock

log = Log("sendoff.run")


class TestRun:
    """The sending of one sender's test sends under one lease, until `stop` is set."""

    def __init__(self, sender: Sender, lease: Lease, tools: Tools, stop: asyncio.Event) -> None:
        self._sender = sender
        self._lease = lease
        self._tools = tools
        self._stop = stop
        self._in_flight: set[asyncio.Task[None]] = set()

    async def drive(self) -> None:
        """Send what is due until there is no more of it, it is to stop or the lease is lost; leaves no request open."""
        while self._may_go_on():
            now = self._tools.clock.now()
            try:
                rows = testsends.claim(self._sender.id, self._lease, now, now - rules.EXPIRES_MS)
            except Fenced:
                return
            except (StoreBusy, StoreFailed) as error:
                # No intent, no request: without the store nothing is sent.
                log.warning("store.refused", "cannot claim test sends, nothing is sent", error)
                await self._tools.clock.sleep(1.0)
                continue
            if not rows:
                return
            try:
                await self._begin(rows)
            finally:
                await self._land()

    def _may_go_on(self) -> bool:
        return not self._stop.is_set() and self._tools.trusted()

    async def _begin(self, rows: list[TestSend]) -> None:
        for row in rows:
            if not await turn(self._tools, self._may_go_on):
                await self._put_back(row)
                continue
            if optouts.among([row.phone]):
                self._tools.slots.release()
                await self._drop(row, testsends.OPTED_OUT)
                continue
            task = asyncio.create_task(self._hand_over(row))
            self._in_flight.add(task)
            task.add_done_callback(lambda _: self._tools.slots.release())

    async def _land(self) -> None:
        """Wait for what is on its way; what has no answer in time for an orderly stop is unknown."""
        tasks, self._in_flight = self._in_flight, set()
        if not tasks:
            return
        landing = asyncio.create_task(asyncio.wait(tasks))
        told = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({landing, told}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
        await asyncio.wait({landing}, timeout=STOP_PATIENCE_S)
        for task in tasks:
            task.cancel()
        await landing
        for task in tasks:
            # A row whose task broke has no outcome; the next look of the worker makes it unknown.
            if not task.cancelled() and (fault := task.exception()) is not None:
                raise fault

    async def _put_back(self, row: TestSend) -> None:
        now = self._tools.clock.now()
        result = Result(row.id, ResultKind.PUT_BACK, now, now, not_before=now, counts=False, detail="not begun")
        await self._record(Decision(result), row)

    async def _drop(self, row: TestSend, why: str) -> None:
        now = self._tools.clock.now()
        await self._record(Decision(Result(row.id, ResultKind.FAILED, now, now, detail=why)), row)

    async def _hand_over(self, row: TestSend) -> None:
        if not self._may_go_on():
            # The machine may have slept since the message had its turn.
            await self._put_back(row)
            return
        clock = self._tools.clock
        handed_at = clock.now()
        try:
            # As the campaign's own messages would go.
            route = campaigns.get(row.campaign_id).route
        except Missing:
            await self._drop(row, testsends.DRAFT_DELETED)
            return
        payload = message.routed(rules.tested(row.payload, row.id, row.attempt + 1), route)
        try:
            outcome = await self._tools.gateway.send(self._sender.phone_number_id, payload, route.endpoint)
        except asyncio.CancelledError:
            outcome = Unknown("no answer by the time the worker was stopped")
        decision = decide(outcome, row.id, row.tried, handed_at, clock.now(), self._tools.rng, row.attempt)
        if decision.slow:
            self._tools.pacer.slow()
        if decision.rest:
            self._tools.pacer.rest(decision.rest)
        await self._record(decision, row)

    async def _record(self, decision: Decision, row: TestSend) -> None:
        """Write an outcome, as patiently as it takes: an answer that is not kept makes a test unknown.

        Only a worker that is to end gives up, after some seconds.
        """
        result = _final(decision)
        fence = self._lease.fence
        tries = 0
        while tries < FLUSH_TRIES:
            try:
                with database.transaction():
                    testsends.record(result, fence)
                    if decision.suppress:
                        optouts.add(row.phone, result.at, "gateway: stopped marketing messages")
            except (StoreBusy, StoreFailed) as error:
                log.warning("store.refused", "cannot record its outcome yet", error, test=row.id)
                tries += self._stop.is_set()
                await self._tools.clock.sleep(AGAIN_S)
            else:
                return
        log.error("outcomes.lost", "the store does not take it; it will be shown as unknown", test=row.id)


def _final(decision: Decision) -> Result:
    """A test is not kept waiting: what would hold a run ends it, and of what WhatsApp holds back nobody knows."""
    result = decision.result
    if result.kind is ResultKind.HELD:
        # What becomes of it is not known, and it is not sent again.
        return result._replace(kind=ResultKind.UNKNOWN, not_before=None)
    if decision.hold is None or result.kind is not ResultKind.PUT_BACK:
        return result
    if decision.hold.reason == GATEWAY_UNREACHABLE:
        return result._replace(kind=ResultKind.FAILED, code=None, detail=decision.hold.text, not_before=None)
    return result._replace(kind=ResultKind.FAILED, not_before=None)


class TestSending:
    """The test sends of a worker: one task for each sender that has some."""

    def __init__(self, clock: Clock, actor: Actor, stop: asyncio.Event) -> None:
        self._clock = clock
        self._actor = actor
        self._stop = stop
        self._by_sender: dict[int, asyncio.Task[None]] = {}

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """What is under way."""
        return list(self._by_sender.values())

    def tend(self, sender: Sender, lease: Lease, tools: Tools) -> None:
        """Begin to send what waits for a sender that this worker holds."""
        if sender.id in self._by_sender or self._stop.is_set() or not testsends.waiting(sender.id):
            return
        self._recover(sender, lease)
        if testsends.due(sender.id, self._clock.now()):
            task = asyncio.create_task(self._drive(sender, lease, tools), name=f"test sends of sender {sender.id}")
            self._by_sender[sender.id] = task

    async def _drive(self, sender: Sender, lease: Lease, tools: Tools) -> None:
        with database.translated():
            await TestRun(sender, lease, tools, self._stop).drive()

    def _recover(self, sender: Sender, lease: Lease) -> None:
        # Nothing of this sender's is in flight here, so an intent even of this lease's own fence has nobody left.
        with database.transaction():
            now = self._clock.now()
            for test in testsends.recover(sender.id, lease.fence, now):
                audit.write(
                    now,
                    self._actor,
                    "campaign.test_recovered",
                    test.campaign_id,
                    after={"test": [test.id], "unknown": 1},
                    detail="in flight when the worker before ended; whether it went out is not known",
                )
                log.warning("test.recovered", "in flight when the last worker ended", test=test.id)

    def reap(self) -> None:
        """Forget what has ended."""
        for sender_id, task in list(self._by_sender.items()):
            if task.done():
                del self._by_sender[sender_id]
                fault = task.exception()
                if fault is not None:
                    log.error("test.broke", "the test sends broke off", fault, sender=sender_id)
