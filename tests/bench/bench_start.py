"""From the command to the rows of a list of 100,000 campaigns, against a bare Textual hello in the same run."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench import harness, many_campaigns
from tests.terminal import Terminal

CAMPAIGNS = 100_000
RUNS = 7
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
        env = {"XDG_STATE_HOME": folder, "SENDOFF_DATABASE": str(path)}
        console = [sys.executable, "-m", "tui"]
        ours, hello = [], []
        for _ in range(RUNS):
            hello.append(_seconds_to([sys.executable, "-c", HELLO], "hello, world", env))
            ours.append(_seconds_to(console, "Renewal sale", env))
    middle = RUNS // 2
    figures = {
        "seconds_to_rows": round(sorted(one[0] for one in ours)[middle], 3),
        "rss_mib": round(sorted(one[1] for one in ours)[middle], 1),
    }
    baseline = {
        "seconds_to_hello": round(sorted(one[0] for one in hello)[middle], 3),
        "rss_mib": round(sorted(one[1] for one in hello)[middle], 1),
    }
    ratio = {"seconds": round(figures["seconds_to_rows"] / baseline["seconds_to_hello"], 2)}
    return harness.report("start", figures, baseline, ratio)
