"""Callbacks that were applied long ago: forgotten little by little, with the numbers and words of people in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.clock import DAY
from store import callbacks

if TYPE_CHECKING:
    from engine.clock import Clock

KEPT_MS: Final = 30 * DAY
"""WhatsApp tries to deliver for 30 days at the most: until then somebody may ask what exactly it told."""
AT_ONCE: Final = 2_000
"""Callbacks of one transaction, which holds the lock for some hundredths of a second."""
MOST: Final = 100
"""Times so many that one go passes over, when there is nothing to forget in them."""


class Forgetting:
    """One worker's way from the oldest callback on; what it has passed it does not look at again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._after = 0

    def wanting(self) -> bool:
        """Whether there is anything to do."""
        now = self._clock.now()
        return callbacks.forgettable(self._after, now - KEPT_MS, now)

    def tend(self) -> int:
        """Forget some, in one short transaction; answers how many callbacks."""
        now = self._clock.now()
        for _ in range(MOST):
            found = callbacks.forget(self._after, now - KEPT_MS, now, AT_ONCE)
            if found is None:
                break
            self._after = found.last
            if found.rows:
                return found.rows
        return 0
