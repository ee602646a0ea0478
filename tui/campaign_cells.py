"""One campaign as a line of the list: what each column says. Pure; the time is passed in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from engine import expiry, schedule
from engine.clock import DAY
from engine.lifecycle import cancel_locked, lock_at
from engine.text import shown
from store.types import Status
from tui.signs import DASH, REPEATS, UNTITLED, bar, rate, sign, tone, word
from tui.widgets.columns import Cell, Column

if TYPE_CHECKING:
    from store.types import CampaignRow

_WHEN: Final = 15
COLUMNS: Final = (
    Column("status", "STATUS", 13),
    Column("name", "NAME", 14, flex=3, least=10),
    Column("sender", "SENDER", 6, min_total_width=110),
    Column("template", "TEMPLATE", 12, flex=1, min_total_width=100),
    Column("when", "WHEN", _WHEN),
    Column("audience", "AUDIENCE", 8, "right", yields=True),
    Column("progress", "PROGRESS", 15, dear=True),
    Column("sent", "SENT%", 5, "right"),
    Column("delivered", "DLVD%", 5, "right", min_total_width=96),
    Column("read", "READ%", 5, "right", min_total_width=104),
    Column("failed", "FAIL%", 5, "right", min_total_width=112),
)
_BAR: Final = 10
_HOUR: Final = 3_600_000
_FIRING: Final = re.compile(r"\w{3} (?P<at>(?P<day>\d{1,2} \w{3}) \d{2}:\d{2})$")
"""The end of a firing's name, as `engine.firing` makes it."""

REASONS: Final = {
    "no_valid_recipients": "no recipients",
    "template_unavailable": "template gone",
    "template_changed": "template edited",
    "insufficient_credits": "no credits",
    "sender_unavailable": "sender down",
    "missed_window": "missed its time",
    "all_rejected": "all rejected",
    "gateway_unreachable": "unreachable",
}


def cells(row: CampaignRow, zone: str, now: int) -> list[Cell]:
    """The cells of one campaign in the order of `COLUMNS`."""
    counters = row.progress
    valid = counters.audience - counters.skipped
    started = row.started_at is not None
    return [
        Cell(status(row), tone(row.status, row.hold_reason is not None)),
        _name(row),
        Cell(DASH if row.sender is None else f"..{row.sender % 10_000:04d}"),
        Cell(DASH if row.template is None else shown(row.template)),
        Cell(when(row, zone, now)),
        Cell(f"{counters.audience:,}" if counters.audience else DASH),
        Cell(progress(row, now)),
        Cell(rate(counters.sent, valid) if started else DASH),
        Cell(_reported(row, counters.delivered, counters.sent)),
        Cell(_reported(row, counters.read, counters.delivered)),
        Cell(rate(counters.failed, valid) if started else DASH),
    ]


def _name(row: CampaignRow) -> Cell:
    """The name; those of a series' firings differ only in the time at their end."""
    name = shown(row.name).strip() or UNTITLED
    if row.series_id is None:
        return Cell(name)
    when = _FIRING.search(name)
    return Cell(f"{REPEATS} {name}", tails=() if when is None else (when[0], when["at"], when["day"]))


def _reported(row: CampaignRow, part: int, whole: int) -> str:
    """A rate that only callbacks tell; unknown where none come in."""
    if row.started_at is None:
        return DASH
    return rate(part, whole) if row.delivery_known else "?"


def status(row: CampaignRow) -> str:
    """Sign and word; `!` behind a Completed one in which something failed or is unknown."""
    held = row.hold_reason is not None
    counters = row.progress
    doubt = row.status is Status.COMPLETED and bool(counters.failed or counters.unknown or counters.undelivered)
    return f"{sign(row.status, held)} {word(row.status, held)}{' !' if doubt else ''}"


def when(row: CampaignRow, zone: str, now: int) -> str:
    """The time that matters for the status, of a held run when it goes on.

    The time of day is left out where it does not fit.
    """
    text = _when(row, zone, now)
    return text if len(text) <= _WHEN else text.rpartition(" ")[0]


def _when(row: CampaignRow, zone: str, now: int) -> str:
    if row.status is Status.SCHEDULED and row.scheduled_at is not None:
        return schedule.short(row.scheduled_at, zone, now)
    if row.finished_at is not None:
        return schedule.short(row.started_at or row.finished_at, zone, now)
    if row.hold_reason is not None:
        until = None if row.hold_until is None else schedule.short(row.hold_until, zone, now)
        return "until resumed" if until is None else f"until {until.removeprefix('today ')}"
    if row.started_at is not None:
        return f"since {schedule.short(row.started_at, zone, now).removeprefix('today ')}"
    return schedule.short(row.edited_at, zone, now)


def progress(row: CampaignRow, now: int) -> str:
    """How far a run is, when a scheduled one locks or goes, why a failed one failed."""
    counters = row.progress
    if row.status is Status.SCHEDULED and row.hold_reason is not None:
        return "restored, waits"
    if row.status is Status.SCHEDULED and row.scheduled_at is not None:
        if cancel_locked(row.scheduled_at, now, row.locked):
            left = row.scheduled_at - now
            return f"LOCKED  {_brief(left)}" if left > 0 else "LOCKED  due"
        return f"locks in {_brief(lock_at(row.scheduled_at) - now)}"
    if row.status is Status.FAILED:
        return REASONS.get(row.status_reason or "", row.status_reason or "")
    if row.started_at is not None:
        valid = counters.audience - counters.skipped
        done = valid - counters.pending
        share = done / valid if valid else 0.0
        return f"{bar(share, _BAR)} {int(100 * share):>3}"
    if row.status is Status.CANCELLED:
        return "nothing sent"
    expires_in = expiry.left(row.edited_at, now)
    return _missing(row) if expires_in is None else f"deleted in {max(1, -(-expires_in // DAY))} d"


def _brief(ms: int) -> str:
    """A duration that fits the column: to the second below an hour, else whole hours or days."""
    if ms < _HOUR:
        return schedule.duration(ms)
    return f"{ms // _HOUR} h" if ms < 48 * _HOUR else f"{ms // (24 * _HOUR)} d"


def _missing(row: CampaignRow) -> str:
    for what, there in (("template", row.template), ("sender", row.sender), ("audience", row.progress.audience)):
        if not there:
            return f"needs {what}"
    return "not scheduled" if row.progress.pending else "nobody valid"


def ticks(row: CampaignRow, now: int) -> bool:
    """Whether the line changes with the second: a countdown below an hour."""
    if row.status is not Status.SCHEDULED or row.scheduled_at is None:
        return False
    return row.scheduled_at - now < 2 * _HOUR
