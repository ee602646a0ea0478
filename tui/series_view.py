"""A series as a line of the list and in full, and how a recurrence is typed. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from textual.content import Content

from engine import schedule, zones
from engine.commands import recurring
from engine.cron_words import words
from engine.lifecycle import cancel_locked
from engine.text import shown
from store.occurrences import Outcome
from store.series import State
from tui.cli.listing import moment
from tui.signs import DASH, sign, word
from tui.widgets.columns import Cell, Column

if TYPE_CHECKING:
    from engine.commands.recurring import Shown
    from store.occurrences import Occurrence

COLUMNS: Final = (
    Column("state", "STATE", 8),
    Column("name", "NAME", 16, flex=2),
    Column("fires", "FIRES", 24, flex=1),
    Column("next", "NEXT", 16),
    Column("note", "LAST", 10, flex=2),
)
SIGNS: Final = {State.ACTIVE: "▸ active", State.PAUSED: "‖ paused", State.ENDED: "■ ended"}
_LAST: Final = 6
_TYPED: Final = re.compile(r"(?P<cron>.*?)(?:\s+in\s+(?P<zone>\S+))?(?:\s+until\s+(?P<until>.+))?", re.IGNORECASE)


class Typed(NamedTuple):
    """What an operator typed: `0 10 * * MON`, with `in Europe/Berlin` and `until 2026-12-31` where wanted."""

    cron: str
    zone: str
    until: int | None


def typed(text: str, zone: str) -> Typed:
    """Read a recurrence as typed, in the account's zone unless it names one. Raises `BadInput`."""
    match = _TYPED.fullmatch(" ".join(text.split()))
    assert match is not None
    where = match["zone"] or zone
    zones.named(where)
    return Typed(match["cron"], where, None if match["until"] is None else moment(match["until"], where, end=True))


def echo(text: str, zone: str, now: int) -> str:
    """How a recurrence is understood: in words, with its next three firings. Raises what makes it impossible."""
    one = typed(text, zone)
    recurrence, _ = recurring.check(one.cron, one.zone, now, one.until)
    upcoming = recurrence.upcoming(now, 3, one.until)
    times = ", ".join(schedule.day_and_time(each.at, one.zone) for each in upcoming)
    locked = ".\nThe first is LOCKED from the start: less than 5 minutes ahead, it cannot be cancelled."
    return f"{words(recurrence.cron)} ({one.zone})\nnext: {times}" + (
        locked if cancel_locked(upcoming[0].at, now) else ""
    )


def cells(found: Shown, zone: str, now: int) -> list[Cell]:
    """The cells of one series in the order of `COLUMNS`; times are the account's, a recurrence in another says so."""
    one = found.series
    upcoming = schedule.short(found.upcoming[0].at, zone, now) if found.upcoming else DASH
    fires = words(one.cron)
    if one.timezone != zone:
        # In front, where it is never cut off.
        at = found.upcoming[0].at if found.upcoming else now
        fires = f"{schedule.zone_word(at, one.timezone)}: {fires}"
    return [
        Cell(SIGNS[one.state]),
        Cell(shown(one.name)),
        Cell(fires),
        Cell(upcoming),
        Cell(shown(one.note) or _last(found, now)),
    ]


def _last(found: Shown, now: int) -> str:
    """What became of the newest firing whose time has come."""
    past = [each for each in found.occurrences if each.at <= now]
    return _became(past[0]) if past else DASH


def details(found: Shown, zone: str) -> Content:
    """When it fires next, on its own clocks, on the account's and in UTC, and what became of the last firings."""
    one = found.series
    until = "" if one.ends_at is None else f", until {schedule.full(one.ends_at, one.timezone)}"
    lines = [
        Content.assemble((shown(one.name), "bold"), f"   {words(one.cron)} ({one.timezone}){until}"),
        Content(f"cron {one.cron}   audience {shown(one.audience.file)}   grace {one.grace} min"),
    ]
    if one.note:
        lines.append(Content.assemble(("note: ", "bold $held"), shown(one.note)))
    for n, each in enumerate(found.upcoming):
        at = f"{_times(each.at, one.timezone, zone)}{schedule.iso(each.at, 'UTC')[:16]} UTC"
        lines.append(Content(f"{'next' if n == 0 else '':6}{at}"))
    if one.state is State.PAUSED:
        lines.append(Content("Paused: no firing is made. What was made already goes at its time."))
    for n, known in enumerate(found.occurrences[:_LAST]):
        lines.append(Content(f"{'made' if n == 0 else '':6}{_times(known.at, one.timezone, zone)}{_became(known)}"))
    return Content("\n").join(lines)


def _times(at: int, own: str, account: str) -> str:
    """On the clocks of the series, and on the account's where those are others, each with its zone."""
    zones = (own,) if own == account else (own, account)
    return "".join(f"{local(at, zone):<24}" for zone in zones)


def local(at: int, zone: str) -> str:
    """A firing's time with its weekday and its zone: `Mon 30 Nov 10:00 IST`."""
    return f"{schedule.day_and_time(at, zone)} {schedule.zone_word(at, zone)}"


def _became(one: Occurrence) -> str:
    if one.campaign_id is None:
        return "missed: no worker ran"
    status = "deleted" if one.status is None else f"{sign(one.status, False)} {word(one.status, False)}"
    return f"{status}{', made late' if one.outcome is Outcome.LATE else ''}"
