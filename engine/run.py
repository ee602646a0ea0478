"""One campaign's send: claim a window, hand its rows over at the sender's pace, record what became of them.

The order is the crash protocol (DESIGN section 4): the intent is committed before the first byte of its requests,
outcomes are committed in batches after, and a row that has an intent but no outcome is never handed over again by
itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum, auto

from engine import ending, quota
from engine.decide import Decision, HoldOrder, decide
from engine.gateway.base import Unknown
from engine.gateway.errors import Internal
from engine.logs import Log
from engine.outgoing import Outgoing
from engine.recorder import Recorder
from engine.streaks import RAMP, Streaks
from engine.turns import LONGEST_NAP_S, Tools, turn
from store import campaigns, database, leases, optouts, outcomes, windows
from store.errors import Fenced, ShortOfQuota, StoreBusy, StoreFailed
from store.types import Campaign, Lease, OverQuota, Recipient, Result, ResultKind, Sender, SkipReason, Window

log = Log("sendoff.run")

RETRY_POLL_S = 0.25
FAILED_AT_ONCE = 2_000
"""Rows beyond the messaging quota that are failed in one transaction."""
STOP_PATIENCE_S = 8.0
"""How long an orderly stop waits for answers; it must be over within 10 s (DESIGN section 3)."""
OPT_OUT_POLL_S = 0.25
"""How stale the opt-outs read at the claim may be: a window of a slow sender takes seconds."""


class Ended(Enum):
    """Why a run's sending stopped."""

    DONE = auto()
    """Nothing is pending any more."""
    STOPPED = auto()
    HELD = auto()
    LOST = auto()
    """The lease has a new owner or is not trusted."""
    REROUTED = auto()
    """What is left is to go by another endpoint: a new run sends it, and is careful at first again."""


