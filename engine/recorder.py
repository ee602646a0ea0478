"""Outcomes on their way into the store: gathered as they come, committed in batches (DESIGN section 4, step 3)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from engine.logs import Log
from store import database, optouts, outcomes
from store.errors import StoreBusy, StoreFailed

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from engine.clock import Clock
    from store.types import Recipient, Result, Window

log = Log("sendoff.run")

FLUSH_S = 0.05
AGAIN_S = 1.0
"""Between tries when the store does not take them."""
FLUSH_TRIES = 8


class Recorder:
    """What became of the rows of one run; an outcome is forgotten only once the store has it."""

    def __init__(self, campaign_id: int, clock: Clock) -> None:
        self._campaign_id = campaign_id
        self._clock = clock
        self._results: list[Result] = []
        self._countries: dict[int, str | None] = {}
        self._windows: dict[int, int] = {}
        self._left: Counter[int] = Counter()
        self._complete: list[int] = []
        self._suppressed: list[int] = []
        self.stuck = False
        """Whether the store did not take the newest outcomes: then nothing more is to be handed out."""

    @property
    def waiting(self) -> int:
        """Outcomes that are not in the store yet."""
        return len(self._results)

    def expect(self, window: Window, rows: Sequence[Recipient]) -> None:
        """Outcomes of these rows will come; with the last of them the window closes."""
        self._left[window.id] = len(rows)
        for row in rows:
            self._countries[row.seq] = row.country
            self._windows[row.seq] = window.id

    def add(self, window: Window, result: Result) -> None:
        """One row of an expected window has its outcome."""
        self._results.append(result)
        self._left[window.id] -= 1
        if not self._left[window.id]:
            del self._left[window.id]
            self._complete.append(window.id)

    def suppress(self, phone: int) -> None:
        """This person wants no more marketing messages."""
        self._suppressed.append(phone)

    def flush(self) -> bool:
        """Record what has come in; false when the store would not take it, and then nothing is forgotten."""
        if not self._results:
            return True
        results, complete, suppressed = self._results, self._complete, self._suppressed
        countries = {result.seq: self._countries[result.seq] for result in results}
        claimed = {result.seq: self._windows[result.seq] for result in results}
        now = self._clock.now()
        try:
            with database.transaction():
                outcomes.record(self._campaign_id, results, countries, complete, now, claimed)
                for phone in suppressed:
                    optouts.add(phone, now, "gateway: stopped marketing messages")
        except (StoreBusy, StoreFailed) as error:
            log.warning(
                "outcomes.waiting",
                "they cannot be recorded yet, and nothing more goes out until they are",
                error,
                campaign=self._campaign_id,
                outcomes=len(results),
            )
            self.stuck = True
            return False
        if self.stuck:
            self.stuck = False
            log.info("outcomes.recorded", "what waited is recorded", campaign=self._campaign_id, outcomes=len(results))
        self._results, self._complete, self._suppressed = [], [], []
        for result in results:
            self._countries.pop(result.seq, None)
            self._windows.pop(result.seq, None)
        return True

    async def flush_often(self) -> None:
        """Flush again and again, until cancelled."""
        while True:
            await self._clock.sleep(AGAIN_S if self.stuck else FLUSH_S)
            self.flush()

    async def flush_all(self, stop: asyncio.Event) -> None:
        """Flush, as patiently as it takes: an outcome that is known must not become unknown.

        Only a worker that is to end gives up, after some seconds.
        """
        tries = 0
        while not self.flush():
            tries += stop.is_set()
            if tries >= FLUSH_TRIES:
                break
            await self._clock.sleep(AGAIN_S)
        else:
            return
        log.error(
            "outcomes.lost",
            "the store does not take them; these rows will be shown as unknown",
            campaign=self._campaign_id,
            outcomes=len(self._results),
        )
