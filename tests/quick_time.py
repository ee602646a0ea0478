"""An event loop on which waiting takes no time: its clock moves on to the next thing that is due when nothing is left
to do, so that hours of a run with all its servers and time-outs pass in seconds, in the order they would have.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from tests.clock import FakeClock

T = TypeVar("T")
_LONG_S = 10.0
_ON_ITS_WAY_S = 0.002
"""Real seconds that what was sent on loopback may be under way."""


class LoopClock(FakeClock):
    """`engine.clock.Clock` for everything that runs on one `QuickLoop`; who sleeps lets the others work meanwhile."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0))


class _Selector(selectors.DefaultSelector):
    """Looks whether anything is there, and where there is nothing moves the clock on instead of waiting."""

    clock: LoopClock
    loop: QuickLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None or self.loop.threads:
            # Only another thread can bring anything on, and it takes real time.
            return super().select(None if timeout is None else _ON_ITS_WAY_S)
        if timeout > _LONG_S and (ready := super().select(_ON_ITS_WAY_S)):
            return ready
        # A hair further, so that rounding to nanoseconds never leaves it just short.
        self.clock.advance(timeout * 1_000 + 2e-6)
        return []


class QuickLoop(asyncio.SelectorEventLoop):
    """Its time is that of `clock`; real time passes only while a thread is at work."""

    def __init__(self, clock: LoopClock) -> None:
        selector = _Selector()
        selector.clock, selector.loop = clock, self
        self._clock = clock
        self.threads = 0
        """Pieces of work that threads are at."""
        super().__init__(selector)

    def time(self) -> float:
        return self._clock.steady()

    def run_in_executor(  # type: ignore[override] # the types of the arguments are of no interest here
        self, executor: Any, func: Any, *args: Any
    ) -> asyncio.Future[Any]:
        self.threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._ended)
        return future

    def _ended(self, future: asyncio.Future[Any]) -> None:
        self.threads -= 1


def run(clock: LoopClock, main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` on such a loop."""
    with asyncio.Runner(loop_factory=lambda: QuickLoop(clock)) as runner:
        return runner.run(main)
