"""Runs with random faults, one after the other, each compared with the simulator's own log in the end."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import peewee

from engine.clock import SystemClock
from engine.commands import resuming
from engine.decide import HELD_BACK
from engine.errors import EngineError
from store import campaigns, database, held
from store.types import Status
from tests import builders
from tests.faults import forked
from tests.faults.processes import SCENARIO, Field, field_of, let_pass
from tests.faults.truth import assert_true

PATIENCE = "patience:0.3"
LONGEST_RUN_S = 600.0
GATEWAYS = (
    "",
    "reset_before = 0.02\nlost_answer = 0.02\nhalf_answer = 0.02\n",
    "http_500 = 0.02\nhttp_502 = 0.02\nhtml_200 = 0.01\nredirect = 0.01\n",
    "held = 0.05\nheld_ms = 3000\n",
)
STORM = "duplicate = 0.8\nreorder = 0.5\nearly = 0.2\nstrange = 0.2\n"
LEASE_S = 15.0
BREATH_S = 20.0
"""Longer than a lease, after which another worker goes on."""
MOST_WORKERS = 4


class Soak:
    """What was done so far; every run's dice come from `seed` and its number alone."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._seed = seed
        self.met: Counter[str] = Counter()
        self.violations: list[str] = []

    def run_for(self, seconds: float, tell: Callable[[str], None]) -> None:
        """One run after the other until the time is over; a violation ends only its run."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            n = self.met["runs"] + 1
            folder = self._folder / f"run-{n}"
            folder.mkdir()
            try:
                self._run(folder, Random(f"{self._seed}.{n}"))
            except AssertionError as error:
                self.violations.append(f"run {n} ({folder}): {error}")
                tell(self.violations[-1])
            self.met["runs"] += 1
            tell(f"{n}: {', '.join(f'{count} {what}' for what, count in sorted(self.met.items()))}")

    def _run(self, folder: Path, dice: Random) -> None:
        recipients, rate = dice.randrange(500, 2001), dice.choice((150, 300, 600))
        storm = dice.random() < 0.5
        scenario = dice.choice(GATEWAYS) + (STORM if storm else "") + SCENARIO
        with field_of(folder, recipients, rate, scenario) as one:
            try:
                self._play(_Play(one, dice, self.met), storm)
            finally:
                self.met["recipients"] += recipients
                self.met["accepted"] += len(one.accepted())

    def _play(self, play: _Play, storm: bool) -> None:
        self.met["callback storms"] += storm
        began = time.monotonic()
        while play.goes_on():
            assert time.monotonic() - began < LONGEST_RUN_S, f"the run does not end: {play.one.progress()}"
            let_pass(play.dice.uniform(0.05, 1.5))
            fault = play.dice.choices(
                (play.kill, play.freeze, play.lock, play.gateway_gone, play.stop), weights=(10, 3, 3, 2, 2)
            )[0]
            fault()
            play.breathe()
        play.one.check_after_a_kill()
        for worker in play.workers:
            worker.send_signal(signal.SIGTERM)
        for worker in play.workers:
            play.ended_in_order(worker)
        assert_true(play.one)
        found = play.one.progress()
        with database.session():
            assert found.pending == held.count(play.one.campaign_id), "somebody was missed"
        self.met["unknown"] += found.unknown


class _Play:
    """One run, its workers, and what befalls them."""

    def __init__(self, one: Field, dice: Random, met: Counter[str]) -> None:
        self.one, self.dice, self.met = one, dice, met
        self.simulator = one.processes[0]
        self.outages = 0
        self.workers: list[forked.Forked] = []
        for _ in range(dice.choice((1, 1, 2, 3))):
            self._another()

    def _another(self) -> None:
        self.workers.append(self.one.fork(hooks=[PATIENCE]))

    def _any(self) -> forked.Forked:
        return self.workers[self.dice.randrange(len(self.workers))]

    def goes_on(self) -> bool:
        """Whether the run is not over; an operator resumes what waits for a person."""
        with database.session():
            campaign = campaigns.get(self.one.campaign_id)
            if campaign.hold is not None and campaign.hold.until is None:
                self.met["resumed by hand"] += 1
                with suppress(EngineError):
                    resuming.resume(builders.context(SystemClock()), campaign.id)
        if self.outages and campaign.hold is not None and campaign.hold.reason == HELD_BACK:
            # With the gateway died its news of what it held back: nothing more comes in 75 minutes.
            return False
        return campaign.status is Status.IN_PROGRESS

    def breathe(self) -> None:
        """Let the run come on a little: faults faster than a worker starts on a busy machine would never let it end."""
        before, began = self.one.progress().version, time.monotonic()
        while time.monotonic() - began < BREATH_S and self.one.progress().version == before and self.goes_on():
            let_pass(0.1)

    def kill(self) -> None:
        """`kill -9`, and another one in its place."""
        worker = self._any()
        worker.kill()
        worker.wait(10)
        self.workers.remove(worker)
        self.met["kills"] += 1
        self.one.check_after_a_kill()
        self._another()

    def stop(self) -> None:
        """An orderly stop, and another one in its place."""
        worker = self._any()
        worker.send_signal(signal.SIGTERM)
        self.ended_in_order(worker)
        self.workers.remove(worker)
        self.met["orderly stops"] += 1
        self._another()

    def ended_in_order(self, worker: forked.Forked) -> None:
        """It ends with 0; one that had not begun yet may as well just die."""
        status, said = worker.wait(30), self.one.said()
        begun = f" pid={worker.pid} " in said
        assert status == 0 or (status == -signal.SIGTERM and not begun), f"no orderly stop: {status}\n{said[-3000:]}"

    def freeze(self) -> None:
        """`SIGSTOP` for a while, now and then beyond its lease while another one takes over."""
        worker = self._any()
        beyond = self.dice.random() < 0.15
        worker.send_signal(signal.SIGSTOP)
        if beyond and len(self.workers) < MOST_WORKERS:
            self._another()
        let_pass(LEASE_S + 2 if beyond else self.dice.uniform(0.1, 3))
        worker.send_signal(signal.SIGCONT)
        self.met["freezes beyond the lease" if beyond else "freezes"] += 1

    def lock(self) -> None:
        """Another process holds the database."""
        other = peewee.SqliteDatabase(str(self.one.database), timeout=10)
        other.connect()
        try:
            other.execute_sql("BEGIN IMMEDIATE")
            let_pass(self.dice.uniform(0.3, 4))
            other.execute_sql("ROLLBACK")
        finally:
            other.close()
        self.met["locks"] += 1

    def gateway_gone(self) -> None:
        """The gateway dies and comes back at the same address; what it took is in its log."""
        self.simulator.kill()
        self.simulator.wait()
        let_pass(self.dice.uniform(0.1, 3))
        again, _ = forked.simulator(self.one.folder / "scenario.toml", self.one.log, port=self.one.port)
        self.one.processes.append(again)
        self.simulator = again
        self.outages += 1
        self.met["gateway outages"] += 1
