"""Times as operators type and read them, in time zones with their daylight-saving changes (R12, R13, R16, R20).

Every time that goes in or out as a number is UTC epoch milliseconds.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from datetime import time as wall_time
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from engine import zones
from engine.clock import DAY, HOUR, MINUTE
from engine.errors import BadInput, Refused
from engine.text import shown

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

Lateness: TypeAlias = Literal["not_due", "due", "late", "missed"]

PROMPT: Final = 2_000
"""A start within so many milliseconds of its time is on time, whatever the grace: a worker looks at intervals."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
# Own names, for strftime's follow the locale.
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_EXAMPLES: Final = (
    'Type a time such as "2026-12-01 10:00", "10:00", "tomorrow 10:00", "Fri 09:00", "24 Nov 10:00", "in 30 min", '
    'or one with an offset: "2026-12-01T10:00+05:30".'
)
_CLOCK: Final = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?"
_FULL: Final = re.compile(
    rf"(?P<date>\d{{4}}-\d{{2}}-\d{{2}})[T ]\s*{_CLOCK}\s*(?P<offset>Z|[+-]\d{{2}}:?\d{{2}})?", re.ASCII | re.IGNORECASE
)
_DAY_AND_CLOCK: Final = re.compile(rf"(?:(?P<day>[a-z]+)\s+)?{_CLOCK}", re.ASCII | re.IGNORECASE)
_MONTH_AND_CLOCK: Final = re.compile(
    rf"(?P<day>\d{{1,2}})\s+(?P<month>[a-z]+)(?:\s+(?P<year>\d{{4}}))?\s+{_CLOCK}", re.ASCII | re.IGNORECASE
)
_STEP: Final = re.compile(
    r"(\d{1,6})\s*(seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)(?=[\s\d]|$)", re.ASCII | re.IGNORECASE
)
_STEP_LENGTH: Final = {"s": 1_000, "m": MINUTE, "h": HOUR, "d": DAY}


def parse_when(text: str, zone_name: str, now_ms: int) -> int:
    """The instant an operator means, read in the zone named unless the text carries an offset.

    Raises:
        BadInput: `bad_time`, `unknown_zone`.
        Refused: `time_in_past`, also for this very moment; `time_skipped` and `time_ambiguous` where the clocks change.
    """
    where = zones.named(zone_name)
    words = " ".join(text.split())
    try:
        at = _instant(words, where, now_ms)
    except (ValueError, OverflowError) as error:
        raise BadInput("bad_time", f"{shown(text)!r} is no time: {error}.", _EXAMPLES) from error
    if at is None:
        raise BadInput("bad_time", f"{shown(text)!r} is not a time that can be read.", _EXAMPLES)
    if at <= now_ms:
        raise Refused(
            "time_in_past",
            f"{_full(at, where)} is in the past: it is {_full(now_ms, where)} now.",
            "Choose a later time, or send now.",
        )
    return at


def describe(ms: int, zone_name: str, now: int) -> str:
    """A time in full and how far it is, such as `Tue 24 Nov 2026 10:00 IST, in 19 h 28 min`."""
    distance = _spoken(abs(ms - now))
    return f"{_full(ms, zones.named(zone_name))}, {f'in {distance}' if ms >= now else f'{distance} ago'}"


def full(ms: int, zone_name: str) -> str:
    """A time in full with its zone, such as `Tue 24 Nov 2026 10:00 IST`."""
    return _full(ms, zones.named(zone_name))


def short(ms: int, zone_name: str, now: int) -> str:
    """A time for a narrow column: `today 15:00`, `tomorrow 10:00`, `24 Nov 10:00`, `24 Nov 2027 10:00`."""
    where = zones.named(zone_name)
    local, today = _local(ms, where), _local(now, where).date()
    clock = f"{local:%H:%M}"
    named = {-1: "yesterday", 0: "today", 1: "tomorrow"}.get((local.date() - today).days)
    if named is not None:
        return f"{named} {clock}"
    year = "" if local.year == today.year else f" {local.year}"
    return f"{local.day} {_MONTHS[local.month - 1][:3]}{year} {clock}"


