"""What becomes of a message: a pure function of the seed, the recipient's number and the attempt.

The same seed therefore gives the same campaign again, in whatever order the requests come. What concerns a person (not
on WhatsApp, reads or not) does not depend on the attempt; what goes wrong on the way does.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from enum import Enum
from hashlib import blake2b
from itertools import accumulate
from math import exp
from statistics import NormalDist
from struct import Struct
from typing import TYPE_CHECKING, Generic, TypeVar

from engine.gateway.simulator.scenario import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.gateway.simulator.scenario import Delay, Scenario

T = TypeVar("T")

DROPPED = 132015
"""The code of a message that was held and then dropped."""
STRANGE = "postponed"
"""A status that no page of the API knows."""

_STEPS = 1024
_UNIT = 2.0**-32
_WORDS = Struct("<8I")


class Kind(Enum):
    """What happens to one request."""

    ACCEPT = "accepted"
    REJECT = "rejected"
    RESET = "reset_before"
    HTTP_500 = "http_500"
    HTTP_500_TAKEN = "http_500_taken"
    HTTP_502 = "http_502"
    HTTP_502_TAKEN = "http_502_taken"
    HTML_200 = "html_200"
    REDIRECT = "redirect"
    LOST_ANSWER = "lost_answer"
    HALF_ANSWER = "half_answer"
    LATE_ANSWER = "late_answer"

    @property
    def taken(self) -> bool:
        """Whether the message is accepted, whatever the client learns of it."""
        return self in _TAKEN


_TAKEN = frozenset(
    {
        Kind.ACCEPT,
        Kind.HTTP_500_TAKEN,
        Kind.HTTP_502_TAKEN,
        Kind.LOST_ANSWER,
        Kind.HALF_ANSWER,
        Kind.LATE_ANSWER,
    }
)
_EITHER = {Kind.HTTP_500: Kind.HTTP_500_TAKEN, Kind.HTTP_502: Kind.HTTP_502_TAKEN}


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one request, after `latency` seconds."""

    kind: Kind
    latency: float
    code: int = 0
    held: bool = False
    early: bool = False
    """Whether the first callback comes before the answer."""


@dataclass(frozen=True, slots=True)
class Step:
    """One callback of an accepted message, a status or a reply; times are seconds after it was accepted."""

    due: float
    """When it is sent."""
    stamp: float
    """What its timestamp says; differs from `due` for repeated and reordered ones."""
    status: str
    """Empty for a reply."""
    code: int = 0
    said: str = ""
    """What the person wrote back."""
    priced: bool = False
    """Whether it tells the price."""


