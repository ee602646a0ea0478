"""A worker whose clocks a file moves, and that can freeze itself at a named moment: a process for tests.

`python -m tests.faults.moved DATABASE FILE [N]`: FILE holds the seconds by which wall and steady time are ahead; with N
the process stops itself, as SIGSTOP does, right after its N-th window of intent was committed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from engine import logs, service
from engine.clock import SystemClock
from store import database, windows


class MovedClock(SystemClock):
    """The machine's clocks, both ahead by what the file says."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def _ahead(self) -> float:
        return float(self._file.read_text(encoding="ascii"))

    def now(self) -> int:
        return super().now() + round(1000 * self._ahead())

    def steady(self) -> float:
        return super().steady() + self._ahead()


def freeze_after(n: int) -> None:
    """Stop this process right after its n-th claim."""
    claim, left = windows.claim, n

    def claim_and_freeze(*args: Any, **options: Any) -> Any:
        nonlocal left
        claimed = claim(*args, **options)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
        return claimed

    windows.claim = claim_and_freeze


def main(url: str, file: str, freeze: str = "") -> None:
    """Serve until told to stop."""
    logs.to_stderr()
    if freeze:
        freeze_after(int(freeze))
    database.open_database(url)
    with database.session():
        asyncio.run(service.serve(MovedClock(Path(file)), role="service"))


if __name__ == "__main__":
    main(*sys.argv[1:])
