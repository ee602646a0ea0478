"""Columns of a table: which are shown at a width, how wide each is, and text cut to exactly that many cells. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rich.cells import cell_len, set_cell_size

from engine.text import shown

ELLIPSIS = "…"
GAP = 2
NARROW_GAP = 1
READABLE = 8
"""Cells by which most beginnings can be told apart."""
NARROW = 132
"""Below this many cells columns stand one cell apart."""


class Cell(NamedTuple):
    """What stands in one column of one row."""

    text: str
    style: str = ""
    """A Textual style such as `bold $failed`; empty for the row's own. A styled cell costs bytes on every repaint."""
    tails: Sequence[str] = ()
    """Ends of the text, the longest first: one of them stays when it is cut, which is then done before it."""


class Column(NamedTuple):
    """One column of a table."""

    key: str
    title: str
    width: int
    """In cells; for a flexible column the least."""
    align: Literal["left", "right"] = "left"
    min_total_width: int = 0
    """The column is left out when the table has fewer cells than this."""
    flex: int = 0
    """Its share of the cells left over; 0 keeps `width`."""
    yields: bool = False
    """Left out before any other where there is no room."""
    least: int = 0
    """Cells it makes do with where the last column would not fit otherwise and that is `dear`; 0 is `width`."""
    dear: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """A column that is shown, with its position among all columns."""

    column: Column
    index: int
    x: int
    width: int


def place(columns: Sequence[Column], total: int, start: int = 0, end: int = 0) -> list[Placed]:
    """Lay columns out in a table of `total` cells, `start` of them left free at the left and `end` at the right.

    Narrow tables drop the columns that ask for more, then those that yield, then the rightmost ones that still do not
    fit; the first column always stays. What is left over goes to the flexible columns by their shares.
    """
    gap = NARROW_GAP if total < NARROW else GAP
    kept = [(index, column) for index, column in enumerate(columns) if total >= column.min_total_width or index == 0]
    width = total - end
    while len(kept) > 1 and _needed(kept, gap) > width - start:
        narrowed = [(index, column._replace(width=column.least or column.width)) for index, column in kept]
        yielding = [one for one in kept if one[1].yields]
        if yielding:
            kept.remove(yielding[-1])
        elif kept[-1][1].dear and _needed(narrowed, gap) <= width - start:
            kept = narrowed
        else:
            kept.pop()
    spare = max(width - start - _needed(kept, gap), 0)
    shares = sum(column.flex for _, column in kept)
    placed: list[Placed] = []
    x = start
    for index, column in kept:
        extra = spare * column.flex // shares if shares else 0
        # What the divisions before rounded away goes to the flexible columns that follow.
        spare, shares = spare - extra, shares - column.flex
        cells = min(column.width + extra, max(width - x, 0))
        placed.append(Placed(column, index, x, cells))
        x += cells + gap
    return placed


def _needed(kept: Sequence[tuple[int, Column]], gap: int) -> int:
    return sum(column.width for _, column in kept) + gap * (len(kept) - 1)


def fit(text: str, width: int, align: Literal["left", "right"] = "left", tails: Sequence[str] = ()) -> str:
    """The text in exactly `width` cells, made safe to show, cut with `…` where it is longer, before one of its `tails`.

    Wide characters count two cells and are never cut in half.
    """
    text = shown(text)
    length = cell_len(text)
    if length > width:
        tail = _tail(tails, width - 1)
        return set_cell_size(text, width - 1 - cell_len(tail)) + ELLIPSIS + tail if width > 0 else ""
    padding = " " * (width - length)
    return padding + text if align == "right" else text + padding


def _tail(tails: Sequence[str], room: int) -> str:
    """The longest end that leaves something of the beginning; of the whole one only where that can still be read."""
    least = {0: READABLE}
    return next((tail for n, tail in enumerate(tails) if room - cell_len(tail) >= least.get(n, 1)), "")