def day_and_time(ms: int, zone_name: str) -> str:
    """A time with its weekday, as in the name of a firing: `Mon 30 Nov 10:00`."""
    local = _local(ms, zones.named(zone_name))
    return f"{_DAYS[local.weekday()][:3]} {local.day} {_MONTHS[local.month - 1][:3]} {local:%H:%M}"


def iso(ms: int, zone_name: str) -> str:
    """ISO 8601 with the zone's offset; milliseconds only where there are any."""
    return _local(ms, zones.named(zone_name)).isoformat(timespec="milliseconds" if ms % 1_000 else "seconds")


def clock(ms: int, zone_name: str) -> str:
    """The time of day to the millisecond, such as `10:00:03.512`."""
    return f"{_local(ms, zones.named(zone_name)):%H:%M:%S}.{ms % 1_000:03d}"


def day(ms: int, zone_name: str) -> str:
    """The day, such as `Mon 23 Nov 2026`."""
    local = _local(ms, zones.named(zone_name))
    return f"{_DAYS[local.weekday()][:3]} {local.day} {_MONTHS[local.month - 1][:3]} {local.year}"


def duration(ms: int) -> str:
    """A length of time, rounded down: `22:53` under an hour, `3 h 05 min`, `2 d 4 h`; nothing below zero."""
    seconds = max(ms, 0) // 1_000
    if seconds < 3_600:
        return f"{seconds // 60:02d}:{seconds % 60:02d}"
    minutes = seconds // 60
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes // 1_440} d {minutes % 1_440 // 60} h"


def zone_word(ms: int, zone_name: str) -> str:
    """The zone's short name at that time, such as IST; where it has none, its offset, such as UTC+03:00."""
    return abbreviation(_local(ms, zones.named(zone_name)))


def month(word: str) -> int | None:
    """The number of a month given by three letters or more of its English name, 1 for January."""
    found = _which(word, _MONTHS)
    return None if found is None else found + 1


def late(scheduled_at: int, now: int, grace_minutes: int) -> Lateness:
    """Whether a campaign is to start now: on time, late within its grace (inclusive), or not any more (R20)."""
    behind = now - scheduled_at
    if behind < 0:
        return "not_due"
    if behind <= PROMPT:
        return "due"
    return "late" if behind <= grace_minutes * MINUTE else "missed"


