"""The gateway fails under a worker that sends: gone, slow, resetting, answering half, and storming with callbacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from store import audit, campaigns, database
from store.types import Status
from tests.faults import forked
from tests.faults.processes import SCENARIO, Field, field_of, let_pass, wait_until
from tests.faults.truth import assert_true

RECIPIENTS = 200
RATE = 200


def hold(one: Field) -> str:
    """Why the run is on hold, in words."""
    with database.session():
        found = campaigns.get(one.campaign_id).hold
    return "" if found is None else found.text


def over(one: Field) -> None:
    one.wait_for_the_end()
    assert_true(one)
    found = one.progress()
    assert (one.status(), found.pending, found.skipped) == (Status.COMPLETED, 0, 0)


def test_R45_a_gateway_that_is_gone_for_a_while_holds_the_run_which_goes_on_by_itself(tmp_path: Path) -> None:
    # So slow that fewer are on their way at the kill than hold a run for a person: 20 without an answer in a row.
    with field_of(tmp_path, 80, 40) as one:
        one.fork()
        one.wait_for(20)
        simulator = one.processes[0]
        simulator.kill()
        simulator.wait()
        wait_until(lambda: "The gateway cannot be reached" in hold(one), lambda: f"the hold: {hold(one)} {one.said()}")
        out = len(one.accepted())
        let_pass(1)
        assert len(one.accepted()) == out
        # What it took before it died is in its log still.
        again, _ = forked.simulator(tmp_path / "scenario.toml", one.log, port=one.port)
        one.processes.append(again)
        over(one)
        found = one.progress()
        # What was on its way when it died may have been taken: not sent again. All that came after went out.
        assert found.failed == 0 and found.sent + found.unknown == 80
        with database.session():
            actions = [event.action for event in audit.events(one.campaign_id)]
        assert "campaign.hold" in actions and "campaign.resume" in actions


FAULTS = {
    "slow": "[latency_ms]\nmedian = 400\nspread = 0.8\n",
    "resetting": "reset_before = 0.1\nlost_answer = 0.05\n",
    "half": "half_answer = 0.1\n",
    "broken": "http_500 = 0.05\nhttp_502 = 0.05\nhtml_200 = 0.05\nredirect = 0.05\n",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_R42_R43_a_gateway_that_answers_badly(fault: str, tmp_path: Path) -> None:
    scenario = FAULTS[fault] + (SCENARIO if fault != "slow" else "")
    with field_of(tmp_path, RECIPIENTS, 400, scenario) as one:
        one.fork()
        over(one)
        found = one.progress()
        assert found.failed == 0 and found.sent + found.unknown == RECIPIENTS
        if fault != "slow":
            # Each message that was taken is told of by callback: only those that were not taken stay unknown.
            wait_until(lambda: one.progress().sent == len(one.accepted()), lambda: f"the news: {one.progress()}")
            assert_true(one)


def test_R46_a_callback_storm_during_the_send(tmp_path: Path) -> None:
    storm: dict[str, Any] = {"duplicate": 0.9, "reorder": 0.5, "early": 0.3, "strange": 0.3, "after_failed": 0.5}
    lines = "".join(f"{name} = {share}\n" for name, share in storm.items())
    with field_of(tmp_path, 400, 400, f"{lines}delivered = 0.9\n{SCENARIO}[undelivered]\n131026 = 0.1\n") as one:
        worker = one.fork()
        over(one)
        wait_until(lambda: one.progress().delivered >= 320, lambda: f"the news: {one.progress()}")
        assert worker.poll() is None
        assert_true(one)
        found = one.progress()
        assert (found.sent, found.unknown, found.failed) == (400, 0, 0)
        assert found.delivered + found.undelivered <= 400, "each counted once, however often it was told"
