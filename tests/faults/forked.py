"""Real processes without the second that each one's imports take: forked from one that has everything imported.

They run the very code of `python -m tui worker` and `python -m engine.gateway.simulator`; what a test does to one of
them, such as killing it at a named step, is put into that process alone (`tests.faults.hooks`).
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.faults.warm"])


class Forked:
    """A process with the methods of `subprocess.Popen` that the tests use."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        process.start()
        assert process.pid is not None
        self.pid = process.pid

    def poll(self) -> int | None:
        """The exit status, negative for a signal; `None` while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status. Raises `subprocess.TimeoutExpired`."""
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal to it if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()


def worker(database: Path, options: Sequence[str], log: Path, hooks: Sequence[str]) -> Forked:
    """A worker on a database that writes what it says to `log`, with these hooks."""
    return sendoff(database, ["worker", *options], log, hooks)


def sendoff(database: Path, arguments: Sequence[str], log: Path, hooks: Sequence[str]) -> Forked:
    """Any command on a database, in the same way."""
    line = ["--database", str(database), *arguments]
    return Forked(CONTEXT.Process(name=arguments[0], target=_run, args=(line, str(log), list(hooks)), daemon=True))


def _run(arguments: list[str], log: str, hooks: list[str]) -> None:
    from tests.faults import hooks as known
    from tui.cli import main

    _say_into(log)
    for hook in hooks:
        known.install(hook)
    sys.exit(main(arguments))


def simulator(scenario: Path, log: Path, *, seed: int = 0, port: int = 0) -> tuple[Forked, str]:
    """A simulator that logs what it accepts, and its address."""
    reading, writing = CONTEXT.Pipe(duplex=False)
    said = log.with_suffix(".said")
    process = Forked(
        CONTEXT.Process(
            name="simulator", target=_simulate, args=(str(scenario), log, seed, port, writing, str(said)), daemon=True
        )
    )
    writing.close()
    try:
        assert reading.poll(30), f"the simulator did not start: {said.read_text('utf-8')}"
        return process, str(reading.recv())
    finally:
        reading.close()


def _simulate(scenario: str, log: Path, seed: int, port: int, announce: Connection, said: str) -> None:
    from engine.gateway.simulator.__main__ import serve
    from engine.gateway.simulator.scenario_file import load

    _say_into(said)
    asyncio.run(serve("127.0.0.1", port, scenario=load(scenario), seed=seed, log=log, ready=announce.send))


def _say_into(file: str) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
