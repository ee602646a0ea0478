"""Keys in the console while its own worker sends 20,000 messages at 1,000 a second; counters are added up meanwhile."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from engine.clock import SystemClock
from engine.commands import launch
from store import campaigns, database
from store.types import Status
from tests import builders
from tests.bench import harness
from tests.terminal import Terminal

RECIPIENTS = 20_000
OTHERS = 40
KEYS = ("down", "down", "down", "up", "up", "up")


def _latency(terminal: Terminal, key: str) -> float:
    """Milliseconds from a key to the first byte the screen answers with."""
    terminal.settle(0.05, 1.0)
    before, began = terminal.written, time.perf_counter()
    terminal.press(key)
    terminal.wait_until(lambda: terminal.written > before, 5, f"an answer to {key}")
    return 1000 * (time.perf_counter() - began)


def main() -> dict[str, Any]:
    """The simulator is the worker's own; quitting is timed once the run is over."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        database.open_database(str(folder / "live.db"), create=True)
        latencies, looks = [], 0
        with database.session():
            builders.account_with_sender(clock, folder)
            for i in range(OTHERS):
                builders.draft(clock, folder, 5, name=f"Draft {i}")
            big = builders.draft(clock, folder, RECIPIENTS, name="The big one")
            launch.send_now(builders.context(clock), big)
            command = [sys.executable, "-m", "tui", "--database", str(folder / "live.db")]
            with Terminal(command, env={"XDG_STATE_HOME": folder_name}) as terminal:
                terminal.expect("The big one", 30)
                terminal.wait_until(lambda: campaigns.progress(big).sent > 0, 30, "the first message")
                began = time.perf_counter()
                while (one := campaigns.get(big)).status is Status.IN_PROGRESS:
                    counters = one.progress
                    parts = counters.skipped + counters.pending + counters.sent + counters.failed + counters.unknown
                    assert parts == counters.audience == RECIPIENTS, counters
                    looks += 1
                    latencies.append(_latency(terminal, KEYS[looks % len(KEYS)]))
                took = time.perf_counter() - began
                quitting = time.perf_counter()
                terminal.press("ctrl+q")
                terminal.expect_end()
                quitting = time.perf_counter() - quitting
    latencies.sort()
    figures = {
        "keys": len(latencies),
        "key_ms_p50": round(latencies[len(latencies) // 2], 1),
        "key_ms_p99": round(latencies[int(len(latencies) * 0.99)], 1),
        "messages_per_s": round((one.progress.sent + one.progress.failed) / took),
        "unknown": one.progress.unknown,
        "quit_s": round(quitting, 2),
    }
    return harness.report("live", figures, {"key_ms_p99": 100, "quit_s": 1.0}, {})
