"""A clock that only tests move."""

from __future__ import annotations

import asyncio

# 2026-11-23 09:00:00 UTC, a Monday.
START = 1_795_424_400_000


class FakeClock:
    """`engine.clock.Clock` for tests: time stands still until it is moved, and sleeping takes no time.

    Each `sleep` moves the one shared time on by its whole length: two tasks that sleep one second each move it by two.
    """

    def __init__(self, now: int = START, steady: float = 1_000.0, boot: str = "boot 1") -> None:
        self.boot = boot
        self._wall_ns = now * 1_000_000
        self._steady_ns = round(steady * 1_000_000_000)
        self.slept: list[float] = []
        """The seconds of every sleep so far, in order."""

    def now(self) -> int:
        return self._wall_ns // 1_000_000

    def steady(self) -> float:
        return self._steady_ns / 1_000_000_000

    def set(self, now: int) -> None:
        """Step the wall clock to `now` (UTC epoch milliseconds), as an administrator would; steady time stays."""
        self._wall_ns = now * 1_000_000

    def advance(self, ms: float) -> None:
        """Let `ms` milliseconds pass on both clocks.

        Raises:
            ValueError: `ms` is negative; `set` steps the wall clock back.
        """
        if ms < 0:
            raise ValueError(f"time does not pass backwards: {ms} ms")
        ns = round(ms * 1_000_000)
        self._wall_ns += ns
        self._steady_ns += ns

    async def sleep(self, seconds: float) -> None:
        """Move time on by `seconds` at once and let the other tasks run."""
        self.slept.append(seconds)
        self.advance(max(seconds, 0.0) * 1_000)
        await asyncio.sleep(0)
