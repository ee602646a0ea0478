"""When a worker starts what is due: at once, or beside the sending where bringing the rows in step takes its time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine import resolution, starting
from engine.logs import Log
from store import campaigns, database
from store.errors import Missing, StoreBusy, StoreFailed
from store.types import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.clock import Clock

log = Log("sendoff.worker")


class Starter:
    """Starts due campaigns; large ones in a thread, one at a time, for as long as the worker is not `stopping`."""

    def __init__(self, clock: Clock, stopping: Callable[[], bool]) -> None:
        self._clock = clock
        self._stopping = stopping
        self._task: asyncio.Task[bool] | None = None

    @property
    def tasks(self) -> set[asyncio.Task[bool]]:
        """What is being started beside the sending."""
        return set() if self._task is None else {self._task}

    def start_all(self, sender_id: int | None) -> int:
        """Start what is due of a sender, or of none; answers how many are left for a later step."""
        return sum(not self._start(campaign_id) for campaign_id in campaigns.due(self._clock.now(), sender_id))

    def reap(self) -> None:
        """Take note of the end of what was started beside the sending; raises what went wrong with it."""
        if self._task is not None and self._task.done():
            task, self._task = self._task, None
            task.result()

    async def ended(self) -> None:
        """Wait for what is being started, which breaks off while it only brings rows in step."""
        if self._task is None:
            return
        await asyncio.wait({self._task})
        fault, self._task = self._task.exception(), None
        if isinstance(fault, (StoreBusy, StoreFailed)):
            log.warning("run.late", "not started, the database cannot be used", fault)
        elif fault is not None:
            log.error("run.late", "not started, the program made a mistake", fault)

    def _start(self, campaign_id: int) -> bool:
        if not self._large(campaign_id):
            return self._decide(campaign_id)
        if self._task is None and not self._stopping():
            self._task = asyncio.create_task(
                asyncio.to_thread(self._in_thread, campaign_id), name=f"start {campaign_id}"
            )
        return False

    def _large(self, campaign_id: int) -> bool:
        try:
            return campaigns.progress(campaign_id).audience > resolution.PAGE
        except Missing:
            return False

    def _in_thread(self, campaign_id: int) -> bool:
        with database.session(), database.translated():
            return self._decide(campaign_id)

    def _decide(self, campaign_id: int) -> bool:
        """Whether it is started or failed now, by whomever."""
        try:
            cause = starting.start_due(self._clock, campaign_id, lambda: not self._stopping())
            status = campaigns.status(campaign_id)[0]
        except Missing:
            return True
        if cause is not None:
            log.warning("run.failed", "could not start", campaign=campaign_id, cause=cause.value)
        elif status is Status.IN_PROGRESS:
            log.info("run.started", "started", campaign=campaign_id)
        return status is not Status.SCHEDULED
