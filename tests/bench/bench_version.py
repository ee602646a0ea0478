"""`sendoff --version` and `--help` against a bare interpreter in the same run."""

from __future__ import annotations

import sys
import tempfile
from statistics import median
from typing import Any

from tests.bench import harness

RUNS = 15
COMMANDS = {
    "bare": [sys.executable, "-c", "pass"],
    "version": [*harness.SENDOFF, "--version"],
    "help": [*harness.SENDOFF, "--help"],
}


def main() -> dict[str, Any]:
    """Take them in turns, so that a busy machine slows all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        env = harness.compiled(folder)
        for run in range(RUNS + 1):
            for name, command in COMMANDS.items():
                usage = harness.run_measured(command, env=env)
                assert usage.returncode == 0, usage.stderr
                # The first one compiles.
                if run:
                    seconds[name].append(usage.wall_s)
    took = {name: round(1000 * median(values), 1) for name, values in seconds.items()}
    return harness.report(
        "version",
        {"version_ms": took["version"], "help_ms": took["help"]},
        {"bare_ms": took["bare"]},
        {name: took[name] / took["bare"] for name in ("version", "help")},
    )
