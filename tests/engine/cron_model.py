"""A small model of cron on the clocks of a zone, without the product's library: it steps minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from engine.clock import MINUTE

ZONES = (
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca",
    "America/Sao_Paulo", "Pacific/Chatham",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


@cache
def _field(text: str, lowest: int, highest: int) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        low, high = (lowest, highest) if span == "*" else (int(first), int(last) if dash else int(first))
        found.update(range(low, high + 1, int(step or 1)))
    return frozenset(found)


def _matches(cron: str, wall: datetime) -> bool:
    minute, hour, day, month, weekday = (
        _field(text, *limits) for text, limits in zip(cron.split(), _RANGES, strict=True)
    )
    on_day, on_weekday = wall.day in day, (wall.weekday() + 1) % 7 in weekday
    day_text, weekday_text = cron.split()[2], cron.split()[4]
    # Cron's own rule: when both are given one of them is enough.
    either = on_day or on_weekday if day_text != "*" and weekday_text != "*" else on_day and on_weekday
    return wall.minute in minute and wall.hour in hour and wall.month in month and either


def instants(cron: str, zone: str, since: int, until: int) -> list[int]:
    """When it fires later than `since`, up to and with `until`; UTC milliseconds.

    The clocks are watched a minute at a time. A minute that they show for the first time fires when it matches, or when
    one that they jumped over to it does.
    """
    where, found = ZoneInfo(zone), []
    # Two hours before, so that what the clocks have shown once already is known.
    at = since // MINUTE * MINUTE - 120 * MINUTE
    shown = _wall(at, where)
    while at < until:
        at += MINUTE
        wall = _wall(at, where)
        if wall <= shown:
            continue
        jumped = (shown + timedelta(minutes=n + 1) for n in range((wall - shown) // timedelta(minutes=1)))
        if any(_matches(cron, one) for one in jumped) and since < at <= until:
            found.append(at)
        shown = wall
    return found


def local(at: int, zone: str) -> str:
    """What the clocks of a zone show, as an occurrence is keyed."""
    return _wall(at, ZoneInfo(zone)).isoformat(timespec="minutes")


def _wall(at: int, where: ZoneInfo) -> datetime:
    return (_EPOCH + timedelta(milliseconds=at)).astimezone(where).replace(tzinfo=None, fold=0)


@cache
def changes(zone: str) -> tuple[int, ...]:
    """When the clocks of a zone are changed in 2026; for one that changes nothing some ordinary moment."""
    where = ZoneInfo(zone)
    hours = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(365 * 24)]
    found = [b for a, b in pairwise(hours) if a.astimezone(where).utcoffset() != b.astimezone(where).utcoffset()]
    return tuple(round(at.timestamp()) * 1_000 for at in found or hours[4_000:4_001])


@st.composite
def zones_and_starts(draw: st.DrawFn) -> tuple[str, int]:
    """A zone and a moment (UTC milliseconds), most often some hours before its clocks are changed or just after."""
    zone = draw(st.sampled_from(ZONES))
    change = draw(st.sampled_from(changes(zone)))
    return zone, change + MINUTE * draw(st.integers(-180, 90) | st.integers(-30 * 60, 12 * 60))


@st.composite
def crons(draw: st.DrawFn) -> str:
    """Expressions that fire within a day or two, often in the hours in which clocks are changed."""
    frequent = st.sampled_from(["*/10 * * * *", "*/20 * * * *", "5,50 * * * *", "*/30 1-3 * * *", "15 * * * *"])
    nightly = st.sampled_from(["30 2 * * *", "15 2 * * *", "45 1 * * *", "0 2 * * *", "30 1 * * *", "30 0-3 * * 0,6"])
    minute = st.sampled_from(["0", "30", "*/10", "59", "10-20/5"])
    hour = st.sampled_from(["*", "0", "1-3", "0,2", "*/2", "10"])
    days = st.sampled_from(["* * *", "* * 0", "* * 1-5", "25 * 6", "8 * *"])
    mixed = st.builds("{} {} {}".format, minute, hour, days)
    return draw(frequent | nightly | mixed)
