"""How evenly something went: how many in every second, wherever the second begins."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple


class Evenness(NamedTuple):
    """What `measure` found."""

    per_s: float
    """On average."""
    fullest: int
    """The most in one second."""
    emptiest: int

    def figures(self, rate: float) -> dict[str, Any]:
        """For a report, beside the rate that was asked for."""
        return {
            "messages_per_s": round(self.per_s, 1),
            "second_min": self.emptiest,
            "second_max": self.fullest,
            "held": round(self.per_s / rate, 4),
            "within_2_percent": abs(self.per_s / rate - 1) <= 0.02,
            "no_second_above_5_percent": self.fullest <= 1.05 * rate,
        }


def measure(times: Sequence[int], begin: int, seconds: float) -> Evenness:
    """Count in `seconds` from `begin`; times in order, in milliseconds. Raises `ValueError` for less than a second."""
    if seconds < 1:
        raise ValueError("one second at the least")
    end = begin + round(1000 * seconds)
    inside = times[bisect_left(times, begin) : bisect_left(times, end)]
    # A second is fullest where it begins with one, emptiest where it begins just behind one.
    full = [bisect_left(inside, at + 1000) - i for i, at in enumerate(inside)]
    behind = [at + 1 for at in (begin - 1, *inside) if at + 1001 <= end]
    empty = [bisect_left(inside, at + 1000) - bisect_left(inside, at) for at in behind]
    return Evenness(len(inside) / seconds, max(full, default=0), min(empty, default=0))
