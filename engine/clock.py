"""The one source of time for the engine, so that tests can hand in their own."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Clock(Protocol):
    """Wall time for rules, steady time for pacing and leases, and waiting."""

    def now(self) -> int:
        """UTC epoch milliseconds."""
        ...

    def steady(self) -> float:
        """Seconds that never go back and go on while the machine sleeps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def steady(self) -> float:
        # CLOCK_MONOTONIC stops during suspend, and a laptop that wakes would still believe in its lease.
        boottime = getattr(time, "CLOCK_BOOTTIME", None)
        return time.monotonic() if boottime is None else time.clock_gettime(boottime)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
