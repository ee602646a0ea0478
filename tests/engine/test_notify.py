"""What a service manager is told, over a real datagram socket."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from engine.notify import LONGEST_STATUS, Notifier, of_environment
from tests.cli import TIMEOUT_S, Cli
from tests.tui.cli_scene import set_up

PLACES = ("path", "abstract")


class Manager:
    """The service manager's end of the socket."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.address = str(folder / "notify") if kind == "path" else f"@sendoff-{uuid4().hex}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address.replace("@", "\0", 1) if kind == "abstract" else self.address)
        self.socket.settimeout(20)

    def next(self) -> list[str]:
        """The lines of the next message."""
        return self.socket.recv(4096).decode().split("\n")

    def until(self, wanted: str) -> list[str]:
        """Every line up to one that was wanted."""
        lines: list[str] = []
        while wanted not in lines:
            lines += self.next()
        return lines

    def quiet(self) -> bool:
        """Whether nothing is waiting."""
        self.socket.setblocking(False)
        try:
            self.socket.recv(4096)
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(20)
        return False


@pytest.fixture(params=PLACES)
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    one = Manager(tmp_path, request.param)
    yield one
    one.socket.close()


def environment(manager: Manager, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": manager.address, **more}


def test_ready_is_said_once_with_the_status(manager: Manager) -> None:
    notifier = Notifier(manager.address)
    notifier.ready("idle")
    assert manager.next() == ["READY=1", "STATUS=idle"]
    notifier.ready("idle")
    notifier.alive(0.0, "idle")
    assert manager.quiet()
    notifier.alive(0.0, "sending")
    assert manager.next() == ["STATUS=sending"]
    notifier.stopping("finishing")
    assert manager.next() == ["STOPPING=1", "STATUS=finishing"]
    notifier.close()
    notifier.stopping()
    assert manager.quiet()


def test_the_watchdog_hears_twice_within_its_patience(manager: Manager) -> None:
    notifier = of_environment(environment(manager, WATCHDOG_USEC="10000000", WATCHDOG_PID=str(os.getpid())))
    notifier.alive(100.0)
    assert manager.next() == ["WATCHDOG=1"]
    notifier.alive(104.9)
    assert manager.quiet()
    notifier.alive(105.0)
    assert manager.next() == ["WATCHDOG=1"]
    notifier.close()


@pytest.mark.parametrize(
    "watchdog", [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}]
)
def test_without_a_watchdog_of_ours_nothing_is_said(manager: Manager, watchdog: dict[str, str]) -> None:
    notifier = of_environment(environment(manager, **watchdog))
    notifier.alive(1_000.0)
    assert manager.quiet()
    notifier.close()


def test_children_do_not_inherit_it(manager: Manager) -> None:
    environ = environment(manager, WATCHDOG_USEC="1", WATCHDOG_PID="1", HOME="/")
    of_environment(environ).close()
    assert environ == {"HOME": "/"}


def test_a_manager_that_is_not_there_or_does_not_listen_holds_nobody_up(manager: Manager, tmp_path: Path) -> None:
    for address in ("", str(tmp_path / "nobody"), "@nobody"):
        notifier = Notifier(address, 1.0)
        notifier.ready("idle")
        notifier.alive(0.0, "sending")
        notifier.stopping()
        notifier.close()
    notifier = Notifier(manager.address, 1.0)
    for i in range(10_000):
        notifier.alive(float(i), f"sending {i}")
    assert "WATCHDOG=1" in manager.next()
    notifier.close()


def test_what_was_not_heard_is_said_again(manager: Manager) -> None:
    notifier = Notifier(manager.address, 10.0)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        filled = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                other.sendto(b"X=1", manager.address.replace("@", "\0", 1))
                filled += 1
    notifier.ready("idle")
    notifier.alive(0.0, "idle")
    assert [manager.next() for _ in range(filled)] == [["X=1"]] * filled
    assert manager.quiet()
    notifier.ready("idle")
    notifier.alive(0.1, "idle")
    assert [manager.next(), manager.next()] == [["READY=1", "STATUS=idle"], ["WATCHDOG=1"]]
    notifier.close()


def test_a_status_is_one_short_line(manager: Manager) -> None:
    notifier = Notifier(manager.address)
    notifier.ready("a\nREADY=0\nb" + "x" * 1000)
    _, status = manager.next()
    assert status.startswith("STATUS=a␊READY=0␊bxx") and len(status) == len("STATUS=") + LONGEST_STATUS
    notifier.close()


# Each starts processes, and on one kind of socket they are as good as on both.
@pytest.mark.parametrize(
    ("manager", "number"),
    [("path", signal.SIGTERM), ("abstract", signal.SIGHUP), ("path", signal.SIGINT)],
    indirect=["manager"],
)
def test_a_worker_tells_its_manager_from_the_loop_that_works(
    manager: Manager, number: signal.Signals, tmp_path: Path
) -> None:
    sendoff = Cli(tmp_path / "flow.db")
    set_up(sendoff, tmp_path, base_url="http://127.0.0.1:9")
    env = {**sendoff.env, **environment(manager, WATCHDOG_USEC="600000")}
    process = subprocess.Popen(
        sendoff.command("worker"), env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert manager.next() == ["READY=1", "STATUS=idle"]
        # By the environment each would need its own place in it; three of them are a loop that goes on.
        assert [manager.next() for _ in range(3)] == [["WATCHDOG=1"]] * 3
        # A worker that stands still is alive to nobody.
        process.send_signal(signal.SIGSTOP)
        while not manager.quiet():
            pass
        manager.socket.settimeout(1.5)
        with pytest.raises(TimeoutError):
            manager.next()
        manager.socket.settimeout(20)
        process.send_signal(signal.SIGCONT)
        assert manager.next() == ["WATCHDOG=1"]
        process.send_signal(number)
        assert "STATUS=finishing what is on its way" in manager.until("STOPPING=1")
        assert process.wait(10) == 0


@pytest.mark.parametrize("manager", ["path"], indirect=True)
def test_the_callback_server_tells_it_too(manager: Manager, tmp_path: Path) -> None:
    sendoff = Cli(tmp_path / "flow.db", SENDOFF_APP_SECRET="secret", SENDOFF_VERIFY_TOKEN="token")
    set_up(sendoff, tmp_path)
    env = {**sendoff.env, **environment(manager, WATCHDOG_USEC="600000")}
    process = subprocess.Popen(
        sendoff.command("callbacks", "--listen", "127.0.0.1:0"),
        env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        ready, status = manager.next()
        assert ready == "READY=1" and status.startswith("STATUS=listening on http://127.0.0.1:")
        assert [manager.next() for _ in range(3)] == [["WATCHDOG=1"]] * 3
        process.terminate()
        manager.until("STOPPING=1")
        assert process.wait(TIMEOUT_S) == 0


@pytest.mark.parametrize("manager", ["path"], indirect=True)
def test_a_consoles_worker_leaves_the_manager_of_the_console_alone(manager: Manager, tmp_path: Path) -> None:
    sendoff = Cli(tmp_path / "flow.db")
    set_up(sendoff, tmp_path, base_url="http://127.0.0.1:9")
    process = subprocess.Popen(
        sendoff.command("worker", "--parent", "--role", "console"),
        env={**sendoff.env, **environment(manager, WATCHDOG_USEC="600000")},
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None and process.stderr is not None
    with process:
        assert "worker started" in process.stderr.readline()
        process.stdin.close()
        assert process.wait(TIMEOUT_S) == 0
    assert manager.quiet()
