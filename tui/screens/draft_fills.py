"""The lines of the form for the placeholders of the template chosen, and what a change in one of them means."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from textual.containers import Vertical

from tui.screens.draft_form import FillText, Source
from tui.widgets.fill_row import FillRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.widget import Widget

    from engine.placeholders import Placeholder

_LABEL: Final = 12
_LONGEST_LABEL: Final = 24


class FillLines(Vertical):
    """A line for each placeholder, in the order of the message; the lines tell of every change."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: dict[str, FillRow] = {}

    async def show(self, found: Sequence[Placeholder], fills: Mapping[str, FillText], columns: Sequence[str]) -> None:
        """Put the lines of these placeholders in the place of those before; they offer the audience's `columns`."""
        width = min(max([_LABEL, *(len(one.key) + 1 for one in found)]), _LONGEST_LABEL)
        rows = [_row(one, fills.get(one.key, FillText()), columns, width) for one in found]
        async with self.batch():
            await self.remove_children()
            self._rows = {row.key: row for row in rows}
            await self.mount_all(rows)

    def shows(self, row: FillRow) -> bool:
        """Whether a line is one of those shown now."""
        return self._rows.get(row.key) is row

    def set_columns(self, columns: Sequence[str]) -> None:
        """Offer the columns of another audience."""
        for row in self._rows.values():
            row.set_columns(columns)

    def go_to(self, key: str) -> bool:
        """Focus the line of a placeholder; tells whether there is one."""
        row = self._rows.get(key)
        if row is not None:
            row.focus_control()
        return row is not None

    def key_under(self, widget: Widget) -> str | None:
        """The placeholder whose line a widget belongs to."""
        return next((key for key, row in self._rows.items() if row in widget.ancestors), None)


def filled(row: FillRow, before: FillText) -> FillText:
    """What fills a placeholder now that its line changed; puts the text into the line that belongs to its source."""
    name, column = row.source
    source = Source(name)
    after = replace(before, source=source, column=column)
    if source is before.source:
        after = after.with_text(row.text)
    elif (source is Source.FIXED) != (before.source is Source.FIXED):
        # The other of the two texts now stands in the field.
        row.set_text(after.text)
    return after


def _row(placeholder: Placeholder, fill: FillText, columns: Sequence[str], width: int) -> FillRow:
    return FillRow(placeholder, columns, fill.source.value, fill.column, fill.text, width)
