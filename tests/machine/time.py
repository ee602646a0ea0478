"""Time that stands still until the machine moves it, for clocks, sleeps, time-outs and threads."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

from tests.clock import FakeClock


class StillClock(FakeClock):
    """A `FakeClock` whose sleepers wake when somebody advances it, instead of advancing it themselves."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


RESTLESS = 100_000
"""Turns of a loop within one moment that no honest work needs."""


class _Patience(selectors.DefaultSelector):
    """Where an event loop waits: nothing happens outside, so a loop that would wait has nothing left to do."""

    def __init__(self) -> None:
        super().__init__()
        self.idle: Callable[[], None] = lambda: None
        self.turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.turns += 1
        if timeout is None or timeout > 0 or self.turns >= RESTLESS:
            self.idle()
        return super().select(0)


class StillLoop(asyncio.SelectorEventLoop):
    """An event loop by that clock; it stops as soon as everything in it waits. Threads run at once and to their end."""

    def __init__(self, clock: StillClock) -> None:
        patience = _Patience()
        super().__init__(patience)
        patience.idle = self.stop
        self._patience = patience
        self._still = clock
        self.set_exception_handler(lambda loop, context: None)

    def time(self) -> float:
        return self._still.steady()

    def run_in_executor(  # type: ignore[override]  # the stubs want its type variables
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        future = self.create_future()
        future.set_result(func(*args))
        return future

    def go_on(self) -> None:
        """Let everything happen that can happen now; fails when that never ends."""
        self._patience.turns = 0
        self.run_forever()
        assert self._patience.turns < RESTLESS, "it goes on and on without any time passing"

    def at_once(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of something that has nothing to wait for."""
        task = self.create_task(work)
        self.go_on()
        return task.result()
