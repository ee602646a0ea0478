"""When a recurring campaign fires: a cron expression read on the clocks of one time zone (R13, R21). Pure.

The expression is read on wall-clock time, and each wall-clock time fires once. One that happens twice, when the clocks
go back, fires the first time. One that a change skips fires at the moment the change is over; several of them, and one
that is due at that very moment, fire together as one. So an occurrence is known by the local date and time at which it
fires, which always exists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from engine import zones
from engine.errors import BadInput, Refused
from engine.text import shown

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

LONGEST: Final = 200
"""Characters of an expression."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_SECOND: Final = timedelta(seconds=1)
_HINT: Final = (
    'Give five fields: minute, hour, day of month, month, day of week; "0 10 * * MON" is every Monday at 10:00.'
)
_ALLOWED: Final = re.compile(r"[0-9A-Za-z*?,/#\- ]+", re.ASCII)
# Jenkins' hashed and random values differ from machine to machine and from call to call.
_HASHED: Final = re.compile(r"(?<![a-z])[hr](?![a-z])", re.ASCII | re.IGNORECASE)


class Occurrence(NamedTuple):
    """One firing."""

    local: str
    """`YYYY-MM-DDTHH:MM` on the zone's clocks: its key within a series."""
    at: int
    """UTC epoch milliseconds."""


class Recurrence:
    """A cron expression in a zone.

    Raises:
        BadInput: `bad_cron`, `unknown_zone`.
        Refused: `cron_never_fires`, for a date that no year has.
    """

    def __init__(self, cron: str, zone_name: str) -> None:
        self.cron = _checked(cron)
        self._where = zones.named(zone_name)

    def after(self, moment: int) -> Iterator[Occurrence]:
        """The occurrences later than a moment, earliest first, without end."""
        wall = _at(moment).astimezone(self._where).replace(tzinfo=None, fold=0)
        last = moment
        for naive in self._walls(wall, forward=True):
            found = self._occurrence(naive)
            if found.at > last:
                last = found.at
                yield found

    def until(self, moment: int) -> Iterator[Occurrence]:
        """The occurrences up to and with a moment, latest first, back to the beginning of time."""
        here = _at(moment).astimezone(self._where)
        wall = here.replace(tzinfo=None, fold=0)
        if here.fold:
            # The clocks went back a moment ago: what they are about to show again has fired already.
            wall += _offset(here.replace(fold=0)) - _offset(here)
        last: int | None = None
        for naive in self._walls(wall + _TICK, forward=False):
            found = self._occurrence(naive)
            if found.at <= moment and (last is None or found.at < last):
                last = found.at
                yield found

    def next(self, moment: int, ends_at: int | None = None) -> Occurrence | None:
        """The first occurrence later than a moment; `None` when it is later than `ends_at`."""
        found = next(self.after(moment), None)
        return None if found is None or (ends_at is not None and found.at > ends_at) else found

    def upcoming(self, moment: int, count: int, ends_at: int | None = None) -> list[Occurrence]:
        """At most so many occurrences later than a moment, none later than `ends_at`."""
        return [one for one in islice(self.after(moment), count) if ends_at is None or one.at <= ends_at]

    def passed(self, since: int, moment: int, count: int) -> list[Occurrence]:
        """At most so many occurrences later than `since`, up to and with a moment, latest first."""
        found = []
        for one in islice(self.until(moment), count):
            if one.at <= since:
                break
            found.append(one)
        return found

    def _walls(self, start: datetime, *, forward: bool) -> Iterator[datetime]:
        """Wall-clock times that match, as clocks without any change would show them."""
        # Imported late: it takes 40 ms, and most starts need no series.
        from croniter import CroniterBadDateError, croniter

        matches = croniter(self.cron, start)
        step = matches.get_next if forward else matches.get_prev
        while True:
            try:
                yield step(datetime)
            except CroniterBadDateError:
                return

    def _occurrence(self, naive: datetime) -> Occurrence:
        first = naive.replace(tzinfo=self._where, fold=0).astimezone(UTC)
        shows = first.astimezone(self._where)
        if shows.replace(tzinfo=None, fold=0) != naive:
            first = _end_of_gap(naive, self._where)
            shows = first.astimezone(self._where)
        return Occurrence(f"{shows:%Y-%m-%dT%H:%M}", (first - _EPOCH) // timedelta(milliseconds=1))


def _checked(cron: str) -> str:
    from croniter import CroniterBadDateError, CroniterError, croniter

    fields = cron.split()
    text = " ".join(fields).upper()
    told = shown(cron if len(cron) <= LONGEST else f"{cron[:LONGEST]}…")
    if len(text) <= LONGEST and _ALLOWED.fullmatch(text) and len(fields) in (6, 7):
        raise BadInput("bad_cron", f"{told!r} has {len(fields)} fields: seconds and years cannot be given here.", _HINT)
    if len(text) > LONGEST or not _ALLOWED.fullmatch(text) or len(fields) != 5 or _HASHED.search(text):
        raise BadInput("bad_cron", f"{told!r} is no cron expression that can be used here.", _HINT)
    try:
        croniter(text, datetime(2026, 1, 1)).get_next(datetime)
    except CroniterBadDateError as error:
        raise Refused(
            "cron_never_fires", f"{told!r} never fires: no year has such a date.", "Choose a day that the month has."
        ) from error
    except CroniterError as error:
        raise BadInput("bad_cron", f"{told!r} is no cron expression that can be used here.", _HINT) from error
    return text


def _end_of_gap(naive: datetime, where: ZoneInfo) -> datetime:
    """The moment at which clocks that skip this time have been put forward."""
    # By the offset after the change it is an instant before it, and the other way round.
    low = naive.replace(tzinfo=where, fold=1).astimezone(UTC)
    high = naive.replace(tzinfo=where, fold=0).astimezone(UTC)
    before = _offset(low.astimezone(where))
    while high - low > _SECOND:
        middle = low + (high - low) // 2 // _SECOND * _SECOND
        if _offset(middle.astimezone(where)) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or timedelta()


def _at(moment: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=moment)
