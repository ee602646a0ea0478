"""A table of any length: a window of ids with a cursor and marks, which asks for rows it lacks.

Made for thin lines: a cursor move repaints two lines, a row is one run of one style except for the cells that ask for
another, and a change repaints the lines that look different afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual.message import Message

from tui.command import Scope
from tui.commands import bindings
from tui.widgets.paged_lines import HEADER, PagedLines

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.events import Click

Row = TypeVar("Row")


class PagedTable(PagedLines[Row], inherit_bindings=False):
    """Rows by id, a cursor, marks. The screen loads what `RowsWanted` asks for and hands it to `update_rows`."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.TABLE)
    _wanted: Sequence[int] = ()
    """What was asked for last."""

    class _OfTable(Message):
        """A message that knows its table, so that screens can tell two tables apart."""

        def __init__(self, table: PagedTable[Any]) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> PagedTable[Any]:
            """The table that posted it."""
            return self.table

    class Highlighted(_OfTable):
        """The cursor is on another row; `row_id` is `None` when the list is empty. Bursts arrive as the last one."""

        def __init__(self, table: PagedTable[Any], row_id: int | None) -> None:
            super().__init__(table)
            self.row_id = row_id

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, PagedTable.Highlighted) and message.table is self.table

    class Opened(_OfTable):
        """A double click on a row, or `action_open`. Enter is the screen's key: what it opens is in the registry."""

        def __init__(self, table: PagedTable[Any], row_id: int) -> None:
            super().__init__(table)
            self.row_id = row_id

    class Marked(_OfTable):
        """A row was marked or unmarked."""

    class SortAsked(_OfTable):
        """A click on a column's title."""

        def __init__(self, table: PagedTable[Any], key: str) -> None:
            super().__init__(table)
            self.key = key

    class RowsWanted(_OfTable):
        """Rows `first` to `last`, both included, are in view or next to it and some of them are not loaded.

        `table.window.missing(first, last)` names the ids. Bursts arrive as the last one.
        """

        def __init__(self, table: PagedTable[Any], first: int, last: int) -> None:
            super().__init__(table)
            self.first = first
            self.last = last

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, PagedTable.RowsWanted) and message.table is self.table

    # What the screen hands in

    def set_ids(self, ids: Iterable[int], keep_cursor: bool = True) -> None:
        """Show these ids in this order; the cursor stays on its row if it is still there."""
        before = self.window.cursor
        line = self.window.cursor_index - round(self.scroll_y)
        self.window.set_ids(ids, keep_cursor)
        self._wanted = ()
        self._measure()
        if keep_cursor and 0 <= line < self._page_rows:
            # The row under the cursor stays at its height while others come and go above it.
            self._scroll_rows_to(self.window.cursor_index - line)
        elif not keep_cursor:
            self._scroll_rows_to(0)
        self._show_cursor()
        self._want_rows()
        self.redraw()
        if before != self.window.cursor:
            self.post_message(self.Highlighted(self, self.window.cursor))

    def update_rows(self, rows: Mapping[int, Row], asked: Iterable[int] = ()) -> None:
        """Take loaded rows in and repaint the lines that look different; `asked` ids without a row are gone."""
        self.window.put(rows, asked)
        self._wanted = ()
        self.redraw()

    def unmark(self, row_ids: Iterable[int]) -> None:
        """Unmark these rows, also those out of view."""
        gone = self.window.marks.intersection(row_ids)
        if gone:
            self.window.marks -= gone
            self.redraw()
            self.post_message(self.Marked(self))

    def clear_marks(self) -> None:
        """Unmark every row, also those out of view."""
        if self.window.marks:
            self.window.marks.clear()
            self.redraw()
            self.post_message(self.Marked(self))

    def move_to_id(self, row_id: int) -> bool:
        """Put the cursor on a row; tells whether it is in the list."""
        index = self.window.index_of(row_id)
        if index is None:
            return False
        self._move_to(index)
        return True

    @property
    def visible_ids(self) -> Sequence[int]:
        """The ids of the rows in view."""
        top = round(self.scroll_y)
        return self.window.ids[top : top + self._page_rows]

    # Keys and mouse

    def action_move(self, rows: int) -> None:
        """Move the cursor by so many rows."""
        self._move_to(self.window.cursor_index + rows)

    def action_page(self, pages: int) -> None:
        """Move by so many pages; the cursor keeps its height on the screen."""
        rows = pages * self._page_rows
        index = self.window.cursor_index + rows
        self._move_to(index, round(self.scroll_y) + rows)

    def action_edge(self, end: bool) -> None:
        """Go to the first or the last row."""
        self._move_to(len(self.window) - 1 if end else 0)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.window.cursor is not None:
            self.post_message(self.Opened(self, self.window.cursor))

    def action_mark(self) -> None:
        """Mark or unmark the row under the cursor and go on to the next."""
        if self.window.cursor is None:
            return
        self.window.toggle_mark(self.window.cursor)
        self._refresh_row(self.window.cursor_index)
        self.post_message(self.Marked(self))
        self._move_to(self.window.cursor_index + 1)

    def on_click(self, event: Click) -> None:
        event.stop()
        if event.y < HEADER:
            for placed in self._placed:
                if placed.x <= event.x < placed.x + placed.width:
                    self.post_message(self.SortAsked(self, placed.column.key))
            return
        if event.x >= self._width:
            self._jump(event.y - HEADER)
            return
        index = round(self.scroll_y) + event.y - HEADER
        if index < len(self.window):
            self._move_to(index)
            if event.chain == 2:
                self.action_open()

    def _jump(self, line: int) -> None:
        """Scroll to where a click on the scroll bar points; the cursor stays."""
        hidden = len(self.window) - self._page_rows
        if hidden > 0:
            self._scroll_rows_to(hidden * line // max(self._page_rows - 1, 1))

    def _move_to(self, index: int, top: int | None = None) -> None:
        before = self.window.cursor_index
        if self.window.move_to(index):
            self._refresh_row(before)
            self._refresh_row(self.window.cursor_index)
            self.post_message(self.Highlighted(self, self.window.cursor))
        if top is not None:
            self._scroll_rows_to(top)
        self._show_cursor()

    def _want_rows(self) -> None:
        """Ask once for what is missing in view and, so that a held key finds rows, a screen around it."""
        top, page = round(self.scroll_y), self._page_rows
        missing = self.window.missing(max(top - page, 0), top + 2 * page)
        if missing and missing != self._wanted:
            self._wanted = missing
            self.post_message(self.RowsWanted(self, max(top - page, 0), top + 2 * page))
