"""Pacing: an even stream of permits per sender, so that WhatsApp never sees more than the number may send.

The generic cell rate algorithm: every permit has its place on an evenly spaced schedule, and a caller that comes late
may catch up by no more than a small credit. It holds the asked rate where a token bucket lets a whole second's worth
through at once (research/cloud-api.md section 6.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import BadInput

if TYPE_CHECKING:
    from engine.clock import Clock

SHARE = 0.95
"""Of the sender's rate: inbound messages count against the same throughput."""
RECOVERY = 60.0
"""Seconds from standstill to the ceiling; a halved rate is whole again after half of it."""
SLOWEST = 1.0
"""Permits a second that slowing never goes below."""
SLOW_AGAIN = 1.0
"""Seconds in which further slowing is ignored: requests that were under way meet the same limit."""


class Pacer:
    """Permits for one sender.

    `rate` is the messages per second the number may send, `credit` the seconds a late caller may catch up.
    In any window of W seconds at most `SHARE * rate * (W + credit) + 1` permits fall.
    """

    def __init__(self, rate: float, clock: Clock, credit: float = 0.03) -> None:
        self._clock = clock
        self._credit = credit
        self._ceiling = _ceiling(rate)
        self._slowed_to = self._ceiling
        self._slowed_at: float | None = None
        self._next = float("-inf")

    def set_rate(self, rate: float) -> None:
        """The number may send another rate from now on; a rate that is slowed down at the moment recovers to it."""
        if SHARE * rate != self._ceiling:
            self._ceiling = SHARE * rate
            self._floor = min(SLOWEST, self._ceiling)
            self._slowed_to = min(self._slowed_to, self._ceiling)

    @property
    def ceiling(self) -> float:
        """The most permits a second."""
        return self._ceiling

    @property
    def rate(self) -> float:
        """Permits a second at the moment."""
        return self._rate_at(self._clock.steady())

    def retune(self, rate: float) -> None:
        """Go by another rate of the sender's from now on; one that was slowed down recovers up to it."""
        self._ceiling = _ceiling(rate)

    def reserve(self, now_steady: float) -> float:
        """Take the next permit and return the seconds to wait until it holds, 0 for at once."""
        at = max(self._next, now_steady - self._credit)
        self._next = at + 1.0 / self._rate_at(now_steady)
        return max(0.0, at - now_steady)

    async def wait(self) -> None:
        """Return when the next message may go; a cancelled wait uses its permit up."""
        seconds = self.reserve(self._clock.steady())
        if seconds > 0:
            await self._clock.sleep(seconds)

    def rest(self, seconds: float) -> None:
        """Give out no permit for so long; those who wait for one already keep theirs."""
        self._next = max(self._next, self._clock.steady() + seconds)

    def slow(self) -> None:
        """Halve the rate because the gateway said so; it recovers by itself, evenly over time."""
        now = self._clock.steady()
        if self._slowed_at is not None and now - self._slowed_at < SLOW_AGAIN:
            return
        self._slowed_to = max(min(SLOWEST, self._ceiling), self._rate_at(now) / 2)
        self._slowed_at = now

    def _rate_at(self, now: float) -> float:
        if self._slowed_at is None:
            return self._ceiling
        recovered = self._ceiling / RECOVERY * (now - self._slowed_at)
        return min(self._ceiling, self._slowed_to + max(0.0, recovered))


def _ceiling(rate: float) -> float:
    if rate <= 0:
        raise BadInput("rate_invalid", f"A sender cannot send {rate} messages a second.", "Use a rate above 0.")
    return SHARE * rate
