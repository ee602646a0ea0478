"""The terminal of a console goes away in the middle of a run: its worker ends in order and a service takes over."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from store import audit, database
from store.types import Lease
from tests.faults.consoles import (
    START_S,
    alive,
    command,
    console,
    environment,
    owner,
    parent_of,
    wait_for_owner,
)
from tests.faults.processes import ROOT, Field, field_of, let_pass, wait_until
from tests.terminal import Terminal

LEASE_S = 15.0
AT_ONCE_S = 8.0
RECIPIENTS = 3_000
RATE = 40


def sending(one: Field, console_pid: int) -> Lease:
    """Wait until the worker of this console sends; then a service stands by."""
    lease, _ = wait_for_owner(lambda lease: lease.role == "console", "the console's worker")
    assert parent_of(lease.pid) == console_pid
    return lease


def stand_by(one: Field) -> subprocess.Popen[bytes]:
    service = one.worker()
    wait_until(lambda: "worker started" in one.said(), one.said)
    return service


def taken_over(one: Field, service: subprocess.Popen[bytes], before: Lease) -> None:
    """The service sends at once, the console's worker is gone, and nothing is unknown."""
    _, took = wait_for_owner(lambda lease: lease.pid == service.pid, "the service", LEASE_S)
    assert took < AT_ONCE_S, "it waited for the lease to run out"
    wait_until(lambda: not alive(before.pid), lambda: "the end of the console's worker", 10)
    accepted = len(one.accepted())
    one.wait_for(accepted + 1)
    service.terminate()
    assert service.wait(10) == 0
    one.check_in_order()


def signed_out(one: Field) -> bool:
    with database.session():
        return "session.close" in [event.action for event in audit.events()]


class Loose:
    """A console on a terminal that is not its controlling one: it gets no SIGHUP, whatever becomes of the terminal."""

    def __init__(self, one: Field, rows: int = 40, columns: int = 120) -> None:
        self.master, inside = pty.openpty()
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            command(one), cwd=ROOT, stdin=inside, stdout=inside, stderr=inside, start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", **environment(one.folder / "loose")},
        )  # fmt: skip
        os.close(inside)
        self._enough = Event()
        self._reader = Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while not self._enough.is_set():
            readable, _, _ = select.select([self.master], [], [], 0.05)
            if readable:
                try:
                    os.read(self.master, 1 << 16)
                except OSError:
                    return

    def read_no_more(self) -> None:
        """As over a link that is stuck: what the console writes stays where it is."""
        self._enough.set()
        self._reader.join()

    def hang_up(self) -> None:
        self.read_no_more()
        if self.master >= 0:
            os.close(self.master)
            self.master = -1


@contextlib.contextmanager
def loose(one: Field, rows: int = 40, columns: int = 120) -> Iterator[Loose]:
    running = Loose(one, rows, columns)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        running.hang_up()


def test_R42_a_closed_terminal_ends_console_and_worker_in_order(tmp_path: Path) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE) as one, console(one, "a") as terminal:
        terminal.expect("worker: this console, sending 1", START_S)
        before = sending(one, terminal.pid)
        service = stand_by(one)
        one.wait_for(60)
        terminal.hang_up()
        taken_over(one, service, before)
        assert terminal.expect_end() == 0
        assert signed_out(one)


def test_R42_a_terminal_that_is_gone_without_a_signal_ends_them_too(tmp_path: Path) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE) as one, loose(one) as terminal:
        before = sending(one, terminal.process.pid)
        service = stand_by(one)
        one.wait_for(60)
        terminal.hang_up()
        taken_over(one, service, before)
        assert terminal.process.wait(10) == 0
        assert signed_out(one)


@pytest.mark.parametrize("how", ["hang-up", "signal"])
def test_a_console_whose_terminal_takes_nothing_any_more_ends_all_the_same(how: str, tmp_path: Path) -> None:
    # So large that a screen fills what the kernel holds of it, and the console waits for its terminal.
    with field_of(tmp_path, RECIPIENTS, RATE) as one, loose(one, 200, 500) as terminal:
        before = sending(one, terminal.process.pid)
        terminal.read_no_more()
        service = stand_by(one)
        one.wait_for(len(one.accepted()) + 60)
        wait_until(lambda: full(terminal), lambda: "a full terminal")
        let_pass(3.0)
        # The console hangs, the sending does not.
        accepted = len(one.accepted())
        one.wait_for(accepted + 20)
        assert terminal.process.poll() is None
        if how == "hang-up":
            terminal.hang_up()
        else:
            terminal.process.send_signal(signal.SIGTERM)
        _, took = wait_for_owner(lambda lease: lease.pid == service.pid, "the service", LEASE_S)
        assert took < LEASE_S - 3
        taken_over(one, service, before)
        assert terminal.process.wait(10) in (0, -signal.SIGALRM)


def full(terminal: Loose) -> bool:
    """Whether the kernel takes nothing more: while a run goes on the console has always something to write."""
    sizes = []
    for _ in range(2):
        waiting = array.array("i", [0])
        fcntl.ioctl(terminal.master, termios.FIONREAD, waiting)
        sizes.append(waiting[0])
        let_pass(1.5)
    return sizes[0] == sizes[1] > 0


def test_R42_a_killed_console_takes_its_worker_with_it_in_order(tmp_path: Path) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE) as one, console(one, "a") as terminal:
        terminal.expect("worker: this console, sending 1", START_S)
        before = sending(one, terminal.pid)
        service = stand_by(one)
        one.wait_for(60)
        terminal.kill(signal.SIGKILL)
        taken_over(one, service, before)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_ends_console_and_worker_in_order(number: signal.Signals, tmp_path: Path) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE) as one, console(one, "a") as terminal:
        terminal.expect("worker: this console, sending 1", START_S)
        before = sending(one, terminal.pid)
        one.wait_for(40)
        terminal.kill(number)
        assert terminal.expect_end() == 0
        wait_until(lambda: not alive(before.pid), lambda: "the end of the console's worker", 10)
        assert owner() is None
        one.check()
        assert (one.progress().unknown, one.progress().sent) == (0, len(one.accepted()))
        assert signed_out(one)


def test_the_terminal_is_as_it_was_after_a_signal(tmp_path: Path) -> None:
    with field_of(tmp_path, 10, RATE) as one, Terminal(command(one), env=environment(tmp_path / "a")) as terminal:
        terminal.expect("worker: this console", START_S)
        terminal.kill(signal.SIGTERM)
        # The alternate screen is left and the cursor is back.
        terminal.expect_bytes("\x1b[?1049l")
        assert terminal.expect_end() == 0
