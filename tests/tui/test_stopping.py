"""The way out while this console's own worker sends: what stops is said before, and in the shell afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from store import database, leases
from store.types import ResultKind
from tests.clock import FakeClock
from tests.driver import Console
from tests.sending import eventually
from tests.tui import scenes
from tests.tui.scenes import Desk, asked, opened
from tui import app as tui_app
from tui import stopping, terminal
from tui.app import SendoffApp
from tui.stopping import Stopping
from tui.supervisor import Supervisor

WORKER = (sys.executable, "-c", "import sys; sys.stdin.read()")
STOPS = "1 run stops at 70 % until somebody starts sendoff"
STAND_BY = """
import sys
from engine import presence
from store import database
database.open_database(sys.argv[1])
presence.announce()
print("here", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def desk(tmp_path: Path, clock: FakeClock) -> Desk:
    return scenes.empty(tmp_path, clock)


def run(desk: Desk) -> int:
    """A run of which seven of ten went out."""
    campaign_id = desk.started("Diwali early access", 10)
    desk.hand_over(campaign_id, [ResultKind.SENT] * 6 + [ResultKind.FAILED], 131026)
    return campaign_id


def lease(desk: Desk, pid: int, sender: int = 1, host: str = "") -> None:
    now = desk.clock.now()
    with database.session():
        assert leases.take(
            leases.name_of(sender), f"worker {pid}", now, now + 15_000, host=host or socket.gethostname(), pid=pid,
            role="console",
        )  # fmt: skip


@asynccontextmanager
async def sending(desk: Desk, size: tuple[int, int] = scenes.WIDE) -> AsyncIterator[tuple[Console, Supervisor]]:
    """A console whose own worker has the only sender."""
    worker = Supervisor("unused", command=WORKER)
    async with desk.console(size) as console:
        assert isinstance(console.app, SendoffApp)
        console.app.services.supervisor = worker
        worker.start()
        await eventually(lambda: worker.pid is not None)
        assert worker.pid is not None
        lease(desk, worker.pid)
        await opened(console)
        try:
            yield console, worker
        finally:
            await worker.stop(10)


@pytest.mark.parametrize("key", ["q", "ctrl+q"])
async def test_R43_quitting_in_the_middle_of_a_run_asks_and_enter_stays(desk: Desk, key: str) -> None:
    run(desk)
    async with sending(desk) as (console, worker):
        await console.press(key)
        await asked(console, desk, "Quit and stop sending?", STOPS, "Diwali early access")
        # Once is enough.
        await console.press("ctrl+q", "enter")
        await opened(console)
        assert console.app.return_code is None and worker.pid is not None
        assert isinstance(console.app, SendoffApp) and not console.app.stopped


async def test_a_yes_quits_and_keeps_for_the_shell_what_stopped(desk: Desk) -> None:
    run(desk)
    async with sending(desk) as (console, worker):
        await console.press("q")
        await asked(console, desk, STOPS)
        await console.press("y")
        await console.until(lambda: console.app.return_code == 0, "it ends")
        assert worker.pid is None
        assert isinstance(console.app, SendoffApp)
        assert console.app.stopped == [Stopping("Diwali early access", 70)]


def test_the_shell_is_told_the_name_and_how_far_it_was(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ended(app: SendoffApp) -> int:
        app.stopped = [Stopping("Diwali \x1b[31m", 70)]
        return 0

    monkeypatch.setattr(SendoffApp, "run", ended)
    monkeypatch.setattr(terminal, "prepare", lambda: terminal.Profile(False, False, None, ()))
    assert tui_app.run_console(desk.url, read_only=False) == 0
    told = capsys.readouterr().err
    assert told.startswith("Stopped: “Diwali ␛[31m” at 70 %. Sending goes on when somebody starts sendoff")


async def test_a_signal_asks_nothing(desk: Desk) -> None:
    run(desk)
    async with sending(desk) as (console, _):
        os.kill(os.getpid(), signal.SIGTERM)
        await console.until(lambda: console.app.return_code == 0, "it ends")


async def test_a_signal_ends_it_also_while_it_asks(desk: Desk) -> None:
    run(desk)
    async with sending(desk) as (console, _):
        await console.press("q")
        await asked(console, desk, STOPS)
        os.kill(os.getpid(), signal.SIGHUP)
        await console.until(lambda: console.app.return_code == 0, "it ends")


async def test_R45_a_run_on_hold_stops_by_nothing_and_is_not_asked_about(desk: Desk) -> None:
    desk.hold(run(desk), "The template is paused.")
    async with sending(desk) as (console, _):
        await console.press("q")
        await console.until(lambda: console.app.return_code == 0, "it ends")


async def test_R43_with_another_worker_standing_by_it_quits_at_once(desk: Desk) -> None:
    run(desk)
    with subprocess.Popen(
        (sys.executable, "-c", STAND_BY, desk.url), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "here\n"
        async with sending(desk) as (console, _):
            await console.press("q")
            await console.until(lambda: console.app.return_code == 0, "it ends")


def look(desk: Desk, pid: int = 7) -> Any:
    with database.session():
        return stopping.stopping(pid, desk.clock.now())


def test_what_another_console_or_another_machine_sends_does_not_stop(desk: Desk) -> None:
    run(desk)
    assert look(desk) == []
    lease(desk, 7, host="elsewhere")
    assert look(desk) == []
    assert look(desk, 8) == []


def test_a_lease_that_ran_out_is_nobodys(desk: Desk) -> None:
    run(desk)
    lease(desk, 7)
    assert look(desk) == [Stopping("Diwali early access", 70)]
    desk.clock.advance(15_001)
    assert look(desk) == []


def test_with_another_worker_on_another_sender_nothing_stops(desk: Desk) -> None:
    run(desk)
    lease(desk, 7)
    lease(desk, 9, sender=2, host="elsewhere")
    assert look(desk) == []


def test_several_are_named_with_how_far_each_is() -> None:
    many = [Stopping(f"Offer {n}", 10 * n) for n in range(6)]
    told = stopping.lines(many)
    assert told[:2] == ["6 runs stop until somebody starts sendoff:", "  Offer 0, at 0 %"]
    assert "  … and 2 more" in told
    assert stopping.title(many) == "Quit and stop 6 runs?"
    assert "“Offer 1” at 10 %, “Offer 2” at 20 %" in stopping.afterwards(many)
