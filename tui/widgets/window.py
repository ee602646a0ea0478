"""The window on a long list: all ids in order, the rows of the pages looked at last, the cursor and the marks.

An id costs eight bytes, so a million campaigns or recipients fit; rows are fetched by id in pages. Cursor and marks are
ids, not positions: they survive another order, another filter and rows that come and go. No Textual, no store.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

Row = TypeVar("Row")

Fetch = Callable[[Sequence[int]], Mapping[int, Row]]
"""Reads rows by their ids; ids that no longer exist are left out of the answer."""


class Window(Generic[Row]):
    """Ids in order with a bounded cache of rows."""

    def __init__(self, fetch: Fetch[Row] | None = None, page: int = 128, pages: int = 16) -> None:
        """`fetch` serves `load`; without it somebody else fetches what is `missing` and hands it to `put`."""
        if page < 1 or pages < 1:
            raise ValueError(f"a window needs at least one page of one row, not {pages} of {page}")
        self._fetch = fetch
        self._page = page
        self._capacity = page * pages
        self._rows: OrderedDict[int, Row] = OrderedDict()
        self._gone: set[int] = set()
        self.ids: array[int] = array("q")
        self.marks: set[int] = set()
        """Marked ids, also those the current ids do not show."""
        self._cursor: int | None = None
        self._cursor_index = -1

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def cursor(self) -> int | None:
        """The id under the cursor; `None` only in an empty list."""
        return self._cursor if self.ids else None

    @property
    def cursor_index(self) -> int:
        """Where the cursor stands; -1 in an empty list."""
        return self._cursor_index

    def set_ids(self, ids: Iterable[int], keep_cursor: bool = True) -> None:
        """Show other ids. The cursor stays on its row if it is still there, else at its height; or goes to the top."""
        self.ids = ids if isinstance(ids, array) and ids.typecode == "q" else array("q", ids)
        self._gone.clear()
        if not self.ids:
            # The id is remembered: when the filter that emptied the list is lifted, the cursor is back on its row.
            self._cursor_index = -1
            if not keep_cursor:
                self._cursor = None
            return
        found = self.index_of(self._cursor) if keep_cursor and self._cursor is not None else None
        height = max(self._cursor_index, 0) if keep_cursor else 0
        self.move_to(height if found is None else found)

    def move_to(self, index: int) -> bool:
        """Put the cursor on the row nearest to `index`; tells whether it moved."""
        if not self.ids:
            return False
        target = min(max(index, 0), len(self.ids) - 1)
        moved = target != self._cursor_index or self.ids[target] != self._cursor
        self._cursor_index, self._cursor = target, self.ids[target]
        return moved

    def index_of(self, row_id: int) -> int | None:
        """Where an id stands; a linear search in C, about 10 ms in a million."""
        try:
            return self.ids.index(row_id)
        except ValueError:
            return None

    def row(self, index: int) -> Row | None:
        """The row at `index`; `None` when it is not cached (see `missing`) or there is none."""
        if not 0 <= index < len(self.ids):
            return None
        row_id = self.ids[index]
        row = self._rows.get(row_id)
        if row is not None:
            self._rows.move_to_end(row_id)
        return row

    def get(self, row_id: int) -> Row | None:
        """The cached row with this id."""
        return self._rows.get(row_id)

    def is_gone(self, index: int) -> bool:
        """Whether the row was asked for and no longer exists."""
        return 0 <= index < len(self.ids) and self.ids[index] in self._gone

    def missing(self, first: int, last: int) -> list[int]:
        """The ids to fetch for drawing rows `first` to `last`, both included: whole pages, at most what fits."""
        first, last = max(first, 0), min(last, len(self.ids) - 1)
        # Those that are there count as looked at, or the rows that come would push them out.
        there = [row_id for row_id in self.ids[first : last + 1] if not self._lacks(row_id)] if first <= last else []
        for row_id in there:
            if row_id in self._rows:
                self._rows.move_to_end(row_id)
        if len(there) == max(last - first + 1, 0):
            return []
        start = first // self._page * self._page
        stop = min((last // self._page + 1) * self._page, start + self._capacity)
        return [row_id for row_id in self.ids[start:stop] if self._lacks(row_id)]

    def _lacks(self, row_id: int) -> bool:
        return row_id not in self._rows and row_id not in self._gone

    def put(self, rows: Mapping[int, Row], asked: Iterable[int] = ()) -> None:
        """Take fetched rows in; ids that were `asked` for and are not among them are gone."""
        for row_id, row in rows.items():
            self._rows[row_id] = row
            self._rows.move_to_end(row_id)
            self._gone.discard(row_id)
        self._gone.update(row_id for row_id in asked if row_id not in rows)
        while len(self._rows) > self._capacity:
            self._rows.popitem(last=False)

    def load(self, first: int, last: int) -> bool:
        """Fetch here and now what is missing; tells whether anything was.

        Raises:
            RuntimeError: the window was made without `fetch`.
        """
        asked = self.missing(first, last)
        if not asked:
            return False
        if self._fetch is None:
            raise RuntimeError("this window has no fetch function: hand the rows to put()")
        self.put(self._fetch(asked), asked)
        return True

    def invalidate(self, ids: Iterable[int] | None = None) -> None:
        """Forget these rows, or all, so that they are fetched again."""
        if ids is None:
            self._rows.clear()
            self._gone.clear()
            return
        for row_id in ids:
            self._rows.pop(row_id, None)
            self._gone.discard(row_id)

    def toggle_mark(self, row_id: int) -> bool:
        """Mark or unmark; tells whether it is marked now."""
        if row_id in self.marks:
            self.marks.remove(row_id)
            return False
        self.marks.add(row_id)
        return True
