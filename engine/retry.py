"""How long a recipient waits before it is handed over again.

The times become a durable `not_before` of the row, so that they survive a crash; nothing here sleeps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

BUDGET = 5
"""Hand-overs of one recipient before it counts as failed (R44)."""

LONGEST = 64.0
LONGEST_PAIR = 3600.0
"""The pair limit is counted per hour, so waiting longer gains nothing (research/cloud-api.md section 3)."""


def delay(attempt: int, rng: Random) -> float:
    """Seconds to wait after the `attempt`-th hand-over (from 1) failed: evenly between 0 and 1, 4, 16, then 64.

    The full range is drawn from, because rows that failed together must not come back together.
    """
    return rng.uniform(0.0, _power(attempt, LONGEST))


def pair_delay(attempt: int) -> float:
    """Seconds to wait after the pair limit stopped the `attempt`-th hand-over (from 1): 1, 4, 16, ...

    WhatsApp's own advice is 4^X seconds with X from 0 (research/cloud-api.md section 2).
    """
    return _power(attempt, LONGEST_PAIR)


def _power(attempt: int, longest: float) -> float:
    if attempt < 1:
        raise ValueError(f"attempts count from 1, not {attempt}")
    # 4 to the 6th is beyond both limits, and a larger power would overflow a float in the end.
    return min(longest, 4.0 ** min(attempt - 1, 6))
