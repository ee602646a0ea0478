"""One entry of the opt-out list as a line. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine import phone, schedule
from engine.text import shown
from tui.widgets.columns import Cell, Column

if TYPE_CHECKING:
    from store.types import OptOut

COLUMNS: Final = (
    Column("number", "NUMBER", 22),
    Column("since", "SINCE", 22),
    Column("origin", "ORIGIN", 16, flex=1),
)


def cells(entry: OptOut, zone: str, now: int) -> list[Cell]:
    """The cells of one entry in the order of `COLUMNS`."""
    return [
        Cell(phone.display(entry.phone)),
        Cell(schedule.short(entry.since, zone, now)),
        Cell(shown(entry.origin)),
    ]
