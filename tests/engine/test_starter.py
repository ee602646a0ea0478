"""Large campaigns are brought in step and started beside the sending, and started once whoever does it."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from engine import resolution, starting
from engine.clock import HOUR
from engine.leasing import TTL_MS
from engine.starter import Starter
from engine.worker import Worker
from store import campaigns, database, leases, ledger, optouts, tallies
from store.types import OptOut, RootCause, Status
from tests import builders
from tests.clock import FakeClock
from tests.sending import Scripted, actions, progress, schedule_in, started, step_until, takes_all
from tests.store.invariants import check_invariants

pytestmark = pytest.mark.usefixtures("acme")

LARGE = resolution.PAGE + 1_000
LEFT = 20


def barred_but(left: int, clock: FakeClock) -> None:
    """All numbers of the large campaigns but the last few have opted out."""
    numbers = [int(builders.number(n).removeprefix("+")) for n in range(LARGE - left)]
    with database.transaction():
        optouts.add_many([OptOut(number, clock.now(), "list.csv") for number in numbers])


def large_and_due(clock: FakeClock, folder: Path, left: int = LEFT) -> int:
    """A campaign whose time has come, and most of whose people have opted out since it was scheduled."""
    campaign_id = schedule_in(clock, folder, LARGE)
    barred_but(left, clock)
    clock.advance(HOUR)
    return campaign_id


def worker(clock: FakeClock) -> Worker:
    return Worker(clock, Scripted(takes_all), "service")


def status(campaign_id: int) -> Status:
    return campaigns.get(campaign_id).status


async def test_R20_R35_a_large_campaign_is_started_at_a_later_step_than_it_was_found_due(
    clock: FakeClock, tmp_path: Path
) -> None:
    small, campaign_id = started(clock, tmp_path, 3), large_and_due(clock, tmp_path)
    one = worker(clock)
    found = await one.step()
    assert (found.due, found.idle, status(campaign_id)) == (1, False, Status.SCHEDULED)
    assert status(small) is Status.IN_PROGRESS and found.sending == 1, "others go on meanwhile"
    await step_until(one, clock, lambda: status(campaign_id) is Status.COMPLETED)
    assert progress(campaign_id).sent == LEFT
    assert tallies.of(campaign_id, tallies.SKIP) == {"opted_out": LARGE - LEFT}
    assert actions(campaign_id).count("campaign.start") == 1
    check_invariants(campaign_id)


async def test_R20_once_waits_for_what_is_started_beside_the_sending(clock: FakeClock, tmp_path: Path) -> None:
    first, second = schedule_in(clock, tmp_path, LARGE), schedule_in(clock, tmp_path, LARGE)
    barred_but(0, clock)
    clock.advance(HOUR)
    await worker(clock).work(once=True)
    for campaign_id in (first, second):
        assert campaigns.get(campaign_id).status_reason == RootCause.NO_VALID_RECIPIENTS
        check_invariants(campaign_id)


async def test_R43_a_stop_leaves_a_large_campaign_due_for_the_next_worker(clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = large_and_due(clock, tmp_path)
    one = worker(clock)
    await one.step()
    one.stop()
    await one.work()
    assert (status(campaign_id), leases.held(clock.now())) == (Status.SCHEDULED, [])
    check_invariants(campaign_id)
    await worker(clock).work(once=True)
    assert (status(campaign_id), progress(campaign_id).sent) == (Status.COMPLETED, LEFT)
    check_invariants(campaign_id)


async def test_R43_two_workers_that_both_start_it_start_it_once(clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = large_and_due(clock, tmp_path)
    hung, other = worker(clock), worker(clock)
    await hung.step()
    # It has not come to the store yet when its lease runs out.
    clock.advance(TTL_MS + 1)
    await other.step()
    await step_until(other, clock, lambda: status(campaign_id) is Status.COMPLETED)
    hung.stop()
    await hung.work()
    assert actions(campaign_id).count("campaign.start") == 1
    assert [entry.kind.value for entry in ledger.entries(campaign_id)].count("reserve") == 1
    assert progress(campaign_id).sent == LEFT
    check_invariants(campaign_id)


async def test_large_campaigns_are_started_one_at_a_time_and_none_when_the_worker_is_stopping(
    clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolution, "PAGE", 2)
    first, _ = schedule_in(clock, tmp_path), schedule_in(clock, tmp_path)
    clock.advance(HOUR)
    begun, go_on = list[int](), threading.Event()

    def takes_its_time(clock: FakeClock, campaign_id: int, wanted: object) -> None:
        begun.append(campaign_id)
        assert go_on.wait(30)

    monkeypatch.setattr(starting, "start_due", takes_its_time)
    sender_id = campaigns.get(first).sender_id
    late, one = Starter(clock, lambda: True), Starter(clock, lambda: False)
    try:
        assert (late.start_all(sender_id), late.tasks) == (2, set())
        assert one.start_all(sender_id) == 2
        (task,) = one.tasks
        assert one.start_all(sender_id) == 2
        assert one.tasks == {task}
    finally:
        go_on.set()
        await one.ended()
        await late.ended()
    assert begun == [first]


async def test_what_goes_wrong_beside_the_sending_is_not_lost(
    clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolution, "PAGE", 2)
    campaign_id = schedule_in(clock, tmp_path)
    clock.advance(HOUR)

    def breaks(clock: FakeClock, campaign_id: int, wanted: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(starting, "start_due", breaks)
    one = Starter(clock, lambda: False)
    one.start_all(campaigns.get(campaign_id).sender_id)
    await asyncio.wait(one.tasks)
    with pytest.raises(RuntimeError, match="a mistake"):
        one.reap()
    assert one.tasks == set(), "the next step tries again"


def test_R43_who_was_killed_between_two_pages_leaves_every_count_right(clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = large_and_due(clock, tmp_path)
    looks = iter((True,))
    with pytest.raises(StopIteration):
        starting.start_due(clock, campaign_id, lambda: next(looks))
    assert (status(campaign_id), progress(campaign_id).skipped) == (Status.SCHEDULED, resolution.PAGE)
    check_invariants(campaign_id)
    assert starting.start_due(clock, campaign_id) is None
    assert (status(campaign_id), progress(campaign_id).pending) == (Status.IN_PROGRESS, LEFT)
    assert campaigns.get(campaign_id).price == LEFT
    check_invariants(campaign_id)
