"""What a paged table looks like: the lines in view, drawn from its window, and where it is scrolled to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, NamedTuple, TypeVar

from rich.segment import Segment
from textual.geometry import Region, Size
from textual.reactive import Reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.signs import MARK
from tui.widgets.columns import ELLIPSIS, Cell, Column, Placed, fit, place
from tui.widgets.lines import GUTTER, MARGIN, runs, thumb, title
from tui.widgets.window import Window

if TYPE_CHECKING:
    from rich.style import Style

Row = TypeVar("Row")

HEADER = 1
"""Lines above the rows."""
_GONE = "(no longer there)"
_THUMB = "┃"
"""Drawn as part of the rows' own run: Textual's scroll bar would cost 44 bytes a line, a sixth of a page."""


class Sort(NamedTuple):
    """What the rows are ordered by, for the header's glyph."""

    key: str
    reverse: bool = False


class PagedLines(ScrollView, Generic[Row], can_focus=True, inherit_bindings=False):
    """Draws what the table holds; a change repaints the lines that look different afterwards."""

    DEFAULT_CSS = """
    PagedLines {
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
    # Textual's own lays out and paints the whole screen again; here more rows need no more room of it.
    virtual_size = Reactive(Size(0, 0), repaint=False)

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

    # What is shown

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

    # Geometry

    @property
    def _width(self) -> int:
        """Cells for columns; the last one of the table is the scroll bar's."""
        return max(self.size.width - 1, 0)

    @property
    def _page_rows(self) -> int:
        return max(self.size.height - HEADER, 1)

    def _measure(self) -> None:
        self.virtual_size = Size(self._width, len(self.window) + HEADER)
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
            self.refresh(Region(0, HEADER, self.size.width, max(self.size.height - HEADER, 0)))
            self._want_rows()

    def _want_rows(self) -> None:
        """Ask for what is missing in view."""
        raise NotImplementedError

    # Drawing

    def on_focus(self) -> None:
        self._refresh_row(self.window.cursor_index)

    def on_blur(self) -> None:
        self._refresh_row(self.window.cursor_index)

    def _refresh_row(self, index: int) -> None:
        y = index - round(self.scroll_y) + HEADER
        if HEADER <= y < self.size.height:
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
        if y < HEADER:
            return self._header()
        top = round(self.scroll_y)
        index = top + y - HEADER
        base = self.rich_style
        if index >= len(self.window):
            return [Segment(" " * self.size.width, base)]
        end = _THUMB if y - HEADER in thumb(len(self.window), self._page_rows, top) else " "
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
