"""Clocks that jump, machines that sleep, workers that race: nothing twice, nothing early, nothing missed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine import starting
from engine.clock import DAY, HOUR, MINUTE
from store import audit, campaigns, database, ledger
from store.types import RootCause, Status
from tests import builders
from tests.clock import FakeClock
from tests.sending import bench, check_against, schedule_in, started, step_until
from tests.store.invariants import check_invariants

RACES = 200


@pytest.fixture
def acme(tmp_path: Path, clock: FakeClock) -> Iterator[Path]:
    """A database with an account, a sender and a template; this thread's connection is open until the test ends."""
    file = tmp_path / "time.db"
    database.open_database(str(file), create=True)
    with database.session():
        builders.account_with_sender(clock, tmp_path)
        yield file
    database.close_database()


@pytest.mark.parametrize("jump", [DAY, -HOUR], ids=["a day forward", "an hour back"])
async def test_R43_the_clock_jumps_while_a_run_is_sent(jump: int, acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 40)
    later = schedule_in(clock, tmp_path, 3, 2 * HOUR)
    async with bench(clock) as one:

        def jump_at(n: int) -> None:
            if n == 15:
                clock.set(clock.now() + jump)

        one.gateway.before = jump_at
        worker = one.worker()
        await step_until(worker, clock, lambda: campaigns.get(campaign_id).status is Status.COMPLETED)
        worker.stop()
        await worker.work()
        check_against((message.to for message in one.simulator.accepted), campaign_id)
        found = campaigns.get(campaign_id).progress
        assert (found.sent, found.unknown) == (40, 0)
    # By the clock as it is now, tomorrow's time has passed long ago: it fails in words, and is not sent a day late.
    expected = (Status.FAILED, RootCause.MISSED_WINDOW.value) if jump > 0 else (Status.SCHEDULED, None)
    waiting = campaigns.get(later)
    assert (waiting.status, waiting.status_reason) == expected
    check_invariants()


@pytest.mark.parametrize(("grace_passed", "ends"), [(False, Status.COMPLETED), (True, Status.FAILED)])
async def test_R20_R43_the_machine_sleeps_over_a_due_time_and_a_run(
    grace_passed: bool, ends: Status, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 40)
    due = schedule_in(clock, tmp_path, 3, 5 * MINUTE)
    async with bench(clock) as one:

        def sleep_at(n: int) -> None:
            if n == 15:
                # Nobody else is there: the worker finds its lease run out, and takes it anew.
                clock.advance(HOUR + (10 * MINUTE if grace_passed else 0))

        one.gateway.before = sleep_at
        worker = one.worker()
        await step_until(worker, clock, lambda: campaigns.get(campaign_id).status is Status.COMPLETED)
        await step_until(worker, clock, lambda: campaigns.get(due).status is ends)
        worker.stop()
        await worker.work()
        taken = [message.reference.split(".")[:2] for message in one.simulator.accepted]
        of_run = [seq for campaign, seq in taken if campaign == str(campaign_id)]
        of_due = [seq for campaign, seq in taken if campaign == str(due)]
        assert len(of_run) == len(set(of_run)) == 40
        assert len(of_due) == len(set(of_due)) == (0 if grace_passed else 3)
    check_invariants()


def test_R43_of_two_workers_that_race_for_a_campaign_exactly_one_starts_it_200_times(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    # What is tested is who comes first, not the disk.
    database.execute("PRAGMA synchronous = OFF")
    ids = [schedule_in(clock, tmp_path, 1, HOUR) for _ in range(RACES)]
    clock.advance(HOUR)
    line = threading.Barrier(2)

    def race() -> None:
        with database.session():
            database.execute("PRAGMA synchronous = OFF")
            for campaign_id in ids:
                line.wait(10)
                assert starting.start_due(clock, campaign_id) is None

    with ThreadPoolExecutor(2) as both:
        for runner in [both.submit(race), both.submit(race)]:
            runner.result()
    for campaign_id in ids:
        assert campaigns.get(campaign_id).status is Status.IN_PROGRESS
        assert len(audit.events(campaign_id, actions=["campaign.start"])) == 1
        assert campaigns.progress(campaign_id).reserved == 1
    assert ledger.balance().reserved == RACES
    check_invariants()
