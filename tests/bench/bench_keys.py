"""Bytes the console writes for a key at 120x40 over 100,000 campaigns, and while nobody touches it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench import harness, many_campaigns
from tests.terminal import Terminal

CAMPAIGNS = 100_000
IDLE_S = 5.0


def _bytes(terminal: Terminal, *keys: str) -> int:
    """Bytes until the screen is quiet again, averaged over the keys."""
    terminal.settle(0.5)
    before = terminal.written
    for key in keys:
        terminal.press(key)
        terminal.settle(0.5)
    return (terminal.written - before) // len(keys)


def main() -> dict[str, Any]:
    """Figures of the remote profile (as over SSH); the budgets stand beside them as the baseline."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "many.db"
        many_campaigns.make(path, CAMPAIGNS)
        command = [sys.executable, "-m", "tui", "--read-only", "--database", str(path)]
        env = {"XDG_STATE_HOME": folder, "SSH_CONNECTION": "127.0.0.1 1 127.0.0.1 22"}
        with Terminal(command, env=env) as terminal:
            terminal.expect_bytes("Renewal sale", 30)
            figures = {
                "cursor_move": _bytes(terminal, "down", "down", "down", "down"),
                "page_down": _bytes(terminal, "pagedown", "pagedown"),
                "tab_switch": _bytes(terminal, "]", "["),
            }
            terminal.settle(1.0)
            before = terminal.written
            terminal.settle(IDLE_S)
            figures["idle_5s"] = terminal.written - before
            terminal.press("ctrl+q")
            terminal.expect_end()
    budgets = {"cursor_move": 600, "page_down": 12_000, "tab_switch": 14_000, "idle_5s": 0}
    ratio = {name: round(figures[name] / budget, 2) for name, budget in budgets.items() if budget}
    return harness.report("keys", figures, budgets, ratio)
