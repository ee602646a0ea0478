"""One event of the audit trail as a line of the list, and in full. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from engine import schedule, trail
from engine.text import shown
from tui.signs import DASH
from tui.widgets.columns import Cell, Column

if TYPE_CHECKING:
    from store.types import AuditEvent

_WHEN: Final = len("yesterday 10:00:05")
COLUMNS: Final = (
    Column("when", "WHEN", _WHEN),
    Column("who", "WHO", 8, flex=1),
    Column("what", "WHAT", 23),
    Column("campaign", "OF", 4, "right"),
    Column("change", "BEFORE -> AFTER", 16, flex=4),
    Column("where", "FROM", 12, flex=1, min_total_width=110),
)
_REFUSED: Final = ".refused"


def cells(event: AuditEvent, zone: str, now: int) -> list[Cell]:
    """The cells of one event in the order of `COLUMNS`; what was refused stands out."""
    return [
        Cell(_when(event.at, zone, now)),
        Cell(shown(event.actor)),
        Cell(shown(event.action), "$held" if event.action.endswith(_REFUSED) else ""),
        Cell(DASH if event.campaign_id is None else str(event.campaign_id)),
        Cell(shown(trail.summary(event))),
        Cell(shown(event.terminal) or DASH),
    ]


def _when(at: int, zone: str, now: int) -> str:
    """To the second, for much happens within a minute; of another year's there is no room for it."""
    short = schedule.short(at, zone, now)
    exact = f"{short}:{at // 1_000 % 60:02d}"
    return exact if len(exact) <= _WHEN else short


def details(event: AuditEvent, zone: str) -> Content:
    """Everything an event tells: who, when, from where, and what was before and after, one fact a line."""
    where = f" at {shown(event.terminal)}" if event.terminal else ""
    of = "" if event.campaign_id is None else f"   campaign {event.campaign_id}"
    lines = [
        Content.assemble((shown(event.action), "bold"), of),
        Content(f"{shown(event.actor)}{where}, {schedule.iso(event.at, zone)}"),
    ]
    if event.detail:
        lines.append(Content(shown(event.detail)))
    for change in trail.changes(event):
        lines += _told(change, both=bool(event.before))
    return Content("\n").join(lines)


def text(event: AuditEvent, zone: str) -> str:
    """An event as plain text, for the clipboard."""
    return details(event, zone).plain


def _told(change: trail.Change, both: bool) -> list[Content]:
    """One fact: a line for what stayed or has no other side, two for what changed, as in a diff."""
    key = shown(change.key)
    if not both or not change.changed:
        return [Content(f"  {key}: {shown(change.after or '')}")]
    lines = []
    if change.before is not None:
        lines.append(Content.styled(f"- {key}: {shown(change.before)}", "$failed"))
    if change.after is not None:
        lines.append(Content.styled(f"+ {key}: {shown(change.after)}", "$completed"))
    return lines
