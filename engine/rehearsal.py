"""Runs played on a clock of the past, for sample data: the engine's own steps, the simulator's rules, no network.

A run is decided and recorded as the worker does it: start, claim, outcome, end, status callbacks. Only the gateway is
left out; what it would have answered follows from the simulator's behaviour.
"""

from __future__ import annotations

import os
import socket
from random import Random
from typing import TYPE_CHECKING

from engine import ending, starting
from engine.decide import decide
from engine.gateway import errors
from engine.gateway.base import Accepted, Rejection, Unknown
from engine.gateway.simulator.behaviour import Behaviour, Kind
from store import account, callbacks, campaigns, leases, outcomes, windows
from store.types import Actor, ResultKind, Status, StatusUpdate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.gateway.base import Outcome
    from engine.gateway.simulator.behaviour import Fate
    from engine.gateway.simulator.scenario import Scenario
    from store.types import Lease, Recipient, Result, Sender

WORKER = Actor("worker", "sample")
FIRST_WINDOWS = (1, 10)
WINDOW = 50
TERM_MS = 15_000
UPDATES_AT_ONCE = 500


class PastClock:
    """A clock that stands where it is put and only goes forward; UTC epoch milliseconds."""

    boot = "rehearsal"

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        return self._now

    def steady(self) -> float:
        return self._now / 1000

    async def sleep(self, seconds: float) -> None:
        self._now += round(seconds * 1000)

    def go_to(self, at: int) -> None:
        """Let time pass until `at`; a time that has passed already changes nothing."""
        self._now = max(self._now, at)


class Rehearsal:
    """Plays campaigns on one past clock under one scenario; no status callback is later than `until`."""

    def __init__(self, clock: PastClock, scenario: Scenario, seed: int, until: int) -> None:
        self._clock = clock
        self._behaviour = Behaviour(scenario, seed)
        self._rng = Random(seed)
        self._until = until
        self._ids = 0

    def run_due(self, campaign_id: int) -> Status:
        """Start a Scheduled campaign at its time, or fail it, and send it to its end."""
        scheduled_at = campaigns.get(campaign_id).scheduled_at
        if scheduled_at is None:
            raise ValueError(f"campaign {campaign_id} is not scheduled")
        self._clock.go_to(scheduled_at)
        starting.start_due(self._clock, campaign_id)
        if campaigns.get(campaign_id).status is Status.IN_PROGRESS:
            self.send(campaign_id)
        return campaigns.get(campaign_id).status

    def send(self, campaign_id: int, most: int | None = None) -> None:
        """Send a campaign In Progress to its end, or its first `most` recipients; then apply its status callbacks."""
        campaign = campaigns.get(campaign_id)
        if campaign.sender_id is None:
            raise ValueError(f"campaign {campaign_id} has no sender")
        sender = account.get_sender(campaign.sender_id)
        lease = self._lease(sender)
        updates: list[StatusUpdate] = []
        sizes = list(FIRST_WINDOWS)
        handed = 0
        while most is None or handed < most:
            size = sizes.pop(0) if sizes else WINDOW
            claimed = windows.claim(
                campaign_id, lease, size if most is None else min(size, most - handed), self._clock.now()
            )
            if claimed is None:
                break
            window, rows = claimed
            results = [self._hand_over(campaign_id, sender, row, updates) for row in rows]
            countries = {row.seq: row.country for row in rows}
            outcomes.record(campaign_id, results, countries, [window.id], self._clock.now())
            handed += len(rows)
        leases.resign(lease)
        ending.finish(self._clock, campaign_id, WORKER)
        self._apply(updates)

    def _lease(self, sender: Sender) -> Lease:
        now = self._clock.now()
        lease = leases.take(
            leases.name_of(sender.id),
            "sample",
            now,
            now + TERM_MS,
            host=socket.gethostname(),
            pid=os.getpid(),
            role="service",
        )
        if lease is None:
            raise ValueError(f"the lease of sender {sender.id} is taken")
        return lease

    def _hand_over(self, campaign_id: int, sender: Sender, row: Recipient, updates: list[StatusUpdate]) -> Result:
        handed_at = self._clock.now()
        self._clock.go_to(handed_at + 1000 // sender.rate)
        to = str(row.phone)
        fate = self._behaviour.fate(to, row.attempt + 1)
        at = handed_at + round(1000 * fate.latency)
        decision = decide(self._outcome(fate), row.seq, row.tried, handed_at, at, self._rng)
        if decision.result.kind is ResultKind.SENT:
            updates.extend(
                StatusUpdate(
                    campaign_id=campaign_id,
                    seq=row.seq,
                    message_id=decision.result.message_id,
                    status=step.status,
                    at=at + round(1000 * step.stamp),
                    code=step.code or None,
                )
                for step in self._behaviour.callbacks(to, row.attempt + 1)
                # What people write back has no place here: the sample's next campaign goes to the same ones.
                if step.status
            )
        return decision.result

    def _outcome(self, fate: Fate) -> Outcome:
        if fate.kind is Kind.ACCEPT:
            self._ids += 1
            return Accepted(f"wamid.SAMPLE{self._ids:08d}")
        if fate.kind is Kind.REJECT:
            row = errors.classify(fate.code)
            return Rejection(fate.code, row.text, 400, row.action, row.retry_after, row.tries)
        return Unknown("the connection broke off before an answer came")

    def _apply(self, updates: Sequence[StatusUpdate]) -> None:
        come = sorted((update for update in updates if update.at <= self._until), key=lambda update: update.at)
        for at in range(0, len(come), UPDATES_AT_ONCE):
            batch = come[at : at + UPDATES_AT_ONCE]
            callbacks.apply((), batch, batch[-1].at)
