"""Work beside the sending that may take seconds: in a thread, one at a time, at intervals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine import expiry, firing, history
from engine.forgetting import Forgetting
from engine.logs import Log
from store import database
from store.errors import StoreBusy, StoreFailed

if TYPE_CHECKING:
    from engine.clock import Clock
    from store.types import Actor

log = Log("sendoff.worker")

SERIES_S = 1.0
DRAFTS_S = 60.0
CONTACTS_S = 60.0
CALLBACKS_S = 1.0
"""Few at a time and often: what is sent meanwhile finds the database free in between."""
LEFT_OVER_S = 600.0


class Chore:
    """One kind of such work; `wanted` is asked on the worker's loop and must be cheap, `work` runs in a thread."""

    def __init__(
        self, what: str, clock: Clock, every_s: float, wanted: Callable[[], bool], work: Callable[[], object]
    ) -> None:
        self._what = what
        self._clock = clock
        self._every_s = every_s
        self._wanted = wanted
        self._work = work
        self._task: asyncio.Task[object] | None = None
        self._at = float("-inf")

    @property
    def busy(self) -> bool:
        """Whether it is being done."""
        return self._task is not None

    def tend(self) -> None:
        """Take note of its end; begin when its time has come and there is something to do."""
        if self._task is not None and self._task.done():
            fault, self._task = self._task.exception(), None
            if isinstance(fault, (StoreBusy, StoreFailed)):
                log.warning("chore.late", f"{self._what} not up to date, the database cannot be used", fault)
            elif fault is not None:
                log.error("chore.broke", f"{self._what} not up to date", fault)
        if self._task is None and self._clock.steady() >= self._at:
            self._at = self._clock.steady() + self._every_s
            if self._wanted():
                self._task = asyncio.create_task(asyncio.to_thread(self._in_thread))

    def _in_thread(self) -> object:
        with database.session(), database.translated():
            return self._work()

    async def ended(self) -> None:
        """Wait for what is being done: a thread cannot be cancelled."""
        if self._task is not None:
            await asyncio.wait({self._task})


def chores_of(clock: Clock, actor: Actor) -> tuple[Chore, ...]:
    """What a worker does beside the sending; the series are the first."""
    forgetting = Forgetting(clock)
    return (
        Chore(
            "the series are",
            clock,
            SERIES_S,
            lambda: bool(firing.wanting(clock)),
            lambda: firing.tend(clock, actor),
        ),
        Chore(
            "old drafts are",
            clock,
            DRAFTS_S,
            lambda: expiry.wanting(clock.now()),
            lambda: expiry.tend(clock, actor),
        ),
        Chore(
            "the contact history is",
            clock,
            CONTACTS_S,
            lambda: history.wanting(clock.now()),
            lambda: history.tend(clock),
        ),
        Chore("the forgetting of old callbacks is", clock, CALLBACKS_S, forgetting.wanting, forgetting.tend),
        Chore(
            "audiences that were left behind are",
            clock,
            LEFT_OVER_S,
            lambda: bool(expiry.left_over(clock.now())),
            lambda: expiry.clear(clock),
        ),
    )
