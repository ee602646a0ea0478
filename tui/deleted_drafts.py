"""What the restore prompt says of the number typed. Pure; the time is passed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import expiry, schedule
from engine.errors import BadInput
from engine.text import counted
from tui.signs import named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from store.deleted import Draft

_MOST = 5


def echo(typed: str, found: Sequence[Draft], zone: str, now: int) -> str:
    """The draft with that number, and the others there are. Raises `BadInput` when there is none."""
    chosen = next((draft for draft in found if str(draft.id) == typed), None)
    others = [f"{draft.id} {named(draft.name, 30)}" for draft in found if draft is not chosen]
    more = f" and {len(others) - _MOST} more" if len(others) > _MOST else ""
    listed = f"{', '.join(others[:_MOST])}{more}"
    if chosen is None:
        raise BadInput("not_found", "No deleted draft has that number.", f"There are: {listed}.")
    deleted_at = chosen.deleted_at or now
    until = schedule.short(expiry.gone_at(deleted_at), zone, now)
    line = (
        f"“{named(chosen.name, 40)}”, {counted(chosen.audience, 'row')}, deleted"
        f" {schedule.short(deleted_at, zone, now)}; can be restored until {until}."
    )
    return f"{line}\nAlso deleted: {listed}" if others else line
