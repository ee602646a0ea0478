"""Whoever sends a test send is killed: it is never sent twice, and its credit is where its outcome says (R32, R42)."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from engine import testsends as rules
from engine.clock import SystemClock
from engine.commands import testsends
from store import database, ledger, types
from store import testsends as store
from store.types import RecipientState
from tests import builders
from tests.faults.processes import ROOT, SCENARIO, Field, field_of, wait_until
from tests.store.invariants import check_invariants

SLOW = SCENARIO.replace("median = 40\nspread = 0.5", "median = 700\nspread = 0")
NUMBERS = ["+919876543210", "+919876543211", "+919876543212"]


def states(ids: list[int]) -> list[str]:
    with database.session():
        return [rules.state(one) for one in store.page(ids)]


def ask(one: Field) -> list[int]:
    with database.session():
        asked = testsends.send(builders.context(SystemClock()), one.campaign_id, NUMBERS)
    return [test.id for test in asked]


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(10)


def taken_of(one: Field) -> Counter[str]:
    """How often the simulator took each of the tested numbers."""
    return Counter(number for number in one.accepted() if f"+{number}" in NUMBERS)


def check(one: Field, ids: list[int]) -> None:
    with database.session():
        check_invariants()
        found = store.page(ids)
    taken = taken_of(one)
    assert max(taken.values(), default=0) <= 1, "R43: sent twice"
    for test in found:
        assert test.state in (RecipientState.SENT, RecipientState.UNKNOWN)
        if test.state is RecipientState.SENT:
            assert taken[str(test.phone)] == 1, "sent, but the gateway knows nothing of it"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_R32_R42_R43_a_worker_that_ends_between_intent_and_outcome(how: signal.Signals, tmp_path: Path) -> None:
    with field_of(tmp_path, 1, 300, SLOW) as one:
        ids = ask(one)
        worker = one.worker()
        wait_until(lambda: "in_flight" in states(ids), lambda: states(ids))
        worker.send_signal(how)
        worker.wait(15)
        left = states(ids)
        assert ("in_flight" in left) == (how is signal.SIGKILL), left
        last = one.worker("--until-idle")
        assert last.wait(40) == 0, one.said()
        check(one, ids)
        with database.session():
            known = [test for test in store.page(ids) if test.state is RecipientState.UNKNOWN]
            assert ledger.balance().reserved == len(known) + one.progress().unknown
        assert how is signal.SIGKILL or known == [], "an orderly stop leaves nothing unknown"


def test_R32_R42_R43_the_command_itself_is_killed_while_it_sends(tmp_path: Path) -> None:
    with field_of(tmp_path, 1, 300, SLOW) as one:
        command = [sys.executable, "-m", "tui", "--database", str(one.database), "test-send", str(one.campaign_id)]
        sending = subprocess.Popen([*command, *NUMBERS], cwd=ROOT, stdout=subprocess.DEVNULL)
        one.processes.append(sending)
        ids = [1, 2, 3]
        wait_until(lambda: "in_flight" in states(ids), lambda: states(ids))
        kill(sending)
        last = one.worker("--until-idle")
        assert last.wait(40) == 0, one.said()
        check(one, ids)


def test_R32_a_running_worker_sends_what_the_command_asks_for(tmp_path: Path) -> None:
    with field_of(tmp_path, 1, 300) as one:
        one.worker()
        one.wait_for_the_end()
        command = [sys.executable, "-m", "tui", "--database", str(one.database), "test-send", str(one.campaign_id)]
        done = subprocess.run([*command, *NUMBERS, "--json"], cwd=ROOT, capture_output=True, timeout=40, check=True)
        document = json.loads(done.stdout)
        assert [message["state"] for message in document["messages"]] == ["sent"] * 3
        assert done.stderr == b"", "a worker runs, so nothing is sent from here"
        ids = [message["id"] for message in document["messages"]]
        wait_until(lambda: all(one.delivery.name == "READ" for one in _page(ids)), lambda: _page(ids))
        check(one, ids)
        assert one.progress().sent == 1


def _page(ids: list[int]) -> list[types.TestSend]:
    with database.session():
        return store.page(ids)
