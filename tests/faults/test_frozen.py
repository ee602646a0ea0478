"""A worker frozen beyond its lease and then continued: it hands out nothing more, by the gateway's own record."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.leasing import TTL_MS
from store import database, windows
from store.types import Status
from tests.faults.consoles import wait_for_owner
from tests.faults.processes import ROOT, Field, field_of, let_pass, wait_until
from tests.logfmt import events
from tests.sending import rows

LEASE_S = TTL_MS / 1000
RECIPIENTS = 240
RATE = 40
CLAIMS = 12
"""The windows are of 1, 10 and then 5 rows."""


@dataclass
class Time:
    """The clock of the workers of a field: the machine's, ahead by so many seconds."""

    file: Path

    def ahead(self, seconds: float) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(str(seconds), encoding="ascii")
        new.replace(self.file)

    def worker(self, one: Field, freeze: int | None = None) -> subprocess.Popen[bytes]:
        """A worker with this clock, that freezes itself right after a claim when told which."""
        command = [sys.executable, "-m", "tests.faults.moved", str(one.database), str(self.file)]
        with (one.folder / "worker.log").open("ab") as out:
            process = subprocess.Popen(
                [*command, *([] if freeze is None else [str(freeze)])], cwd=ROOT, stdin=subprocess.DEVNULL,
                stdout=out, stderr=out,
            )  # fmt: skip
        one.processes.append(process)
        return process


@pytest.fixture
def time(tmp_path: Path) -> Time:
    moved = Time(tmp_path / "ahead")
    moved.ahead(0)
    return moved


def frozen(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "T"


def continued(
    one: Field, first: subprocess.Popen[bytes], second: subprocess.Popen[bytes], leaving: frozenset[str] = frozenset()
) -> None:
    """Let the frozen one go on when the other is through: it hands out nothing and ends in order.

    `leaving` are the numbers whose requests it may have been writing when it froze: nobody calls those back.
    """
    one.wait_for_the_end()
    assert one.status() is Status.COMPLETED
    before, unknown = one.accepted(), one.progress().unknown
    first.send_signal(signal.SIGCONT)
    wait_until(lambda: bool(events(one.said(), "lease.lost")), one.said)
    # Long enough for what is left of its window, at the sender's pace.
    let_pass(2.0)
    after = [number for number in one.accepted() if number in before or number not in leaving]
    assert after == before, "it handed out what was not its own any more"
    (lost,) = events(one.said(), "lease.lost")
    assert (lost["sender"], lost["fence"]) == ("1", "1")
    for process in (first, second):
        process.terminate()
        assert process.wait(10) == 0
    one.check()
    found = one.progress()
    assert found.sent + found.unknown == RECIPIENTS
    assert found.unknown <= unknown, "evidence settles what is unknown, and makes nothing so"


def test_R43_frozen_between_intent_and_hand_over_beyond_its_lease_it_hands_out_nothing(
    tmp_path: Path, time: Time
) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE) as one:
        first = time.worker(one, CLAIMS)
        wait_until(lambda: frozen(first.pid), one.said)
        with database.session():
            mine = [window for window in windows.open_windows() if window.fence == 1]
            begun = {seq for window in mine[:-1] for seq in window.seqs}
            leaving = frozenset(f"{row.phone}" for row in rows(one.campaign_id) if row.seq in begun)
        assert mine, "nothing was claimed when it froze"
        second = time.worker(one)
        wait_until(lambda: one.said().count("worker started") == 2, one.said)
        let_pass(0.5)
        # Its lease and its file lock stand: nobody else sends.
        wait_for_owner(lambda lease: lease.pid == first.pid, "the frozen one")
        time.ahead(LEASE_S + 1)
        wait_for_owner(lambda lease: lease.pid == second.pid and lease.fence == 2, "the second")
        continued(one, first, second, leaving)
        assert one.progress().unknown >= len(mine[-1].seqs), "a row it had not begun went out all the same"


def test_R43_frozen_at_any_moment_beyond_its_lease_nobody_gets_it_twice(tmp_path: Path, time: Time) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE) as one:
        first = time.worker(one)
        second = time.worker(one)
        one.wait_for(60)
        holder, _ = wait_for_owner(lambda lease: True, "one of them")
        if holder.pid == second.pid:
            first, second = second, first
        # Not inside a commit: with the lock of the database it keeps everybody out, whoever's turn it is.
        one.freeze(first)
        wait_until(lambda: frozen(first.pid), one.said)
        time.ahead(LEASE_S + 1)
        wait_for_owner(lambda lease: lease.pid == second.pid, "the second")
        accepted = len(one.accepted())
        one.wait_for(accepted + 20)
        # In the middle of the other's sending, not after it.
        os.kill(first.pid, signal.SIGCONT)
        one.wait_for_the_end()
        for process in (first, second):
            process.terminate()
            assert process.wait(10) == 0
        one.check()
        assert one.progress().sent + one.progress().unknown == RECIPIENTS
        assert [line["fence"] for line in events(one.said(), "lease.taken")][:2] == ["1", "2"]


@pytest.mark.nightly
@pytest.mark.timeout(240)
def test_R43_frozen_for_longer_than_its_lease_by_the_machines_own_clock(tmp_path: Path) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE) as one:
        first = one.worker()
        one.wait_for(30)
        second = one.worker()
        wait_until(lambda: one.said().count("worker started") == 2, one.said)
        first.send_signal(signal.SIGSTOP)
        _, took = wait_for_owner(lambda lease: lease.pid == second.pid, "the second")
        assert LEASE_S - 6 < took < LEASE_S + 3, "by the end of the lease, which was renewed up to 5 s before"
        continued(one, first, second)
