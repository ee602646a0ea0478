"""Time that only a test moves: an hour of held messages takes no waiting."""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush
from itertools import count


class VirtualClock:
    """`engine.clock.Clock` that stands still until `advance`; who sleeps is woken when the time has come.

    Unlike a clock whose sleeps pass at once, several tasks may sleep on it beside each other, as those of a server do.
    """

    boot = "virtual"

    def __init__(self, now: int = 1_795_424_400_000, steady: float = 1_000.0) -> None:
        self._wall_ns = now * 1_000_000
        self._steady_ns = round(steady * 1_000_000_000)
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = count()

    def now(self) -> int:
        """UTC epoch milliseconds."""
        return self._wall_ns // 1_000_000

    def steady(self) -> float:
        """Seconds."""
        return self._steady_ns / 1_000_000_000

    @property
    def sleeping(self) -> int:
        """How many tasks wait for the time to pass."""
        return sum(not sleeper.done() for _, _, sleeper in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        """Wait until the time was moved on so far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper = asyncio.get_running_loop().create_future()
        heappush(self._sleepers, (self._steady_ns + round(seconds * 1_000_000_000), next(self._order), sleeper))
        await sleeper

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once and wake whoever slept no longer; they run when the caller awaits.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError(f"time does not pass backwards: {seconds} s")
        ns = round(seconds * 1_000_000_000)
        self._wall_ns += ns
        self._steady_ns += ns
        while self._sleepers and self._sleepers[0][0] <= self._steady_ns:
            sleeper = heappop(self._sleepers)[2]
            if not sleeper.done():
                sleeper.set_result(None)
