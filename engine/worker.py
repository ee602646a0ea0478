"""The worker: starts what is due and sends what is in progress, the same in the console's child process and as a
service.

`step` is one pass of decisions with the clock handed in; `work` repeats it until it is told to stop. Several workers
may share a database: a sender's campaigns are sent by the one that holds its lease, the others stand by.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from engine import ending, expiry, firing, history, lock, retry, starting, wide_holds
from engine.callback_intake import apply_waiting
from engine.chores import Chore
from engine.decide import GATEWAY_UNREACHABLE, HELD_BACK, NOT_AUTHORISED, HoldOrder
from engine.inquiries import PROGRAM_FAULT, Inquiries
from engine.leasing import Leases
from engine.logs import Log
from engine.pacing import Pacer
from engine.quota import QUOTA_REACHED
from engine.run import Ended, Run, Tools
from engine.testrun import TestSending
from engine.text import counted
from engine.wide_holds import WIDE, Wide
from store import account, audit, campaigns, contacts, database, held, leases, series, testsends, windows
from store.errors import Fenced, Missing, StoreBusy, StoreFailed, StoreGone
from store.types import Actor, Campaign, Hold, Lease, Sender

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.clock import Clock
    from engine.gateway.base import Gateway
    from engine.gateway.graph import Graph
    from engine.reply_words import Words

log = Log("sendoff.worker")

STEP_S = 0.25
HEALTH_S = 5.0
LOCK_S = 2.0
"""How often the cancel lock is enforced whatever the clock does; every command of an operator does it too."""
DRAFTS_S = 60.0
SERIES_S = 1.0
CONTACTS_S = 60.0
LEFT_OVER_S = 600.0
LONGEST_BACKOFF_S = 60.0
GIVE_UP_S = 60.0
"""How long a worker that ends by itself tries a store that cannot be used."""
STILL_BLOCKED_MS = 60_000
"""How long a hold goes on when the gateway says that it still cannot send."""
TOKEN_WORKS = "; the token itself works: give it the permission it lacks, then resume"
MAX_IN_FLIGHT = 400
"""Requests on their way; fewer than the gateway has connections, for waiting for one would look like no gateway."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What one step found."""

    sending: int
    """Campaigns, and senders' test sends, being sent by this worker now."""
    waiting: int
    """Campaigns in progress that this worker does not send because another does, and test sends without an outcome."""
    due: int
    """Scheduled campaigns whose time has come and that were not started yet."""
    asking: int = 0
    """Questions about holds that the gateway has not answered yet."""

    @property
    def words(self) -> str:
        """How it stands, for a service manager's status."""
        if self.sending:
            return f"sending, {counted(self.sending, 'run')} under way"
        return "standing by, another worker sends" if self.waiting else "idle"

    @property
    def idle(self) -> bool:
        """Nothing is in progress but what is on hold, nothing is due, and nothing is being asked."""
        return not (self.sending or self.waiting or self.due or self.asking)


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
        self._runs: dict[int, asyncio.Task[Ended]] = {}
        self._tests = TestSending(clock, self.actor, self._stop)
        self._pacers: dict[int, Pacer] = {}
        self._live: dict[int, Run] = {}
        self._wide: list[Wide] = []
        self._token: asyncio.Task[bool | None] | None = None
        self._by_token: set[int] = set()
        """Campaigns that went on because the token works, and of which nothing was taken since."""
        self._unreachable: dict[int, int] = {}
        self._health: float | None = None
        self._look: asyncio.Task[float | None] | None = None
        self._look_at = float("-inf")
        self._looked = False
        """Whether it has ever been seen if the gateway answers."""
        self._inquiries = Inquiries(clock, graph)
        self._asking = 0
        """Runs of this pass that wait for the first look at the gateway, or for word of the token."""
        self._lock_at = float("-inf")
        self._series = Chore(
            "the series are",
            clock,
            SERIES_S,
            lambda: bool(series.wanting(clock.now())),
            lambda: firing.tend(clock, self.actor),
        )
        self._drafts = Chore(
            "old drafts are",
            clock,
            DRAFTS_S,
            lambda: expiry.wanting(clock.now()),
            lambda: expiry.tend(clock, self.actor),
        )
        self._contacts = Chore(
            "the contact history is",
            clock,
            CONTACTS_S,
            lambda: history.wanting(clock.now()),
            lambda: history.tend(clock),
        )
        self._left_over = Chore(
            "audiences that were left behind are",
            clock,
            LEFT_OVER_S,
            lambda: bool(expiry.left_over(clock.now())),
            lambda: expiry.clear(clock),
        )
        self._chores = (self._series, self._drafts, self._contacts, self._left_over)

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
        work = {*self._runs.values(), *self._tests.tasks}
        await asyncio.wait({sleep, stopped, *work}, return_when=asyncio.FIRST_COMPLETED)
        sleep.cancel()
        stopped.cancel()

    async def _wind_down(self) -> None:
        self._stop.set()
        if self._runs or self._tests.tasks:
            await asyncio.wait({*self._runs.values(), *self._tests.tasks})
        for look in (self._look, self._token):
            if look is not None:
                look.cancel()
                await asyncio.wait({look})
        await self._inquiries.close()
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
        self._look_at_gateway()
        self._reap()
        self._enforce_lock()
        for chore in self._chores:
            chore.tend()
        apply_waiting(self._clock, self._words)
        # A series that is being tended may have a late firing, which is due at once.
        due, waiting, self._asking = int(self._series.busy), 0, 0
        self._fail_without_sender()
        self._wide = self._find_wide()
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
            for campaign_id in campaigns.due(self._clock.now(), sender.id):
                self._start(campaign_id)
            for campaign_id in campaigns.running(sender.id):
                try:
                    self._send(campaign_id, sender, lease)
                except Fenced:
                    # Somebody took over since the last renewal, and decides about it now.
                    self._leases.doubt(sender.id)
        return Pass(len(self._runs) + len(self._tests.tasks), waiting, due, self._inquiries.under_way + self._asking)

    def _enforce_lock(self) -> None:
        if self._clock.steady() >= self._lock_at:
            self._lock_at = self._clock.steady() + LOCK_S
            behind = lock.watch(self._clock, self.actor)
            if behind:
                log.warning("clock.set_back", "locked campaigns stay locked", seconds=behind // 1000)

    def _start(self, campaign_id: int) -> None:
        try:
            cause = starting.start_due(self._clock, campaign_id)
        except Missing:
            return
        if cause is None:
            log.info("run.started", "started", campaign=campaign_id)
        else:
            log.warning("run.failed", "could not start", campaign=campaign_id, cause=cause.value)

    def _fail_without_sender(self) -> None:
        for campaign_id in campaigns.due(self._clock.now(), None):
            self._start(campaign_id)

    def _send(self, campaign_id: int, sender: Sender, lease: Lease) -> None:
        if self._stop.is_set():
            return
        ending.give_up_held(self._clock, campaign_id, self.actor)
        wide = wide_holds.over(self._wide, campaign_id, sender.id)
        if campaign_id in self._runs:
            if wide is not None and campaign_id in self._live:
                self._live[campaign_id].halt(wide.order)
            return
        self._recover(campaign_id, lease)
        campaign = self._told_why(campaigns.get(campaign_id))
        if campaign.hold is not None and campaign.hold.reason == HELD_BACK:
            self._await_held(campaign)
            return
        if self._is_over(campaign):
            return
        if wide is not None and not self._under(wide, campaign):
            return
        if not self._may_send(campaign, sender, lease):
            return
        self._runs[campaign_id] = asyncio.create_task(self._drive(campaign, sender, lease), name=f"run {campaign_id}")

    def _told_why(self, campaign: Campaign) -> Campaign:
        """The campaign, and once in its hold's words what the gateway says of it, asked when the hold began."""
        said = "" if self._stop.is_set() else self._inquiries.about(campaign)
        if not said or campaign.hold is None:
            return campaign
        ending.prolong(self._clock, campaign, campaign.hold.until, said)
        log.warning("hold.told", f"WhatsApp says: {said}", campaign=campaign.id)
        return campaigns.get(campaign.id)

    def _await_held(self, campaign: Campaign) -> None:
        """End a run that waited only for what WhatsApp held back, when all of it is decided."""
        if held.last(campaign.id) is not None:
            return
        if ending.finish(self._clock, campaign.id, self.actor) is None:
            # Not by its time alone: something waits for its turn after all.
            with database.transaction():
                ending.lift(self._clock.now(), campaign, self.actor)

    def _is_over(self, campaign: Campaign) -> bool:
        """Whether a run that is on hold had nothing left to hold, and has ended: its last messages failed afterwards.

        Not one that is held for the sender or the account, for that hold stands for other runs too.
        """
        if campaign.hold is None or campaign.hold.reason in WIDE or campaign.progress.pending:
            return False
        return ending.finish(self._clock, campaign.id, self.actor) is not None

    def _find_wide(self) -> list[Wide]:
        """The holds of senders and of the account: those that are kept, and those that a run has just met."""
        met = [
            Wide(run.hold, run.sender_id, campaign_id)
            for campaign_id, run in self._live.items()
            if run.hold is not None and not run.halted and run.hold.reason in WIDE
        ]
        return [*wide_holds.standing(), *met]

    def _under(self, wide: Wide, campaign: Campaign) -> bool:
        """Hold a run that a wider hold concerns; whether its own hold, by which it came to be held, is to be tended."""
        if campaign.hold is None:
            ending.hold(self._clock, campaign.id, wide.order, self.actor)
            log.warning(
                "run.held",
                wide.order.text,
                campaign=campaign.id,
                reason=wide.order.reason,
                met_by=wide.campaign_id,
            )
            return False
        return campaign.hold.reason in WIDE or self._clock.now() - campaign.hold.since >= ending.HOLD_LIMIT_MS

    def _may_send(self, campaign: Campaign, sender: Sender, lease: Lease) -> bool:
        """Tend a hold; one for an unreachable gateway is lifted only when the gateway answers.

        Lifting it to try would forget since when it lasts, and its 72 h would never be over. One for the messaging
        quota is lifted by the run, with the first recipient that goes.
        """
        hold, now = campaign.hold, self._clock.now()
        if hold is not None and hold.reason == QUOTA_REACHED and now < hold.since + ending.HOLD_LIMIT_MS:
            return self._may_try_quota(campaign, hold, now)
        if (
            hold is not None
            and hold.reason == GATEWAY_UNREACHABLE
            and hold.until is not None
            and hold.until <= now < hold.since + ending.HOLD_LIMIT_MS
            and self._health is None
        ):
            if not self._looked:
                # Of a worker that has just begun nobody knows yet whether it is reached.
                self._asking += 1
                return False
            ending.prolong(self._clock, campaign, self._next_try(campaign.id))
            return False
        if (
            hold is not None
            and hold.reason == NOT_AUTHORISED
            and hold.until is not None
            and hold.until <= now < hold.since + ending.HOLD_LIMIT_MS
        ):
            return self._may_try_token(campaign, sender)
        if hold is not None and hold.until is not None and hold.until <= now < hold.since + ending.HOLD_LIMIT_MS:
            return self._may_lift(campaign, lease)
        return ending.tend_hold(self._clock, campaign, self.actor, lease)

    def _may_lift(self, campaign: Campaign, lease: Lease) -> bool:
        """Lift a hold whose time has come, unless the gateway says that it cannot send; a wide one of all."""
        blocked, now = self._inquiries.blocked(campaign), self._clock.now()
        if blocked is not None:
            # Still being asked, or told why not.
            for campaign_id in wide_holds.alike(campaign) if blocked else ():
                ending.prolong(self._clock, campaigns.get(campaign_id), now + STILL_BLOCKED_MS, blocked)
            return False
        if campaign.hold is None or campaign.hold.reason not in WIDE:
            return ending.tend_hold(self._clock, campaign, self.actor, lease)
        with leases.under(lease):
            lifted = wide_holds.lift(now, campaign, self.actor)
        self._wide = self._find_wide()
        return campaign.id in lifted

    def _may_try_token(self, campaign: Campaign, sender: Sender) -> bool:
        """Whether the token works again: asked beside the work; then every run that waits for it goes on."""
        if self._token is None:
            self._token = asyncio.create_task(self._gateway.authorised(sender.phone_number_id))
        if not self._token.done():
            self._asking += 1
            return False
        works, self._token = self._token.result(), None
        if not works:
            until = self._next_try(campaign.id)
            for campaign_id in wide_holds.alike(campaign):
                ending.prolong(self._clock, campaigns.get(campaign_id), until)
            return False
        with database.transaction():
            self._by_token.update(wide_holds.lift(self._clock.now(), campaign, self.actor))
        log.info("token.works", "the access token works: the runs that waited for it go on")
        self._wide = self._find_wide()
        return True

    def _may_try_quota(self, campaign: Campaign, hold: Hold, now: int) -> bool:
        """Whether the quota has room, however that came; else the hold says when it will."""
        if contacts.room(now) != 0:
            return True
        until = contacts.refills_at(now)
        if until != hold.until and (hold.until is None or hold.until <= now):
            ending.prolong(self._clock, campaign, until)
        return False

    def _recover(self, campaign_id: int, lease: Lease) -> None:
        # No run of this campaign lives here, so a window even of this lease's own fence has nobody left to close it.
        if not windows.open_windows(campaign_id):
            return
        with leases.under(lease):
            now = self._clock.now()
            lost = windows.recover(campaign_id, lease.fence + 1, now)
            if lost:
                audit.write(
                    now,
                    self.actor,
                    "campaign.recovered",
                    campaign_id,
                    after={"unknown": lost},
                    detail="in flight when the worker before ended; whether they went out is not known",
                )
                log.warning(
                    "run.recovered",
                    "in flight when the last worker ended: whether they went out is not known",
                    campaign=campaign_id,
                    unknown=lost,
                )

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
            if run.answered:
                self._unreachable.pop(campaign.id, None)
            if run.taken:
                self._by_token.discard(campaign.id)
            # Also when it is to be held: the reason may have come with the last recipient, and nothing is left then.
            status = ending.finish(self._clock, campaign.id, self.actor)
            if status is not None:
                log.info("run.ended", status.value, campaign=campaign.id, status=status.value)
            elif run.hold is not None and not run.halted and tools.trusted():
                with suppress(Fenced), leases.under(lease):
                    self._hold(campaign.id, run.hold)
            elif ended is Ended.DONE and tools.trusted():
                with suppress(Fenced), leases.under(lease):
                    ending.await_held(self._clock, campaign.id, self.actor)
        return ended

    def _hold(self, campaign_id: int, order: HoldOrder) -> None:
        if order.reason == GATEWAY_UNREACHABLE:
            # Nothing was handed over, so trying again costs nothing and risks nothing.
            order = replace(order, until=self._next_try(campaign_id))
        elif order.reason == NOT_AUTHORISED and campaign_id in self._by_token:
            # Asking again would lift it again, and never say so to anybody.
            self._by_token.discard(campaign_id)
            order = replace(order, text=f"{order.text}{TOKEN_WORKS}")
        elif order.reason == NOT_AUTHORISED:
            order = replace(order, until=self._next_try(campaign_id))
        ending.hold(self._clock, campaign_id, order, self.actor)
        log.warning("run.held", order.text, campaign=campaign_id, reason=order.reason)

    def _next_try(self, campaign_id: int) -> int:
        """When to look for the gateway again: after 1, 4, 16, then 60 seconds."""
        streak = self._unreachable[campaign_id] = self._unreachable.get(campaign_id, 0) + 1
        return self._clock.now() + round(1000 * min(LONGEST_BACKOFF_S, retry.pair_delay(streak)))

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
            fault = task.exception()
            if isinstance(fault, (StoreBusy, StoreFailed)):
                log.warning("run.stopped", "the database cannot be used", fault, campaign=campaign_id)
            elif fault is not None:
                log.error("run.broke", "the program made a mistake", fault, campaign=campaign_id)
                text = f"The program made a mistake ({type(fault).__name__}); see the worker's log, then resume."
                ending.hold(self._clock, campaign_id, HoldOrder(PROGRAM_FAULT, text), self.actor)

    def _look_at_gateway(self) -> None:
        """Ask for the gateway's health beside the work: an address that swallows packets takes seconds to give up."""
        if self._look is not None and self._look.done():
            self._health, self._looked = self._look.result(), True
            self._look = None
        if self._look is None and self._clock.steady() >= self._look_at:
            self._look_at = self._clock.steady() + HEALTH_S
            self._look = asyncio.create_task(self._gateway.reachable())

    def _status(self) -> str:
        return json.dumps(
            {"gateway_ms": None if self._health is None else round(self._health), "sending": list(self._runs)}
        )
