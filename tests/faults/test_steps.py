"""Workers killed at every named step of the crash protocol: nobody twice, nobody missed (R41, R42, R43)."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from store import audit, database
from store.types import RecipientState, Status
from tests.faults.hooks import STEPS
from tests.faults.processes import SCENARIO, Field, field_of, wait_until
from tests.faults.truth import assert_true
from tests.sending import numbers

QUIET = SCENARIO.replace("median = 20", "median = 600000")
"""No callbacks: nothing but the take-over tells what became of a message."""
RECIPIENTS = 60
RATE = 400
TAKEOVER = [step for step in STEPS if "take-over" in step]
START = [step for step in STEPS if "start" in step]
NEWS = [step for step in STEPS if "callback" in step]
END = [step for step in STEPS if "finish" in step]
HOLD = "in the hold's transaction"
LEASE = "before the lease is given back"
SENDING = [step for step in STEPS if step not in {*TAKEOVER, *START, *NEWS, *END, HOLD, LEASE}]


def killed_at(one: Field, step: str, n: int = 1) -> None:
    """Have a worker die at the n-th pass of a step; fails when it never came there."""
    worker = one.fork("--until-idle", hooks=[f"kill:{step}@{n}"])
    assert worker.wait(30) == -signal.SIGKILL, f"it never came to this step: {one.said()}"
    one.check_after_a_kill()


def over(one: Field) -> None:
    """Let the next worker finish, and look at everything."""
    one.finish()
    assert_true(one)
    found = one.progress()
    assert (one.status(), found.pending, found.failed, found.skipped) == (Status.COMPLETED, 0, 0, 0)
    assert found.sent + found.unknown == RECIPIENTS


def test_every_step_is_one_of_these_tests() -> None:
    assert {*SENDING, *TAKEOVER, *START, *NEWS, *END, HOLD, LEASE} == set(STEPS)


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("step", SENDING)
def test_R42_R43_killed_at_a_step_of_the_sending(step: str, n: int, tmp_path: Path) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE) as one:
        killed_at(one, step, n)
        out = len(one.accepted())
        over(one)
        found = one.progress()
        if n == 1 and step == "in the claim's transaction":
            assert (found.unknown, len(one.accepted())) == (0, RECIPIENTS), "nothing had been handed over"
        elif n == 1 and step in ("after the claim", "before the first byte"):
            # The first window is one row: its intent stands, and nobody can know that it did not go out.
            assert (out, found.unknown, len(one.accepted())) == (0, 1, RECIPIENTS - 1)
        elif n == 1 and step == "after the outcome":
            assert (out, found.unknown, len(one.accepted())) == (1, 0, RECIPIENTS)
        elif n == 1:
            # Most of what is unknown was taken: that is why it is not sent again.
            assert (out, len(one.accepted())) == (1, RECIPIENTS)


@pytest.mark.parametrize("step", END)
def test_R5_R29_killed_while_a_run_ends(step: str, tmp_path: Path) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE) as one:
        killed_at(one, step)
        assert one.status() is (Status.COMPLETED if step.startswith("after") else Status.IN_PROGRESS)
        over(one)
        assert one.progress().unknown == 0


@pytest.mark.parametrize("step", START)
def test_R27_killed_while_a_campaign_starts(step: str, tmp_path: Path) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE, scheduled="in 1 s") as one:
        worker = one.fork(hooks=[f"kill:{step}@1"])
        assert worker.wait(30) == -signal.SIGKILL, one.said()
        # A crash before the commit leaves a Scheduled campaign, after it a run to resume.
        assert one.status() is (Status.IN_PROGRESS if step.startswith("after") else Status.SCHEDULED)
        assert one.accepted() == []
        over(one)
        assert one.progress().unknown == 0
        assert one.progress().reserved == RECIPIENTS, "reserved once"


@pytest.mark.parametrize("step", TAKEOVER)
def test_R42_R43_killed_while_it_takes_over_from_a_killed_one(step: str, tmp_path: Path) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE, QUIET) as one:
        killed_at(one, "after the answer", 8)
        killed_at(one, step)
        over(one)
        with database.session():
            recovered = [
                event.after["unknown"] for event in audit.events(one.campaign_id, actions=["campaign.recovered"])
            ]
        assert len(recovered) == 1 and recovered[0] > 0, "taken over once, whatever died in it"


@pytest.mark.parametrize("step", NEWS)
def test_R46_killed_while_callbacks_come_in(step: str, tmp_path: Path) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE) as one:
        killed_at(one, step)
        one.fork()
        one.wait_for_the_end()
        wait_until(lambda: one.progress().read == len(one.accepted()), lambda: f"all the news: {one.progress()}")
        assert_true(one)
        with database.session():
            assert numbers(one.campaign_id, RecipientState.SENT) == set(one.accepted())


def test_R45_killed_while_a_run_is_put_on_hold(tmp_path: Path) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE, f"held = 0.3\nheld_ms = 1500\n{SCENARIO}") as one:
        killed_at(one, HOLD)
        one.fork()
        one.wait_for_the_end()
        assert_true(one)
        assert one.progress().sent + one.progress().unknown == RECIPIENTS


def test_killed_before_it_gives_back_its_lease(tmp_path: Path) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE) as one:
        killed_at(one, LEASE)
        assert one.status() is Status.COMPLETED
        over(one)
        one.check_in_order()
