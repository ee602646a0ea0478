"""The worker: starts what is due and sends what is in progress, the same in the console's child process and as a
service.

`step` is one pass of decisions with the clock handed in; `work` repeats it until it is told to stop. Several workers
may share a database: a sender's campaigns are sent by the one that holds its lease, the others stand by.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING

from engine import ending, lock, presence, takeover
from engine.callback_intake import apply_waiting
from engine.chores import chores_of
from engine.decide import HoldOrder
from engine.holding import Holding, Reach
from engine.inquiries import PROGRAM_FAULT
from engine.leasing import Leases
from engine.logs import Log
from engine.pacing import Pacer
from engine.passes import Pass
from engine.run import Ended, Run
from engine.starter import Starter
from engine.testrun import TestSending
from engine.turns import Tools
from store import account, campaigns, database, leases, testsends
from store.errors import Fenced, StoreBusy, StoreFailed, StoreGone
from store.types import Actor, Campaign, Lease, Sender

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.clock import Clock
    from engine.gateway.base import Gateway
    from engine.gateway.graph import Graph
    from engine.reply_words import Words

log = Log("sendoff.worker")

STEP_S = 0.25
LOCK_S = 2.0
"""How often the cancel lock is enforced whatever the clock does; every command of an operator does it too."""
GIVE_UP_S = 60.0
"""How long a worker that ends by itself tries a store that cannot be used."""
MAX_IN_FLIGHT = 400
"""Requests on their way; fewer than the gateway has connections, for waiting for one would look like no gateway."""


class Worker:
    """One worker process's state; `role` is `console` or `service`, `words` opt a number out or in by a reply."""

    def __init__(
        self,
        clock: Clock,
        gateway: Gateway,
        role: str,
        rng: Random | None = None,
        words: Words | None = None,
        graph: Graph | None = None,
    ) -> None:
        """`graph` asks the gateway before a hold lifts by itself; without one nothing is asked."""
        self._clock = clock
        self._gateway = gateway
        self._rng = rng or Random()
        self._words = words
        self._slots = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._leases = Leases(clock, role)
        self.actor = Actor("worker", f"{role} {self._leases.owner[:8]}")
        self._stop = asyncio.Event()
        self._starter = Starter(clock, self._stop.is_set)
        self._runs: dict[int, asyncio.Task[Ended]] = {}
        self._under: dict[int, Lease] = {}
        """The lease of each of them."""
        self._tests = TestSending(clock, self.actor, self._stop)
        self._pacers: dict[int, Pacer] = {}
        self._live: dict[int, Run] = {}
        self._reach = Reach(clock, gateway)
        self._holding = Holding(clock, gateway, self._reach, self.actor, self._live, graph)
        self._lock_at = float("-inf")
        self._series, *others = chores_of(clock, self.actor)
        self._chores = (self._series, *others)

    def stop(self) -> None:
        """Ask for an orderly end: claim nothing more, wait for what is on its way, record it, release the leases."""
        self._stop.set()

    async def work(
        self, *, until_idle: bool = False, once: bool = False, told: Callable[[str], None] = lambda status: None
    ) -> None:
        """Step until stopped; `until_idle` ends when nothing is left to do, `once` after what is due now was sent.

        `told` hears after every pass how it stands, in words: who hears it regularly knows that the work goes on. A
        store that cannot be used is tried again and again; a worker that is to end by itself raises `StoreBusy` or
        `StoreFailed` after a minute of it. Raises `StoreGone`, after an orderly end, when the database's file is no
        longer the one that was opened.
        """
        ends = until_idle or once
        failing_since: float | None = None
        here = presence.announce()
        try:
            while not self._stop.is_set():
                try:
                    with database.translated():
                        database.present()
                        found = await self.step()
                except StoreGone as error:
                    log.error("store.gone", f"{error} Sending stops; what is on its way is recorded in the old one.")
                    raise
                except (StoreBusy, StoreFailed) as error:
                    log.warning("store.refused", "the database cannot be used, trying again", error)
                    told("the database cannot be used, trying again")
                    failing_since = self._clock.steady() if failing_since is None else failing_since
                    if ends and self._clock.steady() - failing_since >= GIVE_UP_S:
                        raise
                    await self._pause(1.0)
                    continue
                failing_since = None
                told(found.words)
                if ends and found.idle:
                    return
                await self._pause(STEP_S)
        finally:
            # Who only finishes what is on its way takes nothing over.
            presence.gone(here)
            await self._wind_down()

    async def send_tests(self, sender_id: int, done: Callable[[], bool]) -> None:
        """Send the test sends of one sender and nothing else, until `done`; another worker that holds it does it."""
        try:
            while not (self._stop.is_set() or done()):
                try:
                    with database.translated():
                        database.present()
                        self._reap()
                        apply_waiting(self._clock, self._words)
                        lease = self._leases.ensure(sender_id, self._status())
                        if lease is not None:
                            sender = account.get_sender(sender_id)
                            self._tests.tend(sender, lease, self._tools(sender, lease))
                except StoreGone:
                    raise
                except (StoreBusy, StoreFailed) as error:
                    log.warning("store.refused", "the database cannot be used, trying again", error)
                await self._pause(STEP_S)
        finally:
            await self._wind_down()

    async def _pause(self, seconds: float) -> None:
        """Wait, but not past a stop or the end of a run."""
        sleep = asyncio.create_task(self._clock.sleep(seconds))
        stopped = asyncio.create_task(self._stop.wait())
        work = {*self._runs.values(), *self._tests.tasks, *self._starter.tasks}
        await asyncio.wait({sleep, stopped, *work}, return_when=asyncio.FIRST_COMPLETED)
        sleep.cancel()
        stopped.cancel()

    async def _wind_down(self) -> None:
        self._stop.set()
        if self._runs or self._tests.tasks:
            await asyncio.wait({*self._runs.values(), *self._tests.tasks})
        await self._reach.close()
        await self._holding.close()
        await self._starter.ended()
        for chore in self._chores:
            await chore.ended()
        try:
            with database.translated():
                self._reap()
                apply_waiting(self._clock, self._words)
                self._leases.resign_all()
        except (StoreBusy, StoreFailed) as error:
            log.warning("store.refused", "the leases end by themselves", error)

    async def step(self) -> Pass:
        """Look once: leases, ends of runs, callbacks, what is due, what is in progress."""
        self._reach.look()
        self._reap()
        self._starter.reap()
        self._enforce_lock()
        for chore in self._chores:
            chore.tend()
        apply_waiting(self._clock, self._words)
        # A series that is being tended may have a late firing, which is due at once.
        # Without a sender they fail.
        due, waiting = int(self._series.busy) + self._starter.start_all(None), 0
        self._holding.begin_pass()
        for sender in account.senders():
            lease = self._leases.ensure(sender.id, self._status())
            if lease is not None:
                # Before the campaigns, for somebody waits for them.
                self._tests.tend(sender, lease, self._tools(sender, lease))
            waiting += testsends.waiting(sender.id)
            if lease is None:
                waiting += len([one for one in campaigns.running(sender.id) if campaigns.get(one).hold is None])
                due += len(campaigns.due(self._clock.now(), sender.id))
                continue
            due += self._starter.start_all(sender.id)
            for campaign_id in campaigns.running(sender.id):
                try:
                    self._send(campaign_id, sender, lease)
                except Fenced:
                    # Somebody took over since the last renewal, and decides about it now.
                    self._leases.doubt(sender.id)
        return Pass(len(self._runs) + len(self._tests.tasks), waiting, due, self._holding.asking)

    def _enforce_lock(self) -> None:
        if self._clock.steady() >= self._lock_at:
            self._lock_at = self._clock.steady() + LOCK_S
            behind = lock.watch(self._clock, self.actor)
            if behind:
                log.warning("clock.set_back", "locked campaigns stay locked", seconds=behind // 1000)

    def _send(self, campaign_id: int, sender: Sender, lease: Lease) -> None:
        if self._stop.is_set():
            return
        ending.give_up_held(self._clock, campaign_id, self.actor)
        if campaign_id in self._runs:
            wide = self._holding.over(campaign_id, sender.id)
            if wide is not None and campaign_id in self._live:
                self._live[campaign_id].halt(wide.order)
            return
        takeover.recover(self._clock, campaign_id, lease, self.actor)
        campaign = self._holding.released(campaigns.get(campaign_id), sender, lease)
        if campaign is None:
            return
        self._runs[campaign_id] = asyncio.create_task(self._drive(campaign, sender, lease), name=f"run {campaign_id}")
        self._under[campaign_id] = lease

    def _tools(self, sender: Sender, lease: Lease) -> Tools:
        return Tools(
            self._clock,
            self._gateway,
            self._slots,
            self._pacer(sender),
            self._rng,
            lambda: self._leases.trusts(sender.id, lease),
            self.actor,
        )

    async def _drive(self, campaign: Campaign, sender: Sender, lease: Lease) -> Ended:
        tools = self._tools(sender, lease)
        with database.translated():
            run = self._live[campaign.id] = Run(campaign, sender, lease, tools)
            try:
                ended = await run.drive(self._stop)
            finally:
                del self._live[campaign.id]
            if ended is Ended.LOST:
                # Or it would begin again and again until the next renewal.
                self._leases.doubt(sender.id)
            self._holding.went(campaign.id, answered=run.streaks.answered, taken=run.streaks.taken)
            # Also when it is to be held: the reason may have come with the last recipient, and nothing is left then.
            status = ending.finish(self._clock, campaign.id, self.actor)
            if status is not None:
                log.info("run.ended", status.value, campaign=campaign.id, status=status.value)
            elif run.hold is not None and not run.halted and tools.trusted():
                with suppress(Fenced), leases.under(lease):
                    self._holding.put(campaign.id, run.hold)
            elif ended is Ended.DONE and tools.trusted():
                with suppress(Fenced), leases.under(lease):
                    ending.await_held(self._clock, campaign.id, self.actor)
        return ended

    def _pacer(self, sender: Sender) -> Pacer:
        pacer = self._pacers.setdefault(sender.id, Pacer(sender.rate, self._clock))
        # A sync or WhatsApp may have changed it meanwhile; runs under way share this pacer.
        pacer.set_rate(sender.rate)
        return pacer

    def _reap(self) -> None:
        self._tests.reap()
        for campaign_id, task in list(self._runs.items()):
            if not task.done():
                continue
            del self._runs[campaign_id]
            lease = self._under.pop(campaign_id)
            fault = task.exception()
            if isinstance(fault, (StoreBusy, StoreFailed)):
                log.warning("run.stopped", "the database cannot be used", fault, campaign=campaign_id)
            elif fault is not None:
                log.error("run.broke", "the program made a mistake", fault, campaign=campaign_id)
                text = f"The program made a mistake ({type(fault).__name__}); see the worker's log, then resume."
                with suppress(Fenced):
                    ending.hold(self._clock, campaign_id, HoldOrder(PROGRAM_FAULT, text), self.actor, lease)

    def _status(self) -> str:
        ms = self._reach.ms
        return json.dumps({"gateway_ms": None if ms is None else round(ms), "sending": list(self._runs)})
