"""What is remembered of whom the account messaged: kept in step with the time, and forgotten when it is old."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine import quota
from store import contacts, limits, quota_meter

if TYPE_CHECKING:
    from engine.clock import Clock

AT_ONCE: Final = 5_000
"""Messages forgotten in one transaction."""
MOST: Final = 100
"""Transactions of one go; the rest comes with the next."""


def wanting(now: int) -> bool:
    """Whether there is anything to do."""
    return quota_meter.behind(now, quota.forgotten_before(limits.of_account().days, now))


def tend(clock: Clock) -> int:
    """Bring the meter of the quota up to now and forget what counts for nothing; answers how many messages."""
    now = clock.now()
    quota_meter.sweep(now)
    before = quota.forgotten_before(limits.of_account().days, now)
    forgotten = 0
    for _ in range(MOST):
        gone = contacts.purge(before, AT_ONCE)
        forgotten += gone
        if gone < AT_ONCE:
            break
    return forgotten
