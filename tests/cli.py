"""The command line for tests: `sendoff ...` in a process of its own, or here with a clock that the test moves."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.clock import Clock
from tui.cli import main

ROOT = Path(__file__).parent.parent
TIMEOUT_S = 60


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        """The error document on standard error."""
        document: dict[str, dict[str, str]] = json.loads(self.err)
        assert set(document) == {"error"}
        assert set(document["error"]) == {"code", "message", "hint"}
        assert document["error"]["message"]
        return document["error"]


class Cli:
    """Runs `python -m tui` on one database in processes of their own."""

    def __init__(self, database: Path, **env: str) -> None:
        self.database = database
        self._env = {"PYTHONPATH": str(ROOT), **env}

    def command(self, *arguments: object) -> list[str]:
        """The command line, for a process that the test keeps itself."""
        return [sys.executable, "-m", "tui", "--database", str(self.database), *map(str, arguments)]

    @property
    def env(self) -> dict[str, str]:
        """The surroundings of such a process."""
        return {**os.environ, **self._env}

    def __call__(self, *arguments: object) -> Answer:
        done = subprocess.run(
            self.command(*arguments),
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=TIMEOUT_S,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def json(self, *arguments: object) -> Any:
        """The document of a command that has to succeed."""
        return _document(self(*arguments, "--json"))


class Here:
    """Runs commands in this process, on one database and with a clock of the test's own."""

    def __init__(self, database: Path, clock: Clock) -> None:
        self.database = database
        self.clock = clock

    def __call__(self, *arguments: object) -> Answer:
        return run_here(["--database", str(self.database), *map(str, arguments)], self.clock)

    def json(self, *arguments: object) -> Any:
        """The document of a command that has to succeed."""
        return _document(self(*arguments, "--json"))

    def refused(self, *arguments: object) -> tuple[int, str]:
        """Exit status and code of a command that has to fail, and that prints nothing but its error."""
        answer = self(*arguments, "--json")
        assert answer.out == ""
        return answer.status, answer.error["code"]


def run_here(arguments: Sequence[str], clock: Clock | None = None) -> Answer:
    """Run one command in this process."""
    out, err, hook = io.StringIO(), io.StringIO(), sys.excepthook
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(arguments, clock=clock)
    finally:
        sys.excepthook = hook
    return Answer(status, out.getvalue(), err.getvalue())


def _document(answer: Answer) -> Any:
    assert answer.status == 0, answer.err
    assert answer.err == ""
    return answer.json
