"""Workers killed at any moment: nobody gets a message twice, nobody is forgotten."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from store import audit, database, held, leases
from store.types import RecipientState, Status
from tests.faults.forked import Forked
from tests.faults.processes import SCENARIO, Field, field_of, let_pass, wait_until
from tests.faults.truth import assert_true
from tests.sending import numbers

LEASE_S = 15.0
RATE = 300


def kill(process: subprocess.Popen[bytes] | Forked) -> None:
    process.kill()
    process.wait(10)


def recovered(one: Field) -> int:
    """How many recipients take-overs found in flight."""
    with database.session():
        events = audit.events(one.campaign_id)
    return sum(event.after["unknown"] for event in events if event.action == "campaign.recovered")


def kill_at_random(one: Field, recipients: int, kills: int, dice: Random) -> None:
    """Kill so many workers, each some random while after it took at least one message, and let the last one end."""
    for accepted in sorted(dice.sample(range(1, recipients * 9 // 10), kills)):
        before = len(one.accepted())
        worker = one.fork()
        # A lease that nobody proves dead would keep the next one waiting for 15 s.
        assert one.wait_for(before + 1) < LEASE_S - 3
        one.wait_for(accepted)
        let_pass(dice.uniform(0.0, 0.08))
        kill(worker)
        one.check_after_a_kill()
    one.finish()
    assert_true(one)
    found = one.progress()
    assert (one.status(), found.pending, found.failed, found.skipped) == (Status.COMPLETED, 0, 0, 0)
    # R42: whoever got the message is settled by its callbacks in the end, the others never went out.
    assert found.sent + found.unknown == recipients
    # The kills hit something: without recovery these would be lost or sent twice.
    assert recovered(one) > 0


def test_R43_killed_20_times_nobody_gets_it_twice_and_nobody_is_missed(tmp_path: Path) -> None:
    with field_of(tmp_path, 700, RATE) as one:
        kill_at_random(one, 700, 20, Random(1))


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(2, 7))
def test_R43_killed_50_times_over_2000_recipients(seed: int, tmp_path: Path) -> None:
    with field_of(tmp_path, 2_000, RATE) as one:
        kill_at_random(one, 2_000, 50, Random(seed))


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [7, 8])
def test_R43_three_workers_at_once_of_which_one_is_killed_each_time(seed: int, tmp_path: Path) -> None:
    dice = Random(seed)
    with field_of(tmp_path, 2_000, RATE) as one:
        workers = [one.fork() for _ in range(3)]
        for accepted in sorted(dice.sample(range(1, 1_800), 30)):
            one.wait_for(accepted)
            let_pass(dice.uniform(0.0, 0.08))
            kill(workers.pop(dice.randrange(3)))
            one.check_after_a_kill()
            workers.append(one.fork())
        one.wait_for_the_end()
        assert_true(one)
        assert one.progress().sent + one.progress().unknown == 2_000


def test_R42_what_was_in_flight_at_the_kill_is_settled_by_callbacks(tmp_path: Path) -> None:
    with field_of(tmp_path, 200, 200) as one:
        worker = one.worker()
        one.wait_for(100)
        kill(worker)
        one.worker()
        one.wait_for_the_end()
        accepted = set(one.accepted())
        wait_until(lambda: one.progress().read == len(accepted), lambda: f"all the news: {one.progress()}")
        one.check()
        with database.session():
            assert numbers(one.campaign_id, RecipientState.SENT) == accepted
        assert one.progress().unknown == 200 - len(accepted)
        assert recovered(one) > 0


def test_R42_R43_what_is_held_back_survives_every_kill_and_is_sent_to_once(tmp_path: Path) -> None:
    dice = Random(3)
    with field_of(tmp_path, 240, 300, f"held = 0.5\nheld_ms = 2500\n{SCENARIO}") as one:
        for accepted in sorted(dice.sample(range(5, 200), 4)):
            worker = one.worker()
            one.wait_for(accepted)
            let_pass(dice.uniform(0.0, 0.08))
            kill(worker)
            one.check_after_a_kill()
        with database.session():
            assert held.count(one.campaign_id) > 10
        # A worker that is told to end when nothing is left to do does not wait for news.
        assert one.worker("--until-idle").wait(60) == 0, one.said()
        one.check()
        one.worker()
        one.wait_for_the_end()
        one.check()
        found = one.progress()
        with database.session():
            assert held.count(one.campaign_id) == 0
        assert (one.status(), found.pending, found.failed) == (Status.COMPLETED, 0, 0)
        # Each of them was told of by its callback in the end, what was in flight at a kill too, if it went out.
        assert found.sent + found.unknown == 240
        wait_until(lambda: one.progress().sent == len(one.accepted()), lambda: f"all the news: {one.progress()}")
        one.check()


def test_a_stand_by_takes_over_at_once_after_a_kill_and_sends_nothing_before(tmp_path: Path) -> None:
    with field_of(tmp_path, 240, 40) as one:
        first = one.worker()
        one.wait_for(30)
        second = one.worker()
        wait_until(lambda: one.said().count("worker started") == 2, lambda: "the second worker")
        with database.session():
            owner = leases.get("sender:1")
        assert owner is not None and owner.pid == first.pid
        kill(first)
        accepted = len(one.accepted())
        took = one.wait_for(accepted + 1)
        assert took < 5, "it waited for the lease to run out"
        with database.session():
            owner = leases.get("sender:1")
        assert owner is not None and (owner.pid, owner.fence) == (second.pid, 2)
        one.wait_for_the_end()
        one.check()


def test_two_workers_at_once_send_to_everybody_once(tmp_path: Path) -> None:
    with field_of(tmp_path, 200, 400) as one:
        both = [one.worker("--until-idle") for _ in range(2)]
        assert [process.wait(30) for process in both] == [0, 0]
        one.check_in_order()
        assert (one.status(), one.progress().sent) == (Status.COMPLETED, 200)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_worker_in_order_within_ten_seconds(number: signal.Signals, tmp_path: Path) -> None:
    with field_of(tmp_path, 600, 300) as one:
        worker = one.worker()
        one.wait_for(60)
        worker.send_signal(number)
        assert worker.wait(10) == 0
        one.check_in_order()
        assert 60 <= one.progress().sent < 600
        assert one.status() is Status.IN_PROGRESS


def test_the_end_of_its_parent_ends_the_worker_in_order(tmp_path: Path) -> None:
    parent_source = (
        "import subprocess, sys; out = open(sys.argv[1], 'ab');"
        "subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stderr=out, stdout=out).wait()"
    )
    with field_of(tmp_path, 600, 300) as one:
        log = str(tmp_path / "worker.log")
        parent = subprocess.Popen([sys.executable, "-c", parent_source, log, *one.command("--parent")])
        one.processes.append(parent)
        one.wait_for(60)
        kill(parent)
        wait_until(lambda: "worker ended in order" in one.said(), one.said, 10)
        one.check_in_order()
        assert 60 <= one.progress().sent < 600


def test_a_worker_whose_input_ends_without_being_asked_to_watch_it_goes_on(tmp_path: Path) -> None:
    with field_of(tmp_path, 100, 200) as one:
        worker = one.worker("--until-idle", stdin=subprocess.PIPE)
        assert worker.stdin is not None
        worker.stdin.close()
        assert worker.wait(30) == 0
        one.check_in_order()
        assert one.progress().sent == 100
