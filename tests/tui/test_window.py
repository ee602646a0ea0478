"""The window on a long list, without a screen."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.window import Window


class Rows:
    """A store of rows that remembers what it was asked for."""

    def __init__(self, *deleted: int) -> None:
        self.asked: list[list[int]] = []
        self.deleted = set(deleted)

    def __call__(self, ids: Sequence[int]) -> Mapping[int, str]:
        self.asked.append(list(ids))
        return {i: f"row {i}" for i in ids if i not in self.deleted}


def window(n: int, page: int = 10, pages: int = 3, fetch: Rows | None = None) -> Window[str]:
    one = Window(fetch or Rows(), page, pages)
    one.set_ids(range(1, n + 1))
    return one


def test_ids_are_kept_as_eight_byte_numbers() -> None:
    one = window(3)
    assert isinstance(one.ids, array)
    assert one.ids.itemsize == 8
    assert len(one) == 3


def test_an_array_of_ids_is_taken_as_it_is() -> None:
    ids = array("q", [5, 6])
    one = window(0)
    one.set_ids(ids)
    assert one.ids is ids


def test_a_row_that_is_not_loaded_is_none_and_fetches_nothing_by_itself() -> None:
    rows = Rows()
    one = window(50, fetch=rows)
    assert one.row(0) is None
    assert rows.asked == []


def test_missing_names_whole_pages() -> None:
    assert window(50).missing(12, 15) == list(range(11, 21))
    assert window(50).missing(19, 20) == list(range(11, 31))
    assert window(50).missing(-5, 3) == list(range(1, 11))
    assert window(50).missing(45, 400) == list(range(41, 51))


@pytest.mark.parametrize(("first", "last"), [(60, 70), (5, 4), (-4, -1)])
def test_nothing_is_missing_outside_the_list(first: int, last: int) -> None:
    assert window(50).missing(first, last) == []


def test_load_fetches_each_row_once() -> None:
    rows = Rows()
    one = window(50, fetch=rows)
    assert one.load(0, 9)
    assert one.row(4) == "row 5"
    assert not one.load(3, 9)
    assert one.load(8, 12)
    assert rows.asked == [list(range(1, 11)), list(range(11, 21))]


def test_load_without_a_fetch_function_says_what_to_do() -> None:
    one: Window[str] = Window()
    one.set_ids([1])
    with pytest.raises(RuntimeError, match="put"):
        one.load(0, 0)


def test_the_cache_keeps_the_rows_looked_at_last() -> None:
    one = window(100, page=10, pages=2)
    one.load(0, 9)
    one.load(10, 19)
    assert one.row(0) == "row 1"
    one.load(20, 29)
    assert one.row(0) == "row 1", "it was looked at"
    assert one.row(1) is None, "it was not"
    assert one.row(25) == "row 26"


def test_rows_survive_another_order() -> None:
    rows = Rows()
    one = window(10, fetch=rows)
    one.load(0, 9)
    one.set_ids(range(10, 0, -1))
    assert one.row(0) == "row 10"
    assert one.missing(0, 9) == []
    assert len(rows.asked) == 1


def test_a_row_that_no_longer_exists_is_gone_and_not_asked_for_again() -> None:
    one = window(10, fetch=Rows(4))
    one.load(0, 9)
    assert one.row(3) is None
    assert one.is_gone(3)
    assert not one.is_gone(2)
    assert one.missing(0, 9) == []


def test_a_gone_row_may_come_back() -> None:
    one = window(10, fetch=Rows(4))
    one.load(0, 9)
    one.put({4: "restored"})
    assert not one.is_gone(3)
    assert one.row(3) == "restored"


def test_invalidate_forgets_some_or_all() -> None:
    one = window(10)
    one.load(0, 9)
    one.invalidate([2])
    assert one.row(1) is None
    assert one.row(2) == "row 3"
    one.invalidate()
    assert one.row(2) is None
    assert one.missing(0, 9) == list(range(1, 11))


def test_get_finds_a_row_by_its_id() -> None:
    one = window(10)
    one.load(0, 9)
    assert one.get(7) == "row 7"
    assert one.get(70) is None


def test_index_of() -> None:
    one = window(0)
    one.set_ids([30, 10, 20])
    assert one.index_of(10) == 1
    assert one.index_of(99) is None


def test_the_cursor_starts_at_the_top_and_stops_at_the_edges() -> None:
    one = window(5)
    assert (one.cursor, one.cursor_index) == (1, 0)
    assert one.move_to(99)
    assert (one.cursor, one.cursor_index) == (5, 4)
    assert not one.move_to(7)
    assert one.move_to(-3)
    assert one.cursor == 1


def test_an_empty_list_has_no_cursor() -> None:
    one = window(0)
    assert (one.cursor, one.cursor_index) == (None, -1)
    assert not one.move_to(0)


def test_the_cursor_stays_on_its_row_when_the_order_changes() -> None:
    one = window(5)
    one.move_to(1)
    one.set_ids([5, 4, 3, 2, 1])
    assert (one.cursor, one.cursor_index) == (2, 3)


def test_when_its_row_is_gone_the_cursor_keeps_its_height() -> None:
    one = window(5)
    one.move_to(2)
    one.set_ids([1, 2, 4, 5])
    assert (one.cursor, one.cursor_index) == (4, 2)
    one.set_ids([1])
    assert (one.cursor, one.cursor_index) == (1, 0)


def test_the_cursor_can_be_told_to_start_again() -> None:
    one = window(5)
    one.move_to(3)
    one.set_ids(range(1, 6), keep_cursor=False)
    assert one.cursor == 1


def test_after_a_filter_that_matched_nothing_the_cursor_is_back_on_its_row() -> None:
    one = window(5)
    one.move_to(3)
    one.set_ids([])
    assert one.cursor is None
    one.set_ids(range(1, 6))
    assert one.cursor == 4


def test_marks_survive_other_ids() -> None:
    one = window(5)
    assert one.toggle_mark(3)
    one.set_ids([1, 2])
    assert one.marks == {3}
    assert not one.toggle_mark(3)
    assert one.marks == set()


@pytest.mark.parametrize(("page", "pages"), [(0, 1), (1, 0)])
def test_a_window_without_room_is_refused(page: int, pages: int) -> None:
    with pytest.raises(ValueError, match="at least one page"):
        Window[str](page=page, pages=pages)


@given(
    n=st.integers(0, 300),
    views=st.lists(st.tuples(st.integers(-20, 320), st.integers(0, 25)), max_size=20),
)
def test_what_was_loaded_for_a_view_can_be_drawn(n: int, views: list[tuple[int, int]]) -> None:
    one = window(n, page=16, pages=4)
    for first, height in views:
        one.load(first, first + height)
        for index in range(max(first, 0), min(first + height, n - 1) + 1):
            assert one.row(index) == f"row {index + 1}"
        assert len(one._rows) <= 64
