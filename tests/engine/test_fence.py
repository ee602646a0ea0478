"""Whatever a run writes but its evidence carries the fence: who lost the lease without knowing it changes nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine import ending
from engine.clock import HOUR
from engine.commands import drafts, launch
from engine.commands import limits as limits_command
from engine.decide import HoldOrder
from engine.leasing import TTL_MS
from engine.worker import Worker
from store import campaigns, leases, windows
from store.errors import Fenced, ShortOfQuota
from store.types import Actor, OverQuota
from tests import builders
from tests.clock import FakeClock
from tests.sending import Scripted, Watched, actions, progress, refused, started, takes_all
from tests.store.invariants import check_invariants

WORKER = Actor("worker", "test")


class Away(Scripted):
    """A gateway that cannot be reached."""

    async def reachable(self) -> float | None:
        return None


def steal(clock: FakeClock) -> None:
    """Somebody takes over; the owner, who trusts its lease for some seconds more, has not heard of it."""
    now = clock.now()
    taken = leases.take("sender:1", "thief", now, now + TTL_MS, host="h", pid=1, role="service", owner_is_dead=True)
    assert taken is not None


def test_under_a_lease_that_is_lost_nothing_is_written(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path)
    now = clock.now()
    mine = leases.take("sender:1", "me", now, now + TTL_MS, host="h", pid=1, role="service")
    assert mine is not None
    with leases.under(mine):
        ending.hold(clock, campaign_id, HoldOrder("first", "It was mine"), WORKER)
    steal(clock)
    with pytest.raises(Fenced), leases.under(mine):
        ending.hold(clock, campaign_id, HoldOrder("second", "It is not"), WORKER)
    hold = campaigns.get(campaign_id).hold
    assert hold is not None and hold.reason == "first"


@pytest.mark.parametrize("hours", [1, 72])
async def test_R45_a_hold_is_lifted_or_given_up_by_the_owner_alone(
    hours: int, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path)
    until = clock.now() + HOUR if hours == 1 else None
    ending.hold(clock, campaign_id, HoldOrder("maintenance", "Later", until), WORKER)
    clock.advance(hours * HOUR - 200)
    worker = Worker(clock, Scripted(takes_all), "service")
    await worker.step()
    steal(clock)
    # The time of the hold comes before it hears of its loss, with the next renewal.
    clock.advance(400)
    await worker.step()
    assert worker._leases.held() == [1]
    assert campaigns.get(campaign_id).hold is not None
    assert (progress(campaign_id).pending, progress(campaign_id).failed) == (3, 0)
    check_invariants(campaign_id)


async def test_R45_a_run_that_lost_its_lease_holds_nothing(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path)
    # The gateway names a fault of the whole campaign, just after somebody took over.
    gateway = Watched(Scripted(lambda to, n: refused(132015)), lambda n: steal(clock))
    worker = Worker(clock, gateway, "service", Random(1))
    await worker.step()
    while worker._runs:
        await clock.sleep(0.1)
        worker._reap()
    assert gateway.handed and campaigns.get(campaign_id).hold is None
    check_invariants(campaign_id)


async def test_R43_a_fault_of_a_worker_that_lost_its_lease_holds_nothing(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path)

    def break_off(n: int) -> None:
        steal(clock)
        raise ZeroDivisionError

    worker = Worker(clock, Watched(Scripted(takes_all), break_off), "service", Random(1))
    await worker.step()
    while worker._runs:
        await clock.sleep(0.1)
        worker._reap()
    assert campaigns.get(campaign_id).hold is None
    assert "campaign.hold" not in actions(campaign_id)


@pytest.mark.parametrize("reason", ["gateway_unreachable", "account_paused", "quota_reached", "held_back"])
async def test_R45_a_worker_that_lost_its_lease_leaves_every_hold_as_it_is(
    reason: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path)
    ending.hold(clock, campaign_id, HoldOrder(reason, "Later", clock.now() + 200), WORKER)
    worker = Worker(clock, Away(takes_all), "service", Random(1))
    await worker.step()
    await asyncio.sleep(0)
    steal(clock)
    before = campaigns.get(campaign_id)
    # The time of the hold comes before it hears of its loss, with the next renewal.
    clock.advance(400)
    await worker.step()
    assert worker._leases.held() == [1]
    assert campaigns.get(campaign_id) == before


async def test_R30_a_run_that_lost_its_lease_fails_nothing_for_the_quota(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = builders.draft(clock, tmp_path, 10)
    draft = campaigns.get(campaign_id)
    fields = replace(drafts.fields_of(draft), over_quota=OverQuota.FAIL)
    drafts.edit(builders.context(clock), campaign_id, draft.version, fields)
    limits_command.change(builders.context(clock), lambda known: known._replace(quota=4))
    launch.send_now(builders.context(clock), campaign_id)
    claim, stolen = windows.claim, 0

    def claim_and_lose(*args: Any) -> Any:
        nonlocal stolen
        try:
            return claim(*args)
        except ShortOfQuota:
            stolen += 1
            steal(clock)
            raise

    monkeypatch.setattr(windows, "claim", claim_and_lose)
    worker = Worker(clock, Scripted(takes_all), "service", Random(1))
    await worker.step()
    while worker._runs:
        await clock.sleep(0.1)
        worker._reap()
    assert stolen == 1
    assert (progress(campaign_id).sent, progress(campaign_id).failed, progress(campaign_id).pending) == (4, 0, 6)
    check_invariants(campaign_id)


async def test_R43_a_run_that_lost_its_lease_does_not_begin_again(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    started(clock, tmp_path)
    worker = Worker(clock, Scripted(takes_all), "service", Random(1))
    await worker.step()
    steal(clock)
    await asyncio.wait(worker._runs.values())
    # No time passes, and no renewal is due: the lost run alone tells.
    await worker.step()
    assert not worker._runs and worker._leases.held() == []
