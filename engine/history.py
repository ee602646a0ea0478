"""What is remembered of whom the account messaged: kept in step with the time, and forgotten when it is old."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine import quota
from engine.clock import DAY
from store import contacts, limits, quota_meter

if TYPE_CHECKING:
    from engine.clock import Clock

AT_ONCE: Final = 5_000
"""Messages forgotten in one transaction."""
SETTLED_MS: Final = DAY
"""A message younger than this tells nothing of the time: the clock that dated it may be put right yet."""
MOST: Final = 100
"""Transactions of one go; the rest comes with the next."""


def _forgotten_before(now: int) -> int:
    """Up to when messages are forgotten: the days are those before the newest message, if a day has passed since it.

    What is forgotten never comes back, and a clock that is a year ahead for a moment looks as if nothing counted any
    more. So time has passed only where messages tell of it, other than those that such a clock itself may have dated.
    """
    newest = contacts.newest(now - SETTLED_MS)
    return 0 if newest is None else quota.forgotten_before(limits.of_account().days, newest)


def wanting(now: int) -> bool:
    """Whether there is anything to do."""
    return quota_meter.behind(now, _forgotten_before(now))


def tend(clock: Clock) -> int:
    """Bring the meter of the quota up to now and forget what counts for nothing; answers how many messages."""
    now = clock.now()
    quota_meter.sweep(now)
    before = _forgotten_before(now)
    forgotten = 0
    for _ in range(MOST):
        gone = contacts.purge(before, AT_ONCE)
        forgotten += gone
        if gone < AT_ONCE:
            break
    return forgotten
