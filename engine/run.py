"""One campaign's send: claim a window, hand its rows over at the sender's pace, record what became of them.

The order is the crash protocol (DESIGN section 4): the intent is committed before the first byte of its requests,
outcomes are
committed in batches after, and a row that has an intent but no outcome is never handed over again by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from engine import message, resolution
from engine.decide import Decision, HoldOrder, decide
from store import database, optouts, outcomes, windows
from store.errors import Fenced, StoreBusy, StoreFailed
from store.types import Campaign, Lease, Recipient, Result, ResultKind, Sender, SkipReason, Window

if TYPE_CHECKING:
    from random import Random

    from engine.clock import Clock
    from engine.gateway.base import Gateway
    from engine.pacing import Pacer

log = logging.getLogger("sendoff.run")

RAMP = (1, 10)
"""Sizes of the first windows: a fault of the whole campaign shows on the first row."""
FLUSH_S = 0.05
FLUSH_ROWS = 50
MAX_IN_FLIGHT = 400
ERRORS_IN_A_ROW = 50
SILENCES_IN_A_ROW = 20
RETRY_POLL_S = 0.25
FLUSH_TRIES = 8


class Ended(Enum):
    """Why a run's sending stopped."""

    DONE = auto()
    """Nothing is pending any more."""
    STOPPED = auto()
    HELD = auto()
    LOST = auto()
    """The lease has a new owner or is not trusted."""


class Tools(NamedTuple):
    """What a run works with; shared between the runs of one sender."""

    clock: Clock
    gateway: Gateway
    pacer: Pacer
    rng: Random
    trusted: Callable[[], bool]


