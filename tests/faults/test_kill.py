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


def kill(process: subprocess.Popen[bytes] | Forked) -> None:
    process.kill()
    process.wait(10)


def recovered(one: Field) -> int:
    """How many recipients take-overs found in flight."""
    with database.session():
        events = audit.events(one.campaign_id)
    return sum(event.after["unknown"] for event in events if event.action == "campaign.recovered")


def kill_at_random(one: Field, kills: int, dice: Random, at_once: int = 1) -> None:
    """Kill so many workers, each some random while after another message was taken, and let the last one end."""
    workers = [one.fork() for _ in range(at_once)]
    for _ in range(kills):
        assert one.progress().pending > 0, "too few recipients for so many kills"
        # A lease that nobody proves dead would keep the next one waiting for 15 s.
        assert one.wait_for(len(one.accepted()) + 1) < LEASE_S - 3
        one.wait_for(min(len(one.accepted()) + dice.randrange(20), one.recipients * 9 // 10))
        let_pass(dice.uniform(0.0, 0.08))
        kill(workers.pop(dice.randrange(len(workers))))
        one.check_after_a_kill()
        workers.append(one.fork())
    one.wait_for_the_end()
    assert_true(one)
    found = one.progress()
    assert (one.status(), found.pending, found.failed, found.skipped) == (Status.COMPLETED, 0, 0, 0)
    # R42: whoever got the message is settled by its callbacks in the end, the others never went out.
    assert found.sent + found.unknown == one.recipients
    # The kills hit something: without recovery these would be lost or sent twice.
    assert recovered(one) > 0


def test_R43_killed_20_times_nobody_gets_it_twice_and_nobody_is_missed(tmp_path: Path) -> None:
    with field_of(tmp_path, 900, 200) as one:
        kill_at_random(one, 20, Random(1))


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("seed", "at_once"), [(2, 1), (3, 1), (4, 1), (5, 1), (6, 3), (7, 3)])
def test_R43_killed_40_times_over_2000_recipients(seed: int, at_once: int, tmp_path: Path) -> None:
    with field_of(tmp_path, 2_000, 200) as one:
        kill_at_random(one, 40, Random(seed), at_once)


def test_R42_what_was_in_flight_at_the_kill_is_settled_by_callbacks(tmp_path: Path) -> None:
    with field_of(tmp_path, 200, 200) as one:
        worker = one.fork()
        one.wait_for(100)
        kill(worker)
        one.fork()
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
            worker = one.fork()
            one.wait_for(accepted)
            let_pass(dice.uniform(0.0, 0.08))
            kill(worker)
            one.check_after_a_kill()
        with database.session():
            assert held.count(one.campaign_id) > 10
        # A worker that is told to end when nothing is left to do does not wait for news.
        assert one.fork("--until-idle").wait(60) == 0, one.said()
        one.check()
        one.fork()
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
        first = one.fork()
        one.wait_for(30)
        second = one.fork()
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


def test_R43_a_worker_frozen_beyond_its_lease_hands_out_nothing_when_it_goes_on(tmp_path: Path) -> None:
    with field_of(tmp_path, 400, 100) as one:
        first = one.fork()
        one.wait_for(60)
        one.freeze(first)
        out = len(one.accepted())
        second = one.fork()
        # Frozen, not dead: its lock on the file stands, and only the end of its lease lets another in.
        assert one.wait_for(out + 1) < LEASE_S + 10
        first.send_signal(signal.SIGCONT)
        one.wait_for_the_end()
        assert_true(one)
        assert recovered(one) > 0
        assert one.progress().sent + one.progress().unknown == 400
        with database.session():
            owner = leases.get("sender:1")
        assert owner is not None and (owner.pid, owner.fence) == (second.pid, 2)


def test_two_workers_at_once_send_to_everybody_once(tmp_path: Path) -> None:
    with field_of(tmp_path, 200, 400) as one:
        both = [one.fork("--until-idle") for _ in range(2)]
        assert [process.wait(30) for process in both] == [0, 0]
        one.check_in_order()
        assert (one.status(), one.progress().sent) == (Status.COMPLETED, 200)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_worker_in_order_within_ten_seconds(number: signal.Signals, tmp_path: Path) -> None:
    with field_of(tmp_path, 600, 300) as one:
        worker = one.fork()
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