class Run:
    """The sending of one campaign under one lease."""

    def __init__(self, campaign: Campaign, sender: Sender, lease: Lease, tools: Tools) -> None:
        self._campaign = campaign
        self._outgoing = Outgoing(campaign)
        self._rerouted = False
        self._sender = sender
        self.sender_id = sender.id
        self._lease = lease
        self._tools = tools
        self._window_size = max(5, min(50, sender.rate // 20 or 5))
        self._slots = tools.slots
        self._in_flight: set[asyncio.Task[None]] = set()
        self._recorder = Recorder(campaign.id, tools.clock)
        self.hold: HoldOrder | None = None
        self.streaks = Streaks()
        self.halted = False
        """Whether `hold` is another run's, which concerns this one too."""
        self._waits_for_quota = campaign.hold is not None and campaign.hold.reason == quota.QUOTA_REACHED
        self._fault: BaseException | None = None

    def halt(self, order: HoldOrder) -> None:
        """Stop, for something that another run of the sender or of the account met."""
        if self.hold is None:
            self.hold, self.halted = order, True

    async def drive(self, stop: asyncio.Event) -> Ended:
        """Send until nothing is pending, `stop` is set, a hold is needed or the lease is lost; leaves no request open.

        What is to be held is in `hold` then; putting it into the store is the caller's part.
        """
        flusher = asyncio.create_task(self._recorder.flush_often())
        flusher.add_done_callback(self._note_fault)
        try:
            ended = await self._send(stop)
        finally:
            try:
                await self._drain(stop)
            finally:
                flusher.cancel()
        if self._fault is not None:
            raise self._fault
        return Ended.HELD if self.hold is not None else ended

    async def _send(self, stop: asyncio.Event) -> Ended:
        opened = 0
        while True:
            if stop.is_set():
                return Ended.STOPPED
            if self.hold is not None or self._fault is not None:
                return Ended.HELD
            if self._rerouted:
                return Ended.REROUTED
            if not self._tools.trusted():
                return Ended.LOST
            if opened <= len(RAMP) or not self.streaks.answered or self._recorder.stuck:
                # Wait for the outcomes so far: they tell whether the whole campaign is at fault.
                await self._drain(stop)
                if not self._may_go_on(stop):
                    continue
            try:
                claimed = self._claim(self._size(opened))
                if claimed is None and not await self._wait_for_retry(stop):
                    return Ended.DONE
            except Fenced:
                return Ended.LOST
            except ShortOfQuota as short:
                await self._wait_for_quota(short.until, stop)
                continue
            except (StoreBusy, StoreFailed) as error:
                # No intent, no request: without the store nothing is sent.
                log.warning("store.refused", "cannot claim, nothing is sent", error, campaign=self._campaign.id)
                await self._tools.clock.sleep(1.0)
                continue
            if claimed is None:
                continue
            window, rows = claimed
            if rows:
                opened += 1
                await self._hand_over_window(window, rows, stop)
            else:
                # All of them opted out meanwhile; a long list of such must not keep the loop from its other work.
                await self._tools.clock.sleep(0)

    def _size(self, opened: int) -> int:
        """How many rows to claim after so many windows; the tap stays shut until the gateway has answered anything."""
        if opened < len(RAMP):
            return RAMP[opened]
        return self._window_size if self.streaks.answered else RAMP[-1]

    def _claim(self, size: int) -> tuple[Window, list[Recipient]] | None:
        now = self._tools.clock.now()
        if not self._waits_for_quota:
            return windows.claim(self._campaign.id, self._lease, size, now)
        with database.transaction():
            lifted = ending.lift_to_try(self._campaign)
            claimed = windows.claim(self._campaign.id, self._lease, size, now)
            if lifted and claimed is not None and not claimed[1]:
                # Only what really goes lifts this hold, or it would be forgotten since when it lasts (R45).
                ending.hold_on(self._campaign)
                return claimed
            if lifted:
                ending.resumed(now, self._campaign, self._tools.actor)
        self._waits_for_quota = False
        return claimed

    async def _wait_for_quota(self, until: int | None, stop: asyncio.Event) -> None:
        """The messaging quota lets none of the waiting rows go: fail the rest, wait a moment, or have the run held."""
        if self._in_flight or self._recorder.waiting:
            # What the gateway refuses gives its place back.
            await self._drain(stop)
            return
        clock = self._tools.clock
        if self._campaign.over_quota is OverQuota.FAIL:
            await self._fail_over_quota(stop)
            return
        wait_ms = None if until is None else until - clock.now()
        if wait_ms is None or wait_ms > quota.PATIENCE_MS:
            self.hold = quota.hold_order(until)
        else:
            await clock.sleep(min(max(wait_ms, 0) / 1000, LONGEST_NAP_S))

    async def _fail_over_quota(self, stop: asyncio.Event) -> None:
        """Fail what has no place, in pieces: a million rows must not keep the loop from its other work."""
        after: int | None = 0
        while after is not None and self._may_go_on(stop):
            try:
                with leases.under(self._lease):
                    after = outcomes.fail_over_quota(
                        self._campaign.id, Internal.QUOTA_EXCEEDED, after, FAILED_AT_ONCE, self._tools.clock.now()
                    )
            except Fenced:
                # The next claim says so, too.
                return
            await self._tools.clock.sleep(0)

    async def _wait_for_retry(self, stop: asyncio.Event) -> bool:
        """Whether there may be more to send: a row put back by what is still in flight, or one whose time will come."""
        if self._in_flight or self._recorder.waiting:
            await self._drain(stop)
            return True
        clock = self._tools.clock
        while (not_before := windows.next_retry(self._campaign.id)) is not None:
            now = clock.now()
            # Until then a claim would only take the store's one writer from the others.
            if windows.is_due(not_before, now) or not self._may_go_on(stop):
                return True
            await clock.sleep(min((not_before - now) / 1000, RETRY_POLL_S))
        return False

    async def _hand_over_window(self, window: Window, rows: list[Recipient], stop: asyncio.Event) -> None:
        self._recorder.expect(window, rows)
        clock = self._tools.clock
        looked, out = clock.steady(), frozenset[int]()
        left = deque(rows)
        try:
            self._look_at_route()
            while left:
                if not await turn(self._tools, lambda: self._may_go_on(stop)):
                    break
                if clock.steady() - looked >= OPT_OUT_POLL_S:
                    looked, out = clock.steady(), optouts.among(one.phone for one in left if one.phone is not None)
                    self._look_at_route()
                self._begin(window, left.popleft(), out, stop)
        finally:
            # Also after a fault: what was not begun never left, and so it is not unknown.
            for row in left:
                self._put_back(window, row)

    def _look_at_route(self) -> None:
        """An operator may have lifted a hold by another endpoint before this run had come to its end for the hold."""
        self._rerouted = self._rerouted or campaigns.route(self._campaign.id) != self._outgoing.route

    def _begin(self, window: Window, row: Recipient, out: frozenset[int], stop: asyncio.Event) -> None:
        if row.phone in out:
            self._slots.release()
            self._skip(window, row, SkipReason.OPTED_OUT)
            return
        task = asyncio.create_task(self._hand_over(window, row, stop))
        self._in_flight.add(task)
        task.add_done_callback(self._landed)

    def _may_go_on(self, stop: asyncio.Event) -> bool:
        going = not stop.is_set() and self.hold is None and self._fault is None and self._tools.trusted()
        return going and not self._rerouted and not self._recorder.stuck

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._slots.release()
        # A row whose task broke has no outcome: its window stays open, and the next owner makes it `unknown`.
        self._note_fault(task)

    def _note_fault(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._fault = self._fault or task.exception()

    def _put_back(self, window: Window, row: Recipient) -> None:
        now = self._tools.clock.now()
        self._recorder.add(
            window, Result(row.seq, ResultKind.PUT_BACK, now, now, not_before=now, counts=False, detail="not begun")
        )

    def _skip(self, window: Window, row: Recipient, reason: SkipReason) -> None:
        now = self._tools.clock.now()
        self._recorder.add(window, Result(row.seq, ResultKind.SKIPPED, now, now, skip=reason))

    async def _hand_over(self, window: Window, row: Recipient, stop: asyncio.Event) -> None:
        if not self._may_go_on(stop):
            # The machine may have slept since the row had its turn.
            self._put_back(window, row)
            return
        clock = self._tools.clock
        handed_at = clock.now()
        payload = self._outgoing.of(row)
        if isinstance(payload, SkipReason):
            self._skip(window, row, payload)
            return
        endpoint = self._outgoing.route.endpoint
        try:
            outcome = await self._tools.gateway.send(self._sender.phone_number_id, payload, endpoint)
        except asyncio.CancelledError:
            outcome = Unknown("no answer by the time the worker was stopped")
        decision = decide(outcome, row.seq, row.tried, handed_at, clock.now(), self._tools.rng, row.attempt)
        self._judge(decision, row)
        self._recorder.add(window, decision.result)

    def _judge(self, decision: Decision, row: Recipient) -> None:
        self.streaks.note(decision)
        if decision.slow:
            self._tools.pacer.slow()
        if decision.rest:
            self._tools.pacer.rest(decision.rest)
        if decision.suppress and row.phone is not None:
            self._recorder.suppress(row.phone)
        if self.hold is None:
            self.hold = decision.hold or self.streaks.order()

    async def _drain(self, stop: asyncio.Event) -> None:
        """Wait for what is on its way and record it; what has no answer in time for an orderly stop is unknown."""
        if self._in_flight:
            # A copy: what is done already leaves the set before the wait for it begins, which is none for an empty one.
            landing = asyncio.create_task(asyncio.wait({*self._in_flight}))
            told = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait({landing, told}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                told.cancel()
            await asyncio.wait({landing}, timeout=STOP_PATIENCE_S)
            for task in self._in_flight:
                task.cancel()
            await landing
        await self._recorder.flush_all(stop)
