"""Pacing: an even stream of permits per sender, so that WhatsApp never sees more than the number may send.

Every permit has its place on an evenly spaced schedule. A caller that comes late (a timer that ends late, a busy
machine) makes up for it, so that the rate is held and not only never exceeded; how fast it may is bounded twice, by
what has gone in the last second and in the last tenth of one. So a second holds `MOST` at the most whatever happened
before it, where a token bucket would let a whole second's worth through at once (research/cloud-api.md section 6.4).

Once WhatsApp has asked to slow down, the number is sent with care for a while: at a smaller share of its rate, and with
no more made up than a late timer costs. Then no second holds more than the number's whole rate.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import BadInput

if TYPE_CHECKING:
    from engine.clock import Clock

SHARE = 0.99
"""Of the sender's rate. Inbound messages count against the same throughput: where they are many, WhatsApp says so."""
LATE_S = 0.5
"""How much lateness is made up for. After so long without a permit nothing is: a pause is no reserve."""
MOST = 1.04
"""Of the sender's rate that a second may hold."""
TENTH_MOST = 1.5
"""Of a tenth of the sender's rate that a tenth of a second may hold: how much goes at once."""
CAREFUL_SHARE = 0.95
CAREFUL_LATE_S = 0.05
CAREFUL_S = 3_600.0
"""Seconds for which a number that WhatsApp slowed down is sent with care."""
RECOVERY = 60.0
"""Seconds from standstill to the ceiling; a halved rate is whole again after half of it."""
SLOWEST = 1.0
"""Permits a second that slowing never goes below."""
SLOW_AGAIN = 1.0
"""Seconds in which further slowing is ignored: requests that were under way meet the same limit."""


@dataclass(slots=True)
class Permit:
    """That one message may go."""

    at: float
    """The steady second from which it holds. Whoever uses it later says so here, for it is then that it counts."""


class Pacer:
    """Permits for one sender; `rate` is the messages per second that the number may send.

    Any second, wherever it begins, holds at most `MOST * rate` permits, to the nearest whole one, and any W seconds at
    most `SHARE * rate * (W + LATE_S) + 1`. A caller whose every wait ends up to 50 ms late still gets 98 % of the rate.
    """

    def __init__(self, rate: float, clock: Clock) -> None:
        self._clock = clock
        self._slowed_to = 0.0
        self._slowed_at: float | None = None
        self._next = float("-inf")
        self._recent: deque[Permit] = deque()
        """The permits given out last, as many as a second may hold at the most."""
        self._tune(rate)

    def set_rate(self, rate: float) -> None:
        """The number may send another rate from now on; one that is slowed down at the moment recovers to it."""
        if rate != self._rate:
            self._slowed_to = min(self._slowed_to, CAREFUL_SHARE * rate)
            self._tune(rate)

    def _tune(self, rate: float) -> None:
        if rate <= 0:
            raise BadInput("rate_invalid", f"A sender cannot send {rate} messages a second.", "Use a rate above 0.")
        self._rate = rate
        # Two at the least: a late permit and the one after it.
        self._recent = deque(self._recent, maxlen=max(2, round(MOST * rate)))
        self._tenth = max(2, int(TENTH_MOST * rate / 10))

    @property
    def ceiling(self) -> float:
        """The most permits a second on average, as it is now."""
        return self._ceiling_at(self._clock.steady())

    @property
    def rate(self) -> float:
        """Permits a second at the moment."""
        return self._rate_at(self._clock.steady())

    def reserve(self, now_steady: float) -> Permit:
        """Take the next permit, which may hold at once."""
        due = max(self._next, now_steady - self._late(now_steady))
        permit = Permit(max(now_steady, due, self._room_at()))
        self._next = due + 1.0 / self._rate_at(now_steady)
        self._recent.append(permit)
        return permit

    def _late(self, now: float) -> float:
        """The seconds of lateness that are made up for."""
        if not self._recent or now - self._recent[-1].at > LATE_S:
            return 0.0
        return CAREFUL_LATE_S if self._careful(now) else LATE_S

    def _room_at(self) -> float:
        """When the last second and the last tenth of one have room for one more."""
        recent = self._recent
        room = recent[0].at + 1.0 if len(recent) == recent.maxlen else float("-inf")
        return max(room, recent[-self._tenth].at + 0.1) if len(recent) >= self._tenth else room

    def rest(self, seconds: float) -> None:
        """Give out no permit for so long; those who wait for one already keep theirs."""
        self._next = max(self._next, self._clock.steady() + seconds)

    def slow(self) -> None:
        """Halve the rate because the gateway said so; it recovers by itself, evenly over time."""
        now = self._clock.steady()
        if self._slowed_at is not None and now - self._slowed_at < SLOW_AGAIN:
            return
        ceiling = CAREFUL_SHARE * self._rate
        self._slowed_to = max(min(SLOWEST, ceiling), min(self._rate_at(now), ceiling) / 2)
        self._slowed_at = now
        # Too much has gone already: what came late before is not made up for.
        self._next = max(self._next, now)

    def _careful(self, now: float) -> bool:
        return self._slowed_at is not None and now - self._slowed_at < CAREFUL_S

    def _ceiling_at(self, now: float) -> float:
        return (CAREFUL_SHARE if self._careful(now) else SHARE) * self._rate

    def _rate_at(self, now: float) -> float:
        ceiling = self._ceiling_at(now)
        if self._slowed_at is None:
            return ceiling
        return min(ceiling, self._slowed_to + ceiling / RECOVERY * max(0.0, now - self._slowed_at))
