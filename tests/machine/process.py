"""A worker process of the machine: it can be advanced, killed, frozen, woken and stopped."""

from __future__ import annotations

import asyncio
import os
from random import Random

from engine.worker import Worker
from tests.machine.exchange import Exchange
from tests.machine.time import StillClock, StillLoop


class Process:
    """`engine.worker.Worker.work` in an event loop of its own."""

    def __init__(self, number: int, clock: StillClock, exchange: Exchange) -> None:
        self.number = number
        self.clock = clock
        self.loop = StillLoop(clock)
        self.frozen = False
        self.stopping = False
        # The worker takes the loop that runs for its events and semaphores.
        self.worker = Worker(clock, exchange.line(number), "service", Random(number))
        self._main = self.loop.create_task(self.worker.work())

    @property
    def ended(self) -> bool:
        return self._main.done()

    def go_on(self) -> None:
        """Let it do what it can do now; fails when it broke."""
        if not self.frozen and not self.ended:
            self.loop.go_on()
        if self.ended:
            self._main.result()

    def stop(self) -> None:
        """Ask for an orderly end, as SIGTERM does."""
        self.stopping = True
        self.worker.stop()

    def killed(self) -> None:
        """As after kill -9: nothing of it runs any more, and the kernel gives its file locks back."""
        self.frozen = True
        self._give_locks_back()

    def _give_locks_back(self) -> None:
        for handle in self.worker._leases._locks.values():
            os.close(handle)
        self.worker._leases._locks.clear()

    def bury(self) -> None:
        """Clear away what is left, once there is no database that it could still write to."""
        for _ in range(40):
            left = asyncio.all_tasks(self.loop)
            if not left:
                break
            for task in left:
                task.cancel()
            self.loop.go_on()
            self.clock.advance(1_000)
        if self.ended and not self._main.cancelled():
            self._main.exception()
        self._give_locks_back()
        self.loop.close()
