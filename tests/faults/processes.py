"""A simulator and workers as processes of their own, on one database, and ways to wait for what they do."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import peewee

from engine.clock import SystemClock
from engine.commands import launch
from store import campaigns, database, leases, windows
from store.types import Progress, RecipientState, Status
from tests import builders
from tests.faults import forked
from tests.sending import check_against, numbers, rows
from tests.store.invariants import check_invariants

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0
SCENARIO = """
[latency_ms]
median = 40
spread = 0.5
[sent_ms]
median = 20
[delivered_ms]
median = 20
[read_ms]
median = 20
"""

_never = threading.Event()


def wait_until(condition: Callable[[], bool], what: Callable[[], object], within_s: float = PATIENCE_S) -> float:
    """Look every few milliseconds until it holds and answer the seconds it took; fails when it takes too long."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within_s, f"not within {within_s:g} s: {what()}"
        _never.wait(0.003)
    return time.monotonic() - began


def let_pass(seconds: float) -> None:
    """Let time pass where the moment is what is tested."""
    _never.wait(seconds)


@dataclass
class Field:
    """One campaign In Progress, the simulator it is sent to, and the workers started so far."""

    folder: Path
    database: Path
    log: Path
    campaign_id: int
    recipients: int
    port: int
    """Where the simulator listens on loopback."""
    processes: list[subprocess.Popen[bytes] | forked.Forked] = field(default_factory=list)
    _accepted: list[str] = field(default_factory=list)
    _read: int = 0

    def fork(self, *options: str, hooks: Sequence[str] = ()) -> forked.Forked:
        """Start one more worker at a fraction of the cost, with hooks of the test in it."""
        return self.sendoff("worker", *options, hooks=hooks)

    def sendoff(self, *arguments: str, hooks: Sequence[str] = ()) -> forked.Forked:
        """Start any command on the database in the same way."""
        process = forked.sendoff(self.database, arguments, self.folder / "worker.log", hooks)
        self.processes.append(process)
        return process

    def freeze(self, process: forked.Forked | subprocess.Popen[bytes]) -> None:
        """`SIGSTOP` while it does not hold the lock of the database: else everybody waits for it, and rightly."""
        while True:
            process.send_signal(signal.SIGSTOP)
            let_pass(0.05)
            if self._writable():
                return
            process.send_signal(signal.SIGCONT)
            let_pass(0.02)

    def _writable(self) -> bool:
        other = peewee.SqliteDatabase(str(self.database), timeout=0.1)
        other.connect()
        try:
            other.execute_sql("BEGIN IMMEDIATE")
            other.execute_sql("ROLLBACK")
        except peewee.OperationalError:
            return False
        finally:
            other.close()
        return True

    def finish(self) -> None:
        """Let one more worker do all there is to do."""
        assert self.fork("--until-idle").wait(60) == 0, self.said()

    def worker(self, *options: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start one more worker."""
        with (self.folder / "worker.log").open("ab") as out:
            process = subprocess.Popen(self.command(*options), cwd=ROOT, stdin=stdin, stdout=out, stderr=out)
        self.processes.append(process)
        return process

    def command(self, *options: str) -> list[str]:
        """The command line of a worker."""
        return [sys.executable, "-m", "tui", "--database", str(self.database), "worker", *options]

    def said(self) -> str:
        """What the workers wrote."""
        file = self.folder / "worker.log"
        return file.read_text("utf-8") if file.exists() else ""

    def accepted(self) -> list[str]:
        """The numbers the simulator took, in order, by its own log."""
        if self.log.exists():
            with self.log.open("rb") as log:
                log.seek(self._read)
                new = log.read()
            # The last one may be half written.
            whole = new[: new.rfind(b"\n") + 1]
            self._read += len(whole)
            self._accepted += [json.loads(line)["to"] for line in whole.splitlines()]
        return list(self._accepted)

    def wait_for(self, n: int) -> float:
        """Wait until so many messages were taken."""
        return wait_until(
            lambda: len(self.accepted()) >= n, lambda: f"{n} messages accepted: {self.progress()} {self.said()}"
        )

    def wait_for_the_end(self) -> None:
        """Wait until the run is over."""
        # A busy machine takes its time for thousands of recipients.
        patience = PATIENCE_S + self.recipients / 20
        wait_until(lambda: self.status() is not Status.IN_PROGRESS, lambda: f"the end of {self.progress()}", patience)

    def progress(self) -> Progress:
        """The campaign's counters."""
        with database.session():
            return campaigns.progress(self.campaign_id)

    def status(self) -> Status:
        """The campaign's status."""
        with database.session():
            return campaigns.get(self.campaign_id).status

    def check(self) -> None:
        """Nobody twice, nobody missed, everything adds up."""
        with database.session():
            check_against(self.accepted(), self.campaign_id, now=SystemClock().now())

    def check_after_a_kill(self) -> None:
        """The same while nobody has recovered it yet: what was taken may also be in an open window."""
        taken = Counter(self.accepted())
        assert [number for number, n in taken.items() if n > 1] == [], "handed over twice"
        # As of one moment: another worker may be sending.
        with database.session(), database.snapshot():
            check_invariants(self.campaign_id, now=SystemClock().now())
            known = numbers(self.campaign_id, RecipientState.SENT, RecipientState.UNKNOWN)
            in_flight = {seq for window in windows.open_windows() for seq in window.seqs}
            claimed = {str(row.phone) for row in rows(self.campaign_id) if row.seq in in_flight or row.held}
        assert set(taken) <= known | claimed, "accepted without an intent"

    def check_in_order(self) -> None:
        """What an orderly end leaves: nothing unknown, no window open, no lease held."""
        self.check()
        assert "worker ended in order" in self.said()
        with database.session():
            assert self.progress().unknown == 0
            assert windows.open_windows() == []
            assert leases.held(SystemClock().now()) == []
            assert self.progress().sent == len(self.accepted())


@contextmanager
def field_of(
    folder: Path, recipients: int, rate: int, scenario: str = SCENARIO, *, scheduled: str = ""
) -> Iterator[Field]:
    """A field with so many recipients; its processes end with the block.

    The campaign is In Progress, or scheduled for a time such as `in 1 s`.
    """
    file, log, store = folder / "scenario.toml", folder / "accepted.log", folder / "faults.db"
    file.write_text(scenario, encoding="utf-8")
    simulator, url = forked.simulator(file, log)
    processes: list[Any] = [simulator]
    try:
        database.open_database(str(store), create=True)
        clock = SystemClock()
        with database.session():
            builders.account_with_sender(clock, folder, rate=rate, base_url=url)
            campaign_id = builders.draft(clock, folder, recipients)
            if scheduled:
                launch.schedule_at(builders.context(clock), campaign_id, scheduled)
            else:
                launch.send_now(builders.context(clock), campaign_id)
        yield Field(folder, store, log, campaign_id, recipients, int(url.rpartition(":")[2]), processes)
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()
            for pipe in (getattr(process, "stdin", None), getattr(process, "stdout", None)):
                if pipe is not None:
                    pipe.close()
