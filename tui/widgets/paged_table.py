"""A table of any length: it draws the lines in view from a window of ids and asks for rows it lacks.

Made for thin lines: a cursor move repaints two lines, a row is one run of one style except for the cells that ask for
another, and a change repaints the lines that look different afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

from rich.segment import Segment
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import Reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.command import Scope
from tui.commands import bindings
from tui.signs import MARK
from tui.widgets.columns import ELLIPSIS, Cell, Column, Placed, fit, place
from tui.widgets.lines import GUTTER, MARGIN, runs, thumb, title
from tui.widgets.window import Window

if TYPE_CHECKING:
    from rich.style import Style
    from textual.binding import BindingType
    from textual.events import Click

Row = TypeVar("Row")

_HEADER = 1
"""Lines above the rows."""
_GONE = "(no longer there)"
_THUMB = "┃"
"""Drawn as part of the rows' own run: Textual's scroll bar would cost 44 bytes a line, a sixth of a page."""


class Sort(NamedTuple):
    """What the rows are ordered by, for the header's glyph."""

    key: str
    reverse: bool = False


class PagedTable(ScrollView, Generic[Row], can_focus=True, inherit_bindings=False):
    """Rows by id, a cursor, marks. The screen loads what `RowsWanted` asks for and hands it to `update_rows`."""

    DEFAULT_CSS = """
    PagedTable {
        overflow: hidden hidden;
        background: $background;
        color: $foreground;
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "paged-table--header",
        "paged-table--cursor",
        "paged-table--cursor-blurred",
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.TABLE)

    # Textual's own lays out and paints the whole screen again; here more rows need no more room of it.
    virtual_size = Reactive(Size(0, 0), repaint=False)

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

    def __init__(
        self,
        columns: Sequence[Column],
        cells: Callable[[Row], Sequence[Cell]],
        window: Window[Row] | None = None,
        *,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """`cells` gives a row's cells in the order of `columns`; it is called for every line drawn: be quick."""
        super().__init__(id=id, classes=classes)
        self.window: Window[Row] = Window() if window is None else window
        self._columns = tuple(columns)
        self._cells = cells
        self._placed: list[Placed] = []
        self._placed_for = 0
        self._sort: Sort | None = None
        self._drawn: dict[int, list[Segment]] = {}
        self._wanted: list[int] = []

    # What the screen hands in

    def set_ids(self, ids: Iterable[int], keep_cursor: bool = True) -> None:
        """Show these ids in this order; the cursor stays on its row if it is still there."""
        before = self.window.cursor
        line = self.window.cursor_index - round(self.scroll_y)
        self.window.set_ids(ids, keep_cursor)
        self._wanted = []
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
        self._wanted = []
        self.redraw()

    def redraw(self) -> None:
        """Repaint the lines that would look different now: after a change of rows, of marks or of the time."""
        if not self.is_mounted:
            return
        changed = [
            Region(0, y, self.size.width, 1) for y in range(self.size.height) if self._drawn.get(y) != self._line(y)
        ]
        if changed:
            self.refresh(*changed)

    @property
    def sort(self) -> Sort | None:
        """The column whose title carries the glyph."""
        return self._sort

    @sort.setter
    def sort(self, sort: Sort | None) -> None:
        self._sort = sort
        self.redraw()

    def has_room_for(self, key: str) -> bool:
        """Whether the column is shown at this width; taken for granted while nothing of the table is."""
        if not self.size.width:
            return True
        self._place()
        return any(placed.column.key == key for placed in self._placed)

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
        if event.y < _HEADER:
            for placed in self._placed:
                if placed.x <= event.x < placed.x + placed.width:
                    self.post_message(self.SortAsked(self, placed.column.key))
            return
        if event.x >= self._width:
            self._jump(event.y - _HEADER)
            return
        index = round(self.scroll_y) + event.y - _HEADER
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

    # Geometry

    @property
    def _width(self) -> int:
        """Cells for columns; the last one of the table is the scroll bar's."""
        return max(self.size.width - 1, 0)

    @property
    def _page_rows(self) -> int:
        return max(self.size.height - _HEADER, 1)

    def _measure(self) -> None:
        self.virtual_size = Size(self._width, len(self.window) + _HEADER)
        self.scroll_y = self.validate_scroll_y(self.scroll_y)

    @property
    def allow_vertical_scroll(self) -> bool:
        """Whether there is more than one page; Textual goes by its own scroll bar, which there is none of here."""
        return len(self.window) > self._page_rows

    def _scroll_rows_to(self, top: int) -> None:
        self.scroll_to(y=max(top, 0), animate=False)

    def _show_cursor(self) -> None:
        index, top = self.window.cursor_index, round(self.scroll_y)
        if index < 0:
            return
        if index < top:
            self._scroll_rows_to(index)
        elif index >= top + self._page_rows:
            self._scroll_rows_to(index - self._page_rows + 1)

    def _place(self) -> None:
        # Not left to `on_resize`: that comes after the first frame.
        if self._placed_for != self.size.width:
            self._placed_for = self.size.width
            self._placed = place(self._columns, self.size.width, GUTTER, MARGIN)

    def on_resize(self) -> None:
        in_view = round(self.scroll_y) <= self.window.cursor_index
        self._measure()
        if in_view:
            self._show_cursor()
        self._want_rows()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Repaint the rows but not the header."""
        if round(old_value) != round(new_value):
            self.refresh(Region(0, _HEADER, self.size.width, max(self.size.height - _HEADER, 0)))
            self._want_rows()

    def _want_rows(self) -> None:
        """Ask once for what is missing in view and, so that a held key finds rows, a screen around it."""
        top, page = round(self.scroll_y), self._page_rows
        missing = self.window.missing(max(top - page, 0), top + 2 * page)
        if missing and missing != self._wanted:
            self._wanted = missing
            self.post_message(self.RowsWanted(self, max(top - page, 0), top + 2 * page))

    # Drawing

    def on_focus(self) -> None:
        self._refresh_row(self.window.cursor_index)

    def on_blur(self) -> None:
        self._refresh_row(self.window.cursor_index)

    def _refresh_row(self, index: int) -> None:
        y = index - round(self.scroll_y) + _HEADER
        if _HEADER <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def render(self) -> str:
        """Never used: the table is drawn line by line."""
        return ""

    def notify_style_update(self) -> None:
        """Another theme: every line looks different."""
        self._drawn.clear()
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        """One line of the table; `y` counts from the header."""
        line = self._line(y)
        self._drawn[y] = line
        return Strip(line, self.size.width)

    def _line(self, y: int) -> list[Segment]:
        self._place()
        if y < _HEADER:
            return self._header()
        top = round(self.scroll_y)
        index = top + y - _HEADER
        base = self.rich_style
        if index >= len(self.window):
            return [Segment(" " * self.size.width, base)]
        end = _THUMB if y - _HEADER in thumb(len(self.window), self._page_rows, top) else " "
        under_cursor = index == self.window.cursor_index
        if under_cursor:
            name = "paged-table--cursor" if self.has_focus else "paged-table--cursor-blurred"
            base = self.get_component_rich_style(name)
        mark = MARK if self.window.ids[index] in self.window.marks else " "
        row = self.window.row(index)
        if row is None:
            text = _GONE if self.window.is_gone(index) else ELLIPSIS
            return [Segment(fit(f"{mark} {text}", self._width) + end, base)]
        tone = None if under_cursor else self._tone
        return runs(self._placed, self._cells(row), self._width, base, mark, end, tone)

    def _header(self) -> list[Segment]:
        sort = self._sort or Sort("")
        titles = [title(column, sort.key == column.key, sort.reverse) for column in self._columns]
        style = self.get_component_rich_style("paged-table--header")
        return runs(self._placed, titles, self._width, style, end=" ")

    def _tone(self, style: str) -> Style:
        return self.app.stylesheet.parse_style(style).rich_style
