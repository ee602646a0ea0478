"""From the command to the rows of a list of 100,000 campaigns, against a bare Textual hello in the same run."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench import harness, many_campaigns
from tests.terminal import Terminal

CAMPAIGNS = 100_000
RUNS = 9
HELLO = """
from textual.app import App
from textual.widgets import Static
class Hello(App):
    def compose(self):
        yield Static("hello, world")
Hello().run()
"""


def _seconds_to(command: list[str], text: str, env: dict[str, str]) -> tuple[float, float]:
    """Seconds until a text is on the screen, and the memory then in MiB."""
    with Terminal(command, env=env) as terminal:
        took = terminal.expect_bytes(text, 30)
        terminal.settle(0.5)
        memory = terminal.rss_mb()
        # Ended in order, so that no worker of this run is still busy in the next one.
        terminal.press("ctrl+q")
        terminal.expect_end(10)
        return took, memory


def main() -> dict[str, Any]:
    """Alternate the two programs, so that a busy machine slows both."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "many.db"
        many_campaigns.make(path, CAMPAIGNS)
        env = {**harness.compiled(folder), "XDG_STATE_HOME": folder, "SENDOFF_DATABASE": str(path)}
        ours, hello = [], []
        for _ in range(RUNS + 1):
            hello.append(_seconds_to([sys.executable, "-c", HELLO], "hello, world", env))
            ours.append(_seconds_to(harness.SENDOFF, "Renewal sale", env))
    # The first of each compiles.
    del hello[0], ours[0]
    figures = {
        "seconds_to_rows": round(median(one[0] for one in ours), 3),
        "rss_mib": round(median(one[1] for one in ours), 1),
    }
    baseline = {
        "seconds_to_hello": round(median(one[0] for one in hello), 3),
        "rss_mib": round(median(one[1] for one in hello), 1),
    }
    # Of neighbours in time, which the machine treats alike.
    ratio = {"seconds": median(mine[0] / bare[0] for mine, bare in zip(ours, hello, strict=True))}
    return harness.report("start", figures, baseline, ratio)
