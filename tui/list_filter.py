"""The filter of the campaign list as it is typed and told: a range of days and a sender (R51). Pure.

The day of a campaign is the one in its WHEN column: of the start, else of the end of what never started, else of the
time scheduled, else of the last edit.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from engine import schedule
from engine.errors import BadInput
from engine.text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from store.types import ListFilter, Sender

_NAMED: Final = {"yesterday": -1, "today": 0, "tomorrow": 1}
_MIDNIGHT: Final = "00:00"
_CLOCK: Final = r"(?:\s+(?P<clock>\d{2}:\d{2}))?"
_NAMED_DAY: Final = re.compile(rf"(?P<name>{'|'.join(_NAMED)}){_CLOCK}", re.ASCII | re.IGNORECASE)
_MONTH_DAY: Final = re.compile(
    rf"(?P<day>\d{{1,2}})\s+(?P<month>[a-z]+)(?:\s+(?P<year>\d{{4}}))?{_CLOCK}", re.ASCII | re.IGNORECASE
)
"""A day as the column WHEN shows it, of this year when it names none."""


class Typed(NamedTuple):
    """The three fields as text; an empty one filters nothing."""

    since: str = ""
    until: str = ""
    sender: str = ""


def is_set(wanted: ListFilter) -> bool:
    """Whether a range or a sender narrows the list; tabs and search are seen elsewhere."""
    return not (wanted.since is None and wanted.until is None and wanted.sender_id is None)


def cleared(wanted: ListFilter) -> ListFilter:
    """Without range and sender; status and search stay."""
    return replace(wanted, since=None, until=None, sender_id=None)


def parse(typed: Typed, wanted: ListFilter, zone: str, now: int, senders: Sequence[Sender]) -> ListFilter:
    """The filter with range and sender as typed; status and search stay.

    Days and times are read in the zone unless they carry an offset; the last day is part of the range. A sender is
    named by the last digits of its number. Raises `BadInput`: `bad_time`, `bad_filter`, `no_such_sender`.
    """
    since = _moment(typed.since, zone, now)
    until = _moment(typed.until, zone, now, end=True)
    if since is not None and until is not None and since >= until:
        raise BadInput("bad_filter", "That range ends before it begins.", "Give the earlier day first.")
    sender = _sender(typed.sender, senders) if typed.sender.strip() else None
    return replace(wanted, since=since, until=until, sender_id=None if sender is None else sender.id)


def _moment(text: str, zone: str, now: int, *, end: bool = False) -> int | None:
    from tui.cli.listing import moment

    word = text.strip()
    if not word:
        return None
    today = datetime.fromtimestamp(now / 1000, ZoneInfo(zone)).date()
    return moment(_as_shown(word, today) or word, zone, end=end)


def _as_shown(word: str, today: date) -> str | None:
    """What the column WHEN shows (`today 14:30`, `22 Nov`, `22 Nov 2025 18:00`) in ISO 8601; `None` for other text."""
    if match := _NAMED_DAY.fullmatch(word):
        day = (today + timedelta(days=_NAMED[match["name"].lower()])).isoformat()
    elif (match := _MONTH_DAY.fullmatch(word)) and (month := schedule.month(match["month"])) is not None:
        day = f"{match['year'] or today.year}-{month:02d}-{int(match['day']):02d}"
    else:
        return None
    return day if match["clock"] is None else f"{day} {match['clock']}"


def _sender(text: str, senders: Sequence[Sender]) -> Sender:
    digits = "".join(one for one in text if one.isascii() and one.isdigit())
    fitting = [one for one in senders if digits and str(one.number).endswith(digits)]
    if len(fitting) == 1:
        return fitting[0]
    what = "Several senders' numbers end so" if fitting else f"No sender's number ends in {shown(text.strip())!r}"
    listed = ", ".join(f"+{one.number}" for one in fitting or senders)
    raise BadInput("no_such_sender", f"{what}.", f"The senders are: {listed}." if listed else "There is none yet.")


def typed(wanted: ListFilter, zone: str, senders: Sequence[Sender]) -> Typed:
    """The filter as one would type it; `parse` reads it back. A sender that is not there any more is left out."""
    number = next((one.number for one in senders if one.id == wanted.sender_id), None)
    return Typed(
        "" if wanted.since is None else _day(wanted.since, zone),
        "" if wanted.until is None else _last_day(wanted.until, zone),
        "" if number is None else f"+{number}",
    )


def words(wanted: ListFilter, zone: str, sender: str) -> str:
    """What is filtered by, in one line; empty when nothing is. `sender` is what to call the sender."""
    since = "" if wanted.since is None else _day(wanted.since, zone)
    until = "" if wanted.until is None else f"to {_last_day(wanted.until, zone)}"
    if since and not until:
        since = f"from {since}"
    parts = [" ".join(part for part in (since, until) if part)]
    if wanted.sender_id is not None:
        parts.append(f"sender {sender}")
    return ", ".join(part for part in parts if part)


def _day(ms: int, zone: str) -> str:
    """The day alone at midnight, else with the time of day."""
    day, clock = _local(ms, zone)
    return day if clock == _MIDNIGHT else f"{day} {clock}"


def _last_day(ms: int, zone: str) -> str:
    """The day that ends then, else the time before which it has to be."""
    day, clock = _local(ms, zone)
    return _local(ms - 1, zone)[0] if clock == _MIDNIGHT else f"{day} {clock}"


def _local(ms: int, zone: str) -> tuple[str, str]:
    """Day and time of day. Seconds matter too little to be shown, but more than to call it midnight."""
    try:
        local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).astimezone(ZoneInfo(zone))
    except OverflowError:
        return "another age", _MIDNIGHT
    exact = local.second or local.microsecond
    return local.date().isoformat(), f"{local:%H:%M:%S}" if exact else f"{local:%H:%M}"
