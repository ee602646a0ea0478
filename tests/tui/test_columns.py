"""Columns, cells and lines of a table: widths in terminal cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from tui.widgets.columns import Cell, Column, fit, place
from tui.widgets.lines import GUTTER, runs, thumb, title

COLUMNS = (
    Column("status", "STATUS", 13),
    Column("name", "NAME", 16, flex=3),
    Column("template", "TEMPLATE", 12, flex=1, min_total_width=100),
    Column("audience", "AUDIENCE", 8, "right"),
    Column("read", "READ%", 5, "right", min_total_width=110),
)


def keys(width: int) -> list[str]:
    return [placed.column.key for placed in place(COLUMNS, width, GUTTER)]


def test_narrow_tables_drop_the_columns_that_ask_for_more() -> None:
    assert keys(120) == ["status", "name", "template", "audience", "read"]
    assert keys(109) == ["status", "name", "template", "audience"]
    assert keys(80) == ["status", "name", "audience"]


def test_cells_kept_free_at_the_right_are_no_columns() -> None:
    last = place(COLUMNS, 120, GUTTER, 2)[-1]
    assert (last.column.key, last.x + last.width) == ("read", 118)


def test_columns_that_do_not_fit_go_from_the_right() -> None:
    assert keys(35) == ["status", "name"]
    assert keys(20) == ["status"]
    assert keys(1) == ["status"]


def test_a_column_that_yields_goes_first_and_a_dear_one_takes_from_those_that_can_do_with_less() -> None:
    columns = (
        Column("name", "NAME", 14, flex=1, least=10),
        Column("audience", "AUDIENCE", 8, yields=True),
        Column("progress", "PROGRESS", 15, dear=True),
        Column("sent", "SENT%", 5),
    )

    def at(width: int) -> dict[str, int]:
        return {one.column.key: one.width for one in place(columns, width)}

    assert at(45) == {"name": 14, "audience": 8, "progress": 15, "sent": 5}
    assert at(44) == {"name": 22, "progress": 15, "sent": 5}
    assert at(35) == {"name": 19, "progress": 15}
    assert at(29) == {"name": 13, "progress": 15}
    assert at(26) == {"name": 10, "progress": 15}
    assert at(25) == {"name": 25}


def test_what_is_left_over_goes_to_the_flexible_columns_by_their_shares() -> None:
    by_key = {placed.column.key: placed.width for placed in place(COLUMNS, 160, GUTTER)}
    # 160 - 2 gutter - 54 cells of columns - 8 between them = 96, in shares of 3 and 1.
    assert by_key == {"status": 13, "name": 16 + 72, "template": 12 + 24, "audience": 8, "read": 5}


@given(st.integers(0, 300))
def test_columns_never_overlap_nor_run_over_the_edge(width: int) -> None:
    x = GUTTER
    for placed in place(COLUMNS, width, GUTTER):
        assert placed.x >= x
        x = placed.x + placed.width
        assert x <= max(width, GUTTER)


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("abc", 5, "abc  "),
        ("abcdef", 5, "abcd…"),
        ("abcde", 5, "abcde"),
        ("", 3, "   "),
        ("abc", 0, ""),
        ("日本語テスト", 8, "日本語 …"),
        ("日本語", 6, "日本語"),
        ("🎉 party", 4, "🎉 …"),
        ("é", 2, "é "),
    ],
)
def test_text_is_cut_to_cells_and_not_to_characters(text: str, width: int, expected: str) -> None:
    assert fit(text, width) == expected


TAILS = ("Mon 30 Nov 10:00", "30 Nov 10:00", "30 Nov")


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (32, "↻ Weekly offer, Mon 30 Nov 10:00"),
        (31, "↻ Weekly offer…Mon 30 Nov 10:00"),
        (25, "↻ Weekly…Mon 30 Nov 10:00"),
        (24, "↻ Weekly of…30 Nov 10:00"),
        (14, "↻…30 Nov 10:00"),
        (13, "↻ Week…30 Nov"),
        (8, "↻…30 Nov"),
        (7, "↻ Week…"),
        (1, "…"),
        (0, ""),
    ],
)
def test_text_is_cut_before_an_end_that_tells_it_from_others(width: int, expected: str) -> None:
    assert fit("↻ Weekly offer, Mon 30 Nov 10:00", width, tails=TAILS) == expected


def test_numbers_stand_on_the_right() -> None:
    assert fit("1,204", 8, "right") == "   1,204"


def test_what_was_typed_never_reaches_the_terminal_as_a_control() -> None:
    assert fit("a\x1b[31mb\nc\u202ed", 20).rstrip() == "a␛[31mb␊c\N{REPLACEMENT CHARACTER}d"


@given(st.text(max_size=40), st.integers(0, 30))
def test_a_cell_is_exactly_as_wide_as_its_column(text: str, width: int) -> None:
    assert cell_len(fit(text, width)) == width


BASE, LOUD = Style(color="white"), Style(bold=True)


def line(width: int, *cells: Cell, tones: bool = True) -> list[tuple[str, Style | None]]:
    columns = [Column("a", "A", 4), Column("b", "B", 6, flex=1), Column("c", "C", 3, "right")]
    segments = runs(
        place(columns, width, GUTTER), cells, width, BASE, "*", "|", (lambda style: LOUD) if tones else None
    )
    return [(segment.text, segment.style) for segment in segments]


def test_a_line_is_one_run_of_one_style() -> None:
    assert line(24, Cell("x"), Cell("yy"), Cell("7")) == [("* x    yy" + " " * 12 + "  7|", BASE)]


def test_only_a_cell_with_a_style_of_its_own_breaks_the_run() -> None:
    texts = line(24, Cell("x", "bold"), Cell("yy"), Cell("7"))
    assert texts == [("* ", BASE), ("x   ", BASE + LOUD), (" yy" + " " * 12 + "  7|", BASE)]


def test_the_cursors_line_is_never_broken() -> None:
    assert len(line(24, Cell("x", "bold"), Cell("yy", "bold"), Cell("7"), tones=False)) == 1


@given(st.integers(3, 60), st.text(max_size=20))
def test_every_line_is_as_wide_as_the_table(width: int, text: str) -> None:
    assert sum(cell_len(run) for run, _ in line(width, Cell(text, "bold"), Cell(text), Cell(text))) == width + 1


def test_the_glyph_of_the_order_stands_where_the_text_ends() -> None:
    assert title(COLUMNS[0], False, False).text == "STATUS"
    assert title(COLUMNS[0], True, False).text == "STATUS▲"
    assert title(COLUMNS[0], True, True).text == "STATUS▼"
    assert title(COLUMNS[3], True, True).text == "▼AUDIENC"


def test_without_more_to_see_there_is_no_thumb() -> None:
    assert list(thumb(rows=5, page=10, top=0)) == []
    assert list(thumb(rows=10, page=10, top=0)) == []


def test_the_thumb_is_at_an_edge_only_when_the_list_is() -> None:
    rows, page = 100_000, 38
    assert list(thumb(rows, page, 0)) == [0]
    assert list(thumb(rows, page, 1)) == [1]
    assert list(thumb(rows, page, rows - page - 1)) == [36]
    assert list(thumb(rows, page, rows - page)) == [37]


@given(st.integers(1, 10_000), st.integers(1, 60), st.data())
def test_the_thumb_stays_on_the_screen(rows: int, page: int, data: st.DataObject) -> None:
    lines = thumb(rows, page, data.draw(st.integers(0, max(rows - page, 0))))
    assert lines.start >= 0
    assert lines.stop <= page
    assert (len(lines) > 0) == (rows > page)