class Run:
    """The sending of one campaign under one lease."""

    def __init__(self, campaign: Campaign, sender: Sender, lease: Lease, tools: Tools) -> None:
        if campaign.template_frozen is None or campaign.audience is None:
            raise ValueError(f"campaign {campaign.id} is in progress without a template or an audience")
        filler = resolution.filler_for(campaign.template_frozen, campaign.fills, campaign.audience)
        if filler is None:
            raise ValueError(f"campaign {campaign.id} is in progress with an unmapped placeholder")
        self._campaign = campaign
        frozen = campaign.template_frozen
        self._composer = message.Composer(frozen.name, frozen.language, frozen.components, frozen.parameter_format)
        self._filler = filler
        self._sender = sender
        self._lease = lease
        self._tools = tools
        self._window_size = max(5, min(50, sender.rate // 20 or 5))
        self._slots = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._in_flight: set[asyncio.Task[None]] = set()
        self._results: list[Result] = []
        self._countries: dict[int, str | None] = {}
        self._left: Counter[int] = Counter()
        self._complete: list[int] = []
        self._suppressed: list[int] = []
        self.hold: HoldOrder | None = None
        self._fault: BaseException | None = None
        self._errors_in_a_row = 0
        self._silences_in_a_row = 0

    async def drive(self, stop: asyncio.Event) -> Ended:
        """Send until nothing is pending, `stop` is set, a hold is needed or the lease is lost; leaves no request open.

        What is to be held is in `hold` then; putting it into the store is the caller's part.
        """
        flusher = asyncio.create_task(self._flush_often())
        try:
            ended = await self._send(stop)
        finally:
            await self._drain()
            flusher.cancel()
        if self._fault is not None:
            raise self._fault
        return Ended.HELD if self.hold is not None else ended

    async def _send(self, stop: asyncio.Event) -> Ended:
        ramp = list(RAMP)
        while True:
            if stop.is_set():
                return Ended.STOPPED
            if self.hold is not None or self._fault is not None:
                return Ended.HELD
            if not self._tools.trusted():
                return Ended.LOST
            if ramp:
                # Wait for the outcomes so far: they tell whether the whole campaign is at fault.
                await self._drain()
                if not self._may_go_on(stop):
                    continue
            try:
                claimed = self._claim(ramp.pop(0) if ramp else self._window_size)
            except Fenced:
                return Ended.LOST
            except (StoreBusy, StoreFailed) as error:
                # No intent, no request: without the store nothing is sent.
                log.warning("campaign %d: cannot claim: %s", self._campaign.id, error)
                await self._tools.clock.sleep(1.0)
                continue
            if claimed is not None:
                await self._hand_over_window(*claimed, stop)
            elif not await self._wait_for_retry():
                return Ended.DONE

    def _claim(self, size: int) -> tuple[Window, list[Recipient]] | None:
        return windows.claim(self._campaign.id, self._lease, size, self._tools.clock.now())

    async def _wait_for_retry(self) -> bool:
        """Whether there may be more to send: a row put back by what is still in flight, or one whose time will come."""
        if self._in_flight or self._results:
            await self._drain()
            return True
        not_before = windows.next_retry(self._campaign.id)
        if not_before is None:
            return windows.has_fresh(self._campaign.id)
        wait_s = max(0.0, (not_before - self._tools.clock.now()) / 1000)
        await self._tools.clock.sleep(min(wait_s, RETRY_POLL_S))
        return True

    async def _hand_over_window(self, window: Window, rows: list[Recipient], stop: asyncio.Event) -> None:
        self._left[window.id] = len(rows)
        for row in rows:
            self._countries[row.seq] = row.country
        for row in rows:
            if self._may_go_on(stop):
                await self._tools.pacer.wait()
                await self._slots.acquire()
                if self._may_go_on(stop):
                    task = asyncio.create_task(self._hand_over(window, row))
                    self._in_flight.add(task)
                    task.add_done_callback(self._landed)
                    continue
                self._slots.release()
            self._put_back(window, row)

    def _may_go_on(self, stop: asyncio.Event) -> bool:
        return not stop.is_set() and self.hold is None and self._fault is None and self._tools.trusted()

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._slots.release()
        # A row whose task broke has no outcome: its window stays open, and the next owner makes it `unknown`.
        self._fault = self._fault or task.exception()

    def _put_back(self, window: Window, row: Recipient) -> None:
        now = self._tools.clock.now()
        self._add(
            window, Result(row.seq, ResultKind.PUT_BACK, now, now, not_before=now, counts=False, detail="not begun")
        )

    async def _hand_over(self, window: Window, row: Recipient) -> None:
        clock = self._tools.clock
        handed_at = clock.now()
        values = self._filler.fill(row.cells)
        if values is None or row.phone is None:
            # A message with a hole is never sent (R37).
            reason = SkipReason.MISSING_VARIABLE if values is None else SkipReason.INVALID_NUMBER
            self._add(window, Result(row.seq, ResultKind.SKIPPED, handed_at, handed_at, skip=reason))
            return
        reference = message.reference(self._campaign.id, row.seq, row.attempt + 1)
        payload = self._composer.payload(values, row.phone, reference)
        outcome = await self._tools.gateway.send(self._sender.phone_number_id, payload)
        decision = decide(outcome, row.seq, row.tried, handed_at, clock.now(), self._tools.rng)
        self._judge(decision, row)
        self._add(window, decision.result)

    def _judge(self, decision: Decision, row: Recipient) -> None:
        kind = decision.result.kind
        if kind is ResultKind.SENT:
            self._errors_in_a_row = self._silences_in_a_row = 0
        elif kind is ResultKind.FAILED:
            self._errors_in_a_row += 1
        elif kind is ResultKind.UNKNOWN:
            self._silences_in_a_row += 1
        if decision.slow:
            self._tools.pacer.slow()
        if decision.suppress and row.phone is not None:
            self._suppressed.append(row.phone)
        if self.hold is None:
            self.hold = decision.hold or self._too_many()

    def _too_many(self) -> HoldOrder | None:
        if self._errors_in_a_row >= ERRORS_IN_A_ROW:
            return HoldOrder("errors_in_a_row", f"{self._errors_in_a_row} messages in a row were refused")
        if self._silences_in_a_row >= SILENCES_IN_A_ROW:
            return HoldOrder("gateway_silent", f"{self._silences_in_a_row} messages in a row got no answer")
        return None

    def _add(self, window: Window, result: Result) -> None:
        self._results.append(result)
        self._left[window.id] -= 1
        if not self._left[window.id]:
            del self._left[window.id]
            self._complete.append(window.id)

    async def _flush_often(self) -> None:
        while True:
            await self._tools.clock.sleep(FLUSH_S)
            self._flush()

    async def _flush_all(self) -> None:
        for _ in range(FLUSH_TRIES):
            if self._flush():
                return
            await self._tools.clock.sleep(1.0)
        log.error(
            "campaign %d: the store does not take %d outcomes; these rows will be shown as unknown",
            self._campaign.id,
            len(self._results),
        )

    def _flush(self) -> bool:
        """Record what has come in; false when the store would not take it, and then nothing is forgotten."""
        if not self._results:
            return True
        results, complete, suppressed = self._results, self._complete, self._suppressed
        countries = {result.seq: self._countries[result.seq] for result in results}
        now = self._tools.clock.now()
        try:
            with database.transaction():
                outcomes.record(self._campaign.id, results, countries, complete, now)
                for phone in suppressed:
                    optouts.add(phone, now, "gateway: stopped marketing messages")
        except (StoreBusy, StoreFailed) as error:
            log.warning("campaign %d: cannot record %d outcomes yet: %s", self._campaign.id, len(results), error)
            return False
        self._results, self._complete, self._suppressed = [], [], []
        for result in results:
            self._countries.pop(result.seq, None)
        return True

    async def _drain(self) -> None:
        while self._in_flight:
            await asyncio.wait(self._in_flight)
        await self._flush_all()
