"""How much may be sent: per number and second, per pair of number and person, and to how many people in a day.

Times are steady seconds. Nothing here waits or refuses by itself; the caller asks, and notes what was let through.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.gateway.simulator.scenario import Pair, Token

DAY_S = 86_400.0
_SWEEP = 20_000


class Throughput:
    """Messages of each number, or calls of each kind, in the last so many seconds."""

    def __init__(self, window_s: float = 1.0) -> None:
        self._window = window_s
        self._recent: dict[str, deque[float]] = {}

    def admit(self, sender: str, limit: int, now: float) -> bool:
        """Whether the window has room for one more message, which is then counted; 0 is no limit."""
        if not limit:
            return True
        recent = self._recent.get(sender)
        if recent is None or recent.maxlen != limit:
            recent = self._recent[sender] = deque(recent or (), maxlen=limit)
        if len(recent) == limit and now - recent[0] < self._window:
            return False
        recent.append(now)
        return True


class Pairs:
    """The pair rule: each message takes `every_ms` of a pair's time, and up to `burst` of them may be borrowed."""

    def __init__(self, pair: Pair) -> None:
        self._every = pair.every_ms / 1000.0
        self._borrowed = self._every * pair.burst
        self._free_at: dict[tuple[str, str], float] = {}
        self._sweep_at = _SWEEP

    def over(self, sender: str, to: str, now: float) -> bool:
        """Whether one more message would borrow too much."""
        if not self._every:
            return False
        free_at = self._free_at.get((sender, to), now)
        # A hair of tolerance: sums of floats must not refuse the last message of a full burst.
        return max(free_at, now) + self._every - now > self._borrowed + 1e-6

    def note(self, sender: str, to: str, now: float) -> None:
        """Count a message that was taken."""
        if not self._every:
            return
        pair = sender, to
        self._free_at[pair] = max(self._free_at.get(pair, now), now) + self._every
        if len(self._free_at) > self._sweep_at:
            self._free_at = {pair: at for pair, at in self._free_at.items() if at > now}
            self._sweep_at = max(_SWEEP, 2 * len(self._free_at))


class People:
    """The different people written to in the last 24 hours, over all numbers of the portfolio."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._last: OrderedDict[str, float] = OrderedDict()

    def count(self, now: float) -> int:
        """How many there are."""
        while self._last and now - next(iter(self._last.values())) >= DAY_S:
            self._last.popitem(last=False)
        return len(self._last)

    def over(self, to: str, now: float) -> bool:
        """Whether `to` would be one too many."""
        return bool(self.limit) and self.count(now) >= self.limit and to not in self._last

    def note(self, to: str, now: float) -> None:
        """Count a message that was taken."""
        if self.limit:
            self._last[to] = now
            self._last.move_to_end(to)


class Tokens:
    """Access tokens, each of which expires after so many requests or so long after its first."""

    def __init__(self, token: Token) -> None:
        self._token = token
        self._seen: dict[str, tuple[float, int]] = {}

    def expired(self, token: str, now: float) -> bool:
        """Whether a token is no longer good; a request with it is counted."""
        if not self._token.requests and not self._token.lasts_ms:
            return False
        first, requests = self._seen.get(token, (now, 0))
        self._seen[token] = first, requests + 1
        spent = bool(self._token.requests) and requests >= self._token.requests
        return spent or (bool(self._token.lasts_ms) and now - first >= self._token.lasts_ms / 1000.0)
