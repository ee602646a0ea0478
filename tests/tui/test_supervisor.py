"""The worker inside the app, with real child processes."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.sending import eventually
from tui import supervisor as module
from tui.supervisor import KEPT_LINES, Supervisor, WorkerState

ORDERLY = "import sys; print('up', file=sys.stderr, flush=True); sys.stdin.read(); print('bye', file=sys.stderr)"
STUBBORN = "import sys, time; print('up', file=sys.stderr, flush=True); time.sleep(60)"


def child(script: str) -> Supervisor:
    return Supervisor("unused.db", command=(sys.executable, "-c", script))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restarts come at once."""
    monkeypatch.setattr(module, "RESTART_S", (0.01, 0.02, 0.03))


async def test_it_starts_the_worker_of_this_program_on_the_same_database() -> None:
    named = Supervisor("sqlite:///acme.db", config="/etc/acme.toml")._command
    assert named[named.index("--config") + 1] == "/etc/acme.toml"
    command = Supervisor("sqlite:///acme.db")._command
    assert command[:3] == (sys.executable, "-m", "tui")
    assert command[3:] == ("--database", "sqlite:///acme.db", "worker", "--parent", "--role", "console")


async def test_a_started_child_is_known_by_its_pid_and_its_words() -> None:
    worker = child(ORDERLY)
    assert (worker.pid, worker.state) == (None, WorkerState.STARTING)
    worker.start()
    await eventually(lambda: "up" in worker.log)
    assert worker.state is WorkerState.RUNNING
    assert worker.pid is not None
    os.kill(worker.pid, 0)
    assert await worker.stop(10)


async def test_stop_closes_its_standard_input_and_waits_for_the_end() -> None:
    worker = child(ORDERLY)
    worker.start()
    await eventually(lambda: "up" in worker.log)
    assert await worker.stop(10) is True
    assert list(worker.log) == ["up", "bye"]
    assert (worker.pid, worker.state) == (None, WorkerState.STOPPED)


async def test_a_child_that_takes_longer_is_left_to_finish_by_itself() -> None:
    worker = child(STUBBORN)
    waited: list[int] = []
    worker.start()
    await eventually(lambda: "up" in worker.log)
    pid, process = worker.pid, worker._process
    assert pid is not None and process is not None
    assert await worker.stop(0.05, waited.append) is False
    assert waited == [pid]
    os.kill(pid, 0)
    os.kill(pid, signal.SIGKILL)
    assert await process.wait() == -signal.SIGKILL


async def test_stopping_what_never_started_is_done_at_once() -> None:
    assert await child(ORDERLY).stop(10) is True


async def test_stop_while_the_child_is_being_started_reaches_it_too() -> None:
    worker = child(ORDERLY)
    worker.start()
    await eventually(lambda: worker._watch is not None)
    assert await worker.stop(10) is True
    assert worker.pid is None


@pytest.mark.usefixtures("impatient")
async def test_an_unexpected_end_is_followed_by_another_start(tmp_path: Path) -> None:
    marks = tmp_path / "starts"
    worker = child(
        f"import sys; f = open({str(marks)!r}, 'a'); f.write('x'); f.close()\n"
        f"if len(open({str(marks)!r}).read()) > 2: sys.stdin.read()\n"
        "else: sys.exit('no gateway')"
    )
    worker.start()
    await eventually(lambda: marks.exists() and marks.read_text() == "xxx")
    await eventually(lambda: worker.state is WorkerState.RUNNING)
    assert list(worker.log) == ["no gateway", "no gateway"]
    assert await worker.stop(10)


async def test_restarts_wait_longer_and_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESTART_S", (0.01, 0.3))
    worker = child("import sys; sys.exit('no')")
    worker.start()
    await eventually(lambda: len(worker.log) == 2)
    await eventually(lambda: worker.state is WorkerState.RESTARTING)
    assert worker.pid is None
    assert await worker.stop(10) is True, "stopping does not wait for the next start"
    assert len(worker.log) == 2


def test_the_waits_grow_up_to_a_minute() -> None:
    assert list(module.RESTART_S) == sorted(module.RESTART_S)
    assert (module.RESTART_S[0], module.RESTART_S[-1]) == (1.0, 60.0)


async def test_only_the_newest_lines_are_kept_whatever_they_hold() -> None:
    script = (
        "import sys\n"
        f"for n in range({KEPT_LINES + 50}): print('line', n, file=sys.stderr)\n"
        "sys.stderr.flush(); sys.stderr.buffer.write(b'\\xff\\xfe bytes\\n'); sys.stderr.flush(); sys.stdin.read()"
    )
    worker = child(script)
    worker.start()
    await eventually(lambda: bool(worker.log) and worker.log[-1] == "\ufffd\ufffd bytes")
    assert len(worker.log) == KEPT_LINES
    assert await worker.stop(10)


async def test_a_line_of_any_length_does_not_end_the_watch() -> None:
    worker = child(
        "import sys; sys.stderr.write('x' * 300_000 + '\\n' + 'after\\n'); sys.stderr.flush(); sys.stdin.read()"
    )
    worker.start()
    await eventually(lambda: "after" in worker.log)
    assert worker.state is WorkerState.RUNNING
    assert await worker.stop(10)


@pytest.mark.usefixtures("impatient")
async def test_a_command_that_cannot_be_started_is_tried_again_and_told() -> None:
    worker = Supervisor("unused.db", command=("/nowhere/python", "-c", ""))
    worker.start()
    await eventually(lambda: len(worker.log) >= 2)
    assert "/nowhere/python" in worker.log[0]
    assert worker.pid is None
    assert await worker.stop(10)
