"""The one source of time for the engine, so that tests can hand in their own."""

from __future__ import annotations

import asyncio
import platform
import time
from functools import cached_property
from pathlib import Path
from typing import Protocol

SECOND = 1_000
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Clock(Protocol):
    """Wall time for rules, steady time for pacing and leases, and waiting."""

    @property
    def boot(self) -> str:
        """Names the run of a machine that `steady` belongs to: its values compare only under the same name."""
        ...

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

    @cached_property
    def boot(self) -> str:
        try:
            name = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            # A time namespace moves CLOCK_BOOTTIME.
            return f"{name} {Path('/proc/self/ns/time').stat().st_ino}"
        except OSError:
            # Without a name for the boot the host has to do: after a restart the steady clock starts low, and a pair
            # that promises too little is simply renewed.
            return platform.node()

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def steady(self) -> float:
        # CLOCK_MONOTONIC stops during suspend, and a laptop that wakes would still believe in its lease.
        boottime = getattr(time, "CLOCK_BOOTTIME", None)
        return time.monotonic() if boottime is None else time.clock_gettime(boottime)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
