"""When a draft would go, out of what was typed: how it is understood, what is wrong with it, what follows. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from engine import schedule, zones
from engine.errors import BadInput, EngineError, Refused
from engine.lifecycle import cancel_locked, lock_at
from engine.pacing import SHARE
from engine.preflight_facts import Check, Level

NOW: Final = "now"
WHEN: Final = "when"
ZONE: Final = "zone"
_TYPE_ONE: Final = 'Type a time, or "now".'
_SECOND: Final = 1_000
_MINUTE: Final = 60 * _SECOND


@dataclass(frozen=True, slots=True)
class Timing:
    """What the time field means at one moment."""

    now: bool = False
    """Send now."""
    at: int | None = None
    """UTC epoch milliseconds, whole seconds."""
    error: EngineError | None = None

    @property
    def missing(self) -> bool:
        """Nothing was typed yet."""
        return not self.now and self.at is None and self.error is None

    @property
    def wrong_zone(self) -> bool:
        """What is wrong is the zone, not the time."""
        return self.error is not None and self.error.code == "unknown_zone"


def read(text: str, zone: str, now: int) -> Timing:
    """Understand a typed time in a zone (R12, R13); an empty one is `missing`, and `now` means send now."""
    words = text.strip()
    wrong = _wrong_zone(zone.strip())
    if wrong is not None:
        return Timing(error=wrong)
    if not words:
        return Timing()
    if words.lower() == NOW:
        return Timing(now=True)
    try:
        at = schedule.parse_when(words, zone.strip(), now)
    except (BadInput, Refused) as error:
        return Timing(error=error)
    # Whole seconds, so that what is confirmed is to the second what is shown.
    return Timing(at=at + -at % _SECOND)


@lru_cache(maxsize=64)
def _wrong_zone(zone: str) -> BadInput | None:
    """Remembered, because looking for the names that come near a wrong one takes a while."""
    try:
        zones.named(zone)
    except BadInput as error:
        return error
    return None


def echo(timing: Timing, zone: str, now: int) -> str:
    """The line below the field: how the time is understood; empty when it is not."""
    if timing.now:
        return "at once, when you confirm; that cannot be cancelled"
    if timing.at is not None:
        return schedule.describe(timing.at, zone.strip(), now)
    return ""


def check(timing: Timing) -> Check | None:
    """What is wrong with the time, as one line of the preflight; `None` when nothing is."""
    if timing.error is not None:
        message = timing.error.message.rstrip(".")
        field = ZONE if timing.wrong_zone else WHEN
        # The field itself lists every form a time may have.
        advice = _TYPE_ONE if timing.error.code == "bad_time" else timing.error.hint
        return Check(timing.error.code, Level.BLOCK, message, advice, field)
    if timing.missing:
        return Check("time_missing", Level.BLOCK, "no time yet", _TYPE_ONE, WHEN)
    return None


def lock_words(at: int, zone: str, now: int) -> str:
    """Until when it can be cancelled, or that it never can (R14, R16)."""
    if cancel_locked(at, now):
        return "LOCKED from the start: less than 5 minutes ahead, it cannot be cancelled"
    until = lock_at(at)
    # The zone always: another one than the account's may have been typed (R13).
    return f"can be cancelled until {schedule.short(until, zone, now)} {schedule.zone_word(until, zone.strip())}"


def outlook(timing: Timing, zone: str, now: int, valid: int, rate: int | None) -> list[str]:
    """When it goes, how long sending takes at the sender's rate, until when it can be cancelled."""
    lines = []
    if timing.now:
        lines.append("goes at once, when you confirm")
    elif timing.at is not None:
        # The zone always: another one than the account's may have been typed (R13).
        there = schedule.zone_word(timing.at, zone.strip())
        utc = "" if there == "UTC" else f" ({schedule.iso(timing.at, 'UTC')[11:16]} UTC)"
        lines.append(f"goes {schedule.short(timing.at, zone, now)} {there}{utc}, {_away(timing.at, zone, now)}")
    if valid and rate:
        lines.append(_pace(timing, zone, now, valid, rate))
    if timing.now:
        lines.append("sending now cannot be cancelled")
    elif timing.at is not None:
        lines.append(lock_words(timing.at, zone, now))
    return lines


def _away(at: int, zone: str, now: int) -> str:
    return schedule.describe(at, zone, now).rpartition(", ")[2]


def _pace(timing: Timing, zone: str, now: int, valid: int, rate: int) -> str:
    takes = round(valid / (rate * SHARE) * _SECOND)
    words = f"sending takes {length(takes)} at {rate:,} a second"
    start = now if timing.now else timing.at
    if start is None:
        return words
    return f"{words}, done {schedule.short(start + takes, zone, now)}"


def length(ms: int) -> str:
    """A length of time in words, rounded up: `1 s`, `5 min`, `3 h 05 min`."""
    seconds = -(-ms // _SECOND)
    if seconds < 60:
        return f"{max(seconds, 1)} s"
    minutes = -(-ms // _MINUTE)
    return f"{minutes} min" if minutes < 60 else schedule.duration(minutes * _MINUTE)