class Behaviour:
    """The decisions of one scenario under one seed."""

    def __init__(self, scenario: Scenario, seed: int = 0) -> None:
        self._scenario = scenario
        self._key = blake2b(str(seed).encode(), digest_size=32).digest()
        self._latency = _quantiles(scenario.latency_ms)
        self._sent = _quantiles(scenario.sent_ms)
        self._delivered = _quantiles(scenario.delivered_ms)
        self._read = _quantiles(scenario.read_ms)
        self._answer = _quantiles(scenario.replies.after_ms)
        self._late_answer = scenario.late_answer_ms / 1000.0
        self._odd = any((scenario.late, scenario.missing, scenario.after_failed, scenario.strange, scenario.dropped))
        self._refusals = _Choice(scenario.rejected.items())
        self._faults = _Choice(_faults(scenario))
        self._ends = _Choice(_ends(scenario))

    def fate(self, to: str, attempt: int) -> Fate:
        """What happens to the `attempt`-th hand-over of a message for `to`."""
        person = self._draw(f"{to}/person")
        here = self._draw(f"{to}/{attempt}")
        latency = self._latency[here[0] % _STEPS]
        refusal = self._refusals.pick(person[0])
        if refusal is not None:
            return Fate(Kind.REJECT, latency, refusal)
        kind, code = self._faults.pick(here[1]) or (Kind.ACCEPT, 0)
        if here[2] & 1:
            kind = _EITHER.get(kind, kind)
        if kind is Kind.LATE_ANSWER:
            latency = self._late_answer
        held = kind.taken and here[3] * _UNIT < self._scenario.held
        early = bool(self._scenario.early) and kind.taken and self._share(to, attempt, "early") < self._scenario.early
        return Fate(kind, latency, code, held, early)

    def callbacks(self, to: str, attempt: int, released: float = 0.0) -> list[Step]:
        """The callbacks of a message that was accepted at that attempt, by the time they are due.

        `released` is when a message that was held for its template goes on; seconds after it was accepted.
        """
        scenario = self._scenario
        person = self._draw(f"{to}/person")
        here = self._draw(f"{to}/{attempt}")
        held = here[3] * _UNIT < scenario.held
        began = max(released, scenario.held_ms / 1000.0 if held else 0.0)
        if held and scenario.dropped and self._share(to, attempt, "dropped") < scenario.dropped:
            steps = [Step(began, began, "failed", DROPPED)]
        else:
            steps = self._course(began, person, here)
        replies: list[Step] = []
        if scenario.replies.stop and any(step.status == "delivered" for step in steps):
            replies = self._replies(to, steps[1].stamp)
        if self._odd:
            steps = self._oddities(steps, to, attempt)
        if replies:
            steps = sorted(steps + replies, key=lambda step: step.due)
        if here[7] * _UNIT < scenario.reorder:
            dues = [step.due for step in steps]
            steps = [replace(step, due=due) for due, step in zip(dues, reversed(steps), strict=True)]
        return self._repeated(steps, to, attempt) if scenario.duplicate else steps

    def _course(self, began: float, person: tuple[int, ...], here: tuple[int, ...]) -> list[Step]:
        """Sent, then delivered or failed, then read; the price stands in `sent` and in one of the two after it."""
        sent = began + self._sent[here[4] % _STEPS]
        steps = [Step(sent, sent, "sent", priced=True)]
        status, code = self._ends.pick(person[1]) or ("", 0)
        if not status:
            return steps
        read = status == "delivered" and person[2] * _UNIT < self._scenario.read
        priced_late = read and bool(person[3] & 1)
        delivered = sent + self._delivered[here[5] % _STEPS]
        steps.append(Step(delivered, delivered, status, code, priced=status == "delivered" and not priced_late))
        if read:
            seen = delivered + self._read[here[6] % _STEPS]
            steps.append(Step(seen, seen, "read", priced=priced_late))
        return steps

    def _replies(self, to: str, delivered: float) -> list[Step]:
        """What a person writes back, the same whatever message it is that came."""
        replies, draws = self._scenario.replies, self._draw(f"{to}/replies")
        if draws[0] * _UNIT >= replies.stop:
            return []
        stopped = delivered + self._answer[draws[1] % _STEPS]
        steps = [Step(stopped, stopped, "", said="STOP")]
        if draws[2] * _UNIT < replies.start:
            # Later by the clock of the callbacks, which shows whole seconds.
            started = stopped + max(1.0, self._answer[draws[3] % _STEPS])
            steps.append(Step(started, started, "", said="START"))
        return steps

    def _oddities(self, steps: list[Step], to: str, attempt: int) -> list[Step]:
        scenario, draws = self._scenario, [draw * _UNIT for draw in self._draw(f"{to}/{attempt}/odd")]
        last = steps[-1]
        if last.status == "failed" and draws[0] < scenario.after_failed:
            steps = [*steps, Step(last.due + 1.0, last.stamp + 1.0, "delivered", priced=True)]
        if draws[1] < scenario.strange:
            steps = [*steps, Step(last.due + 1.0, last.stamp + 1.0, STRANGE)]
        if draws[2] < scenario.late:
            steps = [replace(step, due=step.due + scenario.late_ms / 1000.0) for step in steps]
        return [step for draw, step in zip(draws[3:], steps, strict=False) if draw >= scenario.missing]

    def _share(self, to: str, attempt: int, what: str) -> float:
        """A draw between 0 and 1 for one question about one hand-over."""
        return self._draw(f"{to}/{attempt}/{what}")[0] * _UNIT

    def _repeated(self, steps: list[Step], to: str, attempt: int) -> list[Step]:
        again = self._draw(f"{to}/{attempt}/again")
        copies = [
            replace(step, due=step.due + 1.0)
            for draw, step in zip(again, steps, strict=False)
            if draw * _UNIT < self._scenario.duplicate
        ]
        return sorted(steps + copies, key=lambda step: step.due)

    def _draw(self, what: str) -> tuple[int, ...]:
        return _WORDS.unpack(blake2b(what.encode(), digest_size=32, key=self._key).digest())


class _Choice(Generic[T]):
    """Picks one of several outcomes by a 32-bit draw, or none where the shares leave room."""

    def __init__(self, shares: Iterable[tuple[T, float]]) -> None:
        listed = [entry for entry in shares if entry[1] > 0]
        self._outcomes = [outcome for outcome, _ in listed]
        self._bounds = list(accumulate(share for _, share in listed))

    def pick(self, draw: int) -> T | None:
        index = bisect_right(self._bounds, draw * _UNIT)
        return self._outcomes[index] if index < len(self._outcomes) else None


def _faults(scenario: Scenario) -> list[tuple[tuple[Kind, int], float]]:
    return [
        *(((Kind(name), 0), getattr(scenario, name)) for name in FAULTS),
        *(((Kind.REJECT, code), share) for code, share in scenario.retry.items()),
    ]


def _ends(scenario: Scenario) -> list[tuple[tuple[str, int], float]]:
    failed = [(("failed", code), share) for code, share in scenario.undelivered.items()]
    return [*failed, (("delivered", 0), scenario.delivered)]


def _quantiles(delay: Delay) -> list[float]:
    """The delay in seconds at evenly spaced probabilities, so that a draw costs one look-up."""
    normal = NormalDist()
    return [delay.median / 1000.0 * exp(delay.spread * normal.inv_cdf((i + 0.5) / _STEPS)) for i in range(_STEPS)]
