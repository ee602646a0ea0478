"""The worker inside the app: a child process that the console starts, watches and stops.

It is the same `sendoff worker` that runs headless. It ends by itself, in order, when the pipe to it closes, so that
a killed console leaves no worker behind and a closed laptop stops no message half-way.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from engine.logs import trouble_in
from store import database
from store.errors import StoreGone

RESTART_S = (1.0, 4.0, 16.0, 60.0)
KEPT_LINES = 200


def surroundings() -> dict[str, str]:
    """The worker's environment: it is the program that this console is, and no module of the folder somebody is in."""
    path = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONSAFEPATH": "1"}


class WorkerState(StrEnum):
    """What the console's own worker process does."""

    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    STOPPED = "stopped"


class Supervisor:
    """Keeps one worker process going until `stop`."""

    def __init__(self, database_url: str, *, config: str | None = None, command: tuple[str, ...] | None = None) -> None:
        """`config` is the configuration file that the command line named: the worker goes by the same one."""
        self._command = command or (
            sys.executable,
            "-m",
            "tui",
            "--database",
            database_url,
            *(() if config is None else ("--config", config)),
            "worker",
            "--parent",
            "--role",
            "console",
        )
        self.state = WorkerState.STARTING
        self.log: deque[str] = deque(maxlen=KEPT_LINES)
        """The newest lines the worker wrote to its standard error."""
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Process id of the worker that runs now."""
        process = self._process
        return None if process is None or process.returncode is not None else process.pid

    def start(self) -> None:
        """Begin; needs a running loop."""
        self._watch = asyncio.create_task(self._keep_going(), name="worker supervisor")

    async def _keep_going(self) -> None:
        failures = 0
        while not self._stopping.is_set() and self._there():
            began = asyncio.get_running_loop().time()
            await self._run_once()
            if self._stopping.is_set():
                break
            lived = asyncio.get_running_loop().time() - began
            failures = 0 if lived > RESTART_S[-1] else failures + 1
            self.state = WorkerState.RESTARTING
            wait_s = RESTART_S[min(failures, len(RESTART_S)) - 1] if failures else RESTART_S[0]
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait_s)
        self.state = WorkerState.STOPPED

    def _there(self) -> bool:
        """Whether the database is still the one that the console shows; a worker must not go on with another."""
        try:
            database.present()
        except StoreGone as error:
            self.log.append(str(error))
            return False
        return True

    @property
    def trouble(self) -> str:
        """The warning or the error that the worker wrote last, if nothing came after it; else empty."""
        return trouble_in(self.log[-1]) if self.log else ""

    async def _run_once(self) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                # A session of its own: ctrl+c and a lost terminal reach the console, and the worker only through the
                # pipe.
                start_new_session=True,
                env=surroundings(),
            )
        except OSError as error:
            self.log.append(f"the worker cannot be started: {error}")
            return
        self._process = process
        self.state = WorkerState.RUNNING
        assert process.stdin is not None and process.stderr is not None
        if self._stopping.is_set():
            # Told to stop while it was being started.
            process.stdin.close()
        await self._listen(process.stderr)
        await process.wait()

    async def _listen(self, stderr: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await stderr.readline()
            except ValueError:
                # A line longer than the reader's buffer; it is dropped, and what comes next is read.
                continue
            if not line:
                return
            self.log.append(line.decode("utf-8", "replace").rstrip())

    async def stop(self, within_s: float, on_wait: Callable[[int], None] = lambda pid: None) -> bool:
        """End the worker in order; false when it still finishes after `within_s`, which it then does by itself."""
        self._stopping.set()
        process = self._process
        if process is not None and process.returncode is None and process.stdin is not None:
            process.stdin.close()
        if self._watch is None:
            return True
        done, _ = await asyncio.wait({self._watch}, timeout=within_s)
        if done:
            return True
        if process is not None:
            on_wait(process.pid)
        self._watch.cancel()
        return False
