"""One line of a table as runs of text: as few runs as possible, because each costs some forty bytes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.segment import Segment

from tui.widgets.columns import Cell, Column, Placed, fit

if TYPE_CHECKING:
    from rich.style import Style

GUTTER = 2
"""Cells before the first column: the mark and a space."""
MARGIN = 2
"""Cells behind the last column: a space and the scroll bar."""


def runs(
    placed: Sequence[Placed],
    cells: Sequence[Cell],
    width: int,
    base: Style,
    mark: str = " ",
    end: str = "",
    tone: Callable[[str], Style] | None = None,
) -> list[Segment]:
    """A line of `width` cells, then `end`, in one run of `base`, broken only by cells that have a style of their own.

    Without `tone`, which turns a cell's style into Rich's, it is never broken: the header and the cursor's line.
    """
    segments: list[Segment] = []
    run, x = mark, 1
    for one in placed:
        cell = cells[one.index]
        text = fit(cell.text, one.width, one.column.align, cell.tails)
        run += " " * (one.x - x)
        x = one.x + one.width
        if cell.style and tone is not None:
            segments += (Segment(run, base), Segment(text, base + tone(cell.style)))
            run = ""
        else:
            run += text
    segments.append(Segment(run + " " * (width - x) + end, base))
    return segments


def title(column: Column, sorted_by: bool, reverse: bool) -> Cell:
    """A column's title with the glyph of its order, on the side where the column's text ends."""
    if not sorted_by:
        return Cell(column.title)
    glyph = "▼" if reverse else "▲"
    # The glyph takes the place of a letter where the title fills its column.
    text = column.title[: column.width - 1]
    return Cell(f"{text}{glyph}" if column.align == "left" else f"{glyph}{text}")


def thumb(rows: int, page: int, top: int) -> range:
    """The lines of the scroll bar's thumb, counted from the first row's; none when all rows are in view."""
    if rows <= page:
        return range(0)
    size = max(page * page // rows, 1)
    start = top * (page - size) // (rows - page)
    # At the edges only when there is nothing more to see beyond.
    start = max(start, 1) if top > 0 and page - size > 1 else start
    start = min(start, page - size - 1) if top < rows - page and page - size > 1 else start
    return range(start, start + size)
