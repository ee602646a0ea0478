"""The link is cut while a console sends: its worker ends in order, and whoever is there goes on."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.clock import SystemClock
from store import audit, database, leases, windows
from store.types import Lease, Status
from tests.faults.processes import Field, wait_until
from tests.ssh.conftest import Starts
from tests.ssh.server import Server
from tests.terminal import Terminal

Makes = Callable[[Path, int, int], Field]

RECIPIENTS = 500
RATE = 50
ORDERLY_S = 10.0
"""An orderly end and the take-over have to be over within this; a lease that has to run out takes 15 s."""


@dataclass(frozen=True)
class Session:
    """One session: its client's terminal, sshd's processes for it, and the console with its worker."""

    terminal: Terminal
    sshd: list[int]
    own: list[int]


def client_killed(session: Session) -> None:
    """The laptop is closed: the client is gone without a word."""
    session.terminal.kill()


def server_side_killed(session: Session) -> None:
    """sshd's own process of the session is killed; the console's terminal is gone with it."""
    for pid in session.sshd:
        os.kill(pid, signal.SIGKILL)


Cut = Callable[[Session], None]
CUTS: list[Cut] = [client_killed, server_side_killed]


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has asked for its status yet has."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def who_sends() -> Lease | None:
    """The lease of the sender that is in force now."""
    with database.session():
        return next(iter(leases.held(SystemClock().now())), None)


def sending(one: Field, server: Server, at_least: int) -> Session:
    """A session whose console sends."""
    terminal = server.open()
    terminal.expect("worker: this console, sending 1")
    terminal.wait_until(lambda: len(one.accepted()) >= at_least, 30, f"{at_least} messages")
    found = server.sessions()
    sshd = [pid for pid, name in found.items() if name.startswith("sshd")]
    session = Session(terminal, sshd, [pid for pid in found if pid not in sshd])
    lease = who_sends()
    assert lease is not None and lease.role == "console" and lease.pid in session.own
    return session


def wait_for_the_end(session: Session) -> None:
    """Wait until console and worker have ended."""
    wait_until(lambda: all(map(gone, session.own)), lambda: f"the end of {session.own}", ORDERLY_S)


def ended_in_order(one: Field) -> None:
    """Nothing is left unknown, no window, no lease."""
    assert who_sends() is None
    one.check()
    with database.session():
        assert windows.open_windows() == []
    progress = one.progress()
    assert (progress.unknown, progress.failed) == (0, 0)
    assert 0 < progress.sent == len(one.accepted()) < RECIPIENTS
    assert one.status() is Status.IN_PROGRESS


def everybody_once(one: Field) -> None:
    """By the simulator's own log."""
    assert one.status() is Status.COMPLETED
    assert len(one.accepted()) == len(set(one.accepted())) == RECIPIENTS == one.progress().sent
    one.check()
    with database.session():
        # Nothing was in flight when it was cut.
        assert [event for event in audit.events(one.campaign_id) if event.action == "campaign.recovered"] == []


@pytest.mark.parametrize("cut", CUTS)
def test_R43_R55_a_cut_link_ends_the_run_in_order_and_the_next_session_goes_on(
    cut: Cut, field: Makes, serve: Starts, tmp_path: Path
) -> None:
    one = field(tmp_path, RECIPIENTS, RATE)
    server = serve(one.database)
    session = sending(one, server, 60)
    cut(session)
    wait_for_the_end(session)
    ended_in_order(one)
    with database.session():
        closed = [event for event in audit.events() if event.action == "session.close"]
    assert [event.terminal.partition(" from ")[2] for event in closed] == [f"127.0.0.1 with key {server.fingerprint}"]
    second = server.open()
    second.wait_until(lambda: one.status() is Status.COMPLETED, 60, "the end of the run")
    everybody_once(one)


@pytest.mark.parametrize("cut", CUTS)
def test_R43_a_second_console_sees_the_truth_at_once_and_takes_over_at_once(
    cut: Cut, field: Makes, serve: Starts, tmp_path: Path
) -> None:
    one = field(tmp_path, RECIPIENTS, RATE)
    server = serve(one.database)
    first = sending(one, server, 40)
    known, lease = one.progress().sent, who_sends()
    assert lease is not None
    second = server.open()
    second.expect(f"worker: console on {lease.host}, pid {lease.pid}, sending 1")
    assert known <= sent_on(second) <= one.progress().sent
    cut(first)
    second.expect("worker: this console, sending 1", ORDERLY_S)
    taken = who_sends()
    assert taken is not None and taken.role == "console"
    assert taken.pid not in first.own and taken.fence > lease.fence
    wait_for_the_end(first)
    second.wait_until(lambda: one.status() is Status.COMPLETED, 60, "the end of the run")
    everybody_once(one)


def test_R43_a_service_that_stands_by_takes_over_at_once(field: Makes, serve: Starts, tmp_path: Path) -> None:
    one = field(tmp_path, RECIPIENTS, RATE)
    session = sending(one, serve(one.database), 40)
    service = one.worker("--until-idle")
    wait_until(lambda: "worker started" in one.said(), one.said)
    client_killed(session)
    wait_until(
        lambda: (lease := who_sends()) is not None and lease.pid == service.pid,
        lambda: f"the service: {who_sends()}",
        ORDERLY_S,
    )
    assert service.wait(60) == 0, one.said()
    wait_for_the_end(session)
    everybody_once(one)


def sent_on(terminal: Terminal) -> int:
    """How many were sent, by the credits that the screen's first line still calls reserved."""
    found = re.search(r" ([\d,]+) reserved ", terminal.screen)
    assert found is not None, terminal.screen
    return RECIPIENTS - int(found[1].replace(",", ""))