def to_utc(naive: datetime, where: ZoneInfo) -> int:
    """The one instant at which clocks in a zone show this time.

    Raises:
        Refused: `time_skipped`, naming the two nearest real times; `time_ambiguous`, naming both with their offsets.
    """
    first, second = (naive.replace(tzinfo=where, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return _ms(first)
    if first.astimezone(UTC).astimezone(where).replace(tzinfo=None) != naive:
        before, after = _around_gap(second.astimezone(UTC), first.astimezone(UTC), where)
        raise Refused(
            "time_skipped",
            f"{naive:%Y-%m-%d %H:%M} does not exist in {where.key}: the clocks go forward past it.",
            f"The nearest times that exist are {before} and {after}.",
        )
    raise Refused(
        "time_ambiguous",
        f"{naive:%Y-%m-%d %H:%M} happens twice in {where.key}: the clocks go back over it.",
        f"Say which one by its offset: {_with_offset(first)} (the first) or {_with_offset(second)} (the second).",
    )


def _instant(words: str, where: ZoneInfo, now: int) -> int | None:
    """What the words say, `None` when they are none of the forms, `ValueError` for a day or hour there is not."""
    today = _local(now, where).replace(tzinfo=None)
    if words.lower().startswith("in "):
        step = _steps(words[3:])
        return None if step is None else now + step
    if match := _FULL.fullmatch(words):
        naive = datetime.combine(date.fromisoformat(match["date"]), _clock(match))
        if (offset := match["offset"]) is not None:
            return _ms(naive.replace(tzinfo=_fixed(offset)))
        return to_utc(naive, where)
    if match := _MONTH_AND_CLOCK.fullmatch(words):
        month = _which(match["month"], _MONTHS)
        if month is None:
            return None
        day = date(int(match["year"] or today.year), month + 1, int(match["day"]))
        return to_utc(datetime.combine(day, _clock(match)), where)
    if match := _DAY_AND_CLOCK.fullmatch(words):
        meant = _on_day(match["day"], _clock(match), today)
        return None if meant is None else to_utc(meant, where)
    return None


def _on_day(word: str | None, clock: wall_time, today: datetime) -> datetime | None:
    """`10:00` and `Fri 09:00` mean the next such time; `today` and `tomorrow` mean that day."""
    at = datetime.combine(today.date(), clock)
    if word is None:
        return at if at > today else at + timedelta(days=1)
    if word.lower() in ("today", "tomorrow"):
        return at + timedelta(days=word.lower() == "tomorrow")
    weekday = _which(word, _DAYS)
    if weekday is None:
        return None
    at += timedelta(days=(weekday - at.weekday()) % 7)
    return at if at > today else at + timedelta(days=7)


def _which(word: str, names: tuple[str, ...]) -> int | None:
    """The index of a weekday or month, given by three letters or more of its English name."""
    found = [index for index, name in enumerate(names) if name.lower().startswith(word.lower())]
    return found[0] if len(word) >= 3 and found else None


def _steps(words: str) -> int | None:
    """`10 min`, `2 h`, `1 h 30 min` in milliseconds."""
    if _STEP.sub("", words).strip():
        return None
    steps = _STEP.findall(words)
    return sum(int(count) * _STEP_LENGTH[unit[0].lower()] for count, unit in steps) if steps else None


def _clock(match: re.Match[str]) -> wall_time:
    return wall_time(int(match["hour"]), int(match["minute"]), int(match["second"] or 0))


def _fixed(offset: str) -> tzinfo:
    if offset in ("Z", "z"):
        return UTC
    sign = -1 if offset[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:])))


def _around_gap(low: datetime, high: datetime, where: ZoneInfo) -> tuple[str, str]:
    """The last whole minute before the clocks go forward and the first moment after, between two UTC instants."""
    old = low.astimezone(where).utcoffset()
    while high - low > _SECOND:
        middle = low + ((high - low) // 2 // _SECOND or 1) * _SECOND
        if middle.astimezone(where).utcoffset() == old:
            low = middle
        else:
            high = middle
    before = (high - timedelta(minutes=1)).astimezone(where)
    return f"{before:%Y-%m-%d %H:%M}", f"{high.astimezone(where):%Y-%m-%d %H:%M}"


def _local(ms: int, where: tzinfo) -> datetime:
    # Whole numbers all the way: fromtimestamp would go through a float.
    return (_EPOCH + timedelta(milliseconds=ms)).astimezone(where)


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _full(ms: int, where: ZoneInfo) -> str:
    local = _local(ms, where)
    clock = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    day = f"{_DAYS[local.weekday()][:3]} {local.day} {_MONTHS[local.month - 1][:3]} {local.year}"
    return f"{day} {clock} {abbreviation(local)}"


def abbreviation(local: datetime) -> str:
    """The zone's short name, such as IST; where it has none, its offset, such as UTC+03:00."""
    name = local.tzname() or ""
    if name[:1].isalpha():
        return name
    offset = f"{local:%z}"
    return f"UTC{offset[:3]}:{offset[3:5]}"


def _with_offset(local: datetime) -> str:
    return local.isoformat(sep=" ", timespec="seconds" if local.second else "minutes")


def _spoken(ms: int) -> str:
    """A length of time in words: under a minute in seconds, under an hour in minutes."""
    if ms < MINUTE:
        return f"{ms // 1_000} s"
    return f"{ms // MINUTE} min" if ms < HOUR else duration(ms)
