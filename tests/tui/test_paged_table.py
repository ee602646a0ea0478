"""The paged table on a screen: what is drawn, what is repainted, what is posted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import pytest
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget

from tests.driver import Console
from tests.tui.harness import Harness, collector, ids
from tui.widgets.columns import Cell, Column
from tui.widgets.paged_lines import Sort
from tui.widgets.paged_table import PagedTable
from tui.widgets.window import Window

COLUMNS = (
    Column("status", "STATUS", 9),
    Column("name", "NAME", 10, flex=1),
    Column("count", "COUNT", 7, "right", min_total_width=60),
)


@dataclass(frozen=True)
class Row:
    id: int
    name: str
    status: str = "Draft"
    count: int = 0


def cells(row: Row) -> Sequence[Cell]:
    return Cell(row.status, "bold $failed" if row.status == "Failed" else ""), Cell(row.name), Cell(f"{row.count:,}")


def rows(wanted: Sequence[int]) -> Mapping[int, Row]:
    return {i: Row(i, f"Campaign {i}") for i in wanted}


class Table(PagedTable[Row]):
    """Counts what it was asked to repaint."""

    def __init__(self) -> None:
        super().__init__(COLUMNS, cells, Window(page=32, pages=8), id="table")
        self.repainted: list[Region] = []

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        self.repainted += regions
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)


class App(Harness):
    """Loads the rows the table wants, as a screen does, unless told not to."""

    def __init__(self, n: int = 100, serve: bool = True, deleted: Sequence[int] = ()) -> None:
        self.table = Table()
        super().__init__(self.table)
        self.n, self.serve, self.deleted = n, serve, deleted

    def on_mount(self) -> None:
        self.table.set_ids(range(1, self.n + 1))
        self.table.focus()

    def on_paged_table_rows_wanted(self, event: PagedTable.RowsWanted) -> None:
        if self.serve:
            wanted = event.table.window.missing(event.first, event.last)
            found = {i: row for i, row in rows(wanted).items() if i not in self.deleted}
            event.table.update_rows(found, wanted)


SIZE = (60, 11)
"""Ten rows under the header."""


def console(app: App, size: tuple[int, int] = SIZE, hook: Callable[[Message], None] | None = None) -> Console:
    return Console(app, size, hook)


async def test_it_draws_a_header_and_the_rows_in_view() -> None:
    async with console(App()) as screen:
        await screen.expect("Campaign 10")
        assert screen.lines[0].split() == ["STATUS", "NAME", "COUNT"]
        assert screen.lines[1].split() == ["Draft", "Campaign", "1", "0", "┃"]
        assert not screen.sees("Campaign 11 ")


async def test_columns_that_ask_for_more_room_appear_with_it() -> None:
    async with console(App(), (59, 11)) as screen:
        await screen.expect("Campaign 1 ")
        assert not screen.sees("COUNT")
        await screen.resize(70, 11)
        await screen.expect("COUNT")


async def test_the_cursor_moves_by_row_page_and_edge() -> None:
    app = App()
    async with console(app) as screen:
        window = app.table.window
        for key, expected in (
            ("j", 2), ("down", 3), ("k", 2), ("up", 1), ("up", 1), ("pagedown", 11), ("ctrl+d", 21), ("ctrl+u", 11),
            ("pageup", 1), ("G", 100), ("g", 1), ("end", 100), ("down", 100), ("home", 1),
        ):  # fmt: skip
            await screen.press(key)
            assert window.cursor == expected, key


async def test_a_page_down_keeps_the_cursors_height() -> None:
    app = App()
    async with console(app) as screen:
        await screen.press("j", "j", "pagedown")
        await screen.expect("Campaign 20")
        assert app.table.window.cursor == 13
        assert "Campaign 13" in screen.lines[3]


async def test_a_cursor_move_repaints_two_lines_and_no_more() -> None:
    app = App()
    async with console(app) as screen:
        await screen.expect("Campaign 10")
        app.table.repainted.clear()
        await screen.press("j")
        assert app.table.repainted == [Region(0, 1, 60, 1), Region(0, 2, 60, 1)]


async def test_scrolling_leaves_the_header_alone() -> None:
    app = App()
    async with console(app) as screen:
        await screen.expect("Campaign 10")
        app.table.repainted.clear()
        await screen.press("pagedown")
        assert all(region.y >= 1 for region in app.table.repainted)
        await screen.expect("Campaign 20")


async def test_at_the_edge_a_key_repaints_nothing() -> None:
    app = App()
    async with console(app) as screen:
        await screen.expect("Campaign 10")
        app.table.repainted.clear()
        await screen.press("k", "home", "pageup")
        assert app.table.repainted == []


async def test_an_update_repaints_only_the_lines_that_look_different() -> None:
    app = App()
    async with console(app) as screen:
        await screen.expect("Campaign 10")
        app.table.repainted.clear()
        app.table.update_rows({3: Row(3, "Campaign 3"), 5: Row(5, "Renamed"), 80: Row(80, "Out of view")})
        await screen.expect("Renamed")
        assert app.table.repainted == [Region(0, 5, 60, 1)]


async def test_redraw_repaints_what_the_time_changed() -> None:
    app = App()
    left = ["10:00"]
    app.table._cells = lambda row: (Cell("Draft"), Cell(f"locks in {left[0]}" if row.id == 4 else row.name), Cell(""))
    async with console(app) as screen:
        await screen.expect("locks in 10:00")
        app.table.repainted.clear()
        app.table.redraw()
        assert app.table.repainted == []
        left[0] = "09:59"
        app.table.redraw()
        assert app.table.repainted == [Region(0, 4, 60, 1)]
        await screen.expect("locks in 09:59")


async def test_a_row_that_is_not_loaded_shows_dots_until_it_comes() -> None:
    app = App(serve=False)
    async with console(app) as screen:
        assert screen.lines[1] == "  …".ljust(59) + "┃"
        app.table.update_rows(rows(range(1, 20)))
        await screen.expect("Campaign 10")
        assert not screen.sees("…")


async def test_a_row_that_was_deleted_meanwhile_says_so() -> None:
    async with console(App(deleted=[2])) as screen:
        await screen.expect("Campaign 1 ", "(no longer there)", "Campaign 3")


async def test_missing_rows_are_asked_for_once_with_a_screen_around_them() -> None:
    app = App(n=1_000)
    seen, hook = collector(PagedTable.RowsWanted)
    async with console(app, hook=hook) as screen:
        await screen.expect("Campaign 10")
        assert len(seen) == 1
        await screen.press("j", "j", "pagedown", "pageup")
        assert len(seen) == 1, "the page of rows around the view is there"
        await screen.press("G")
        await screen.expect("Campaign 1000")
        assert (seen[-1].first, seen[-1].last) == (980, 1_010)


async def test_what_was_asked_for_is_not_asked_for_again_while_it_is_on_its_way() -> None:
    app = App(n=1_000, serve=False)
    seen, hook = collector(PagedTable.RowsWanted)
    async with console(app, hook=hook) as screen:
        await screen.press("j", "k", "pagedown")
        assert len(seen) == 1


async def test_moving_posts_where_the_cursor_is() -> None:
    seen, hook = collector(PagedTable.Highlighted)
    async with console(App(), hook=hook) as screen:
        seen.clear()
        await screen.press("j", "G")
        assert ids(seen) == [2, 100]


async def test_enter_is_left_to_the_screen() -> None:
    pressed: list[int | None] = []

    class Screen(App):
        BINDINGS: ClassVar = [("enter", "look", "look")]

        def action_look(self) -> None:
            pressed.append(self.table.window.cursor)

    async with console(Screen()) as screen:
        await screen.press("j", "enter")
        assert pressed == [2]


def test_a_burst_of_moves_arrives_as_the_last_one() -> None:
    table, other = Table(), Table()
    newer = PagedTable.Highlighted(table, 3)
    assert newer.can_replace(PagedTable.Highlighted(table, 2))
    assert not newer.can_replace(PagedTable.Highlighted(other, 2))
    assert not newer.can_replace(PagedTable.Opened(table, 2))
    assert PagedTable.RowsWanted(table, 5, 9).can_replace(PagedTable.RowsWanted(table, 0, 4))


async def test_space_marks_the_row_and_goes_on_and_again_unmarks() -> None:
    app = App()
    seen, hook = collector(PagedTable.Marked)
    async with console(app, hook=hook) as screen:
        await screen.expect("Campaign 10")
        await screen.press("space", "space")
        assert app.table.window.marks == {1, 2}
        assert screen.lines[1].startswith("* Draft")
        assert screen.lines[3].startswith("  Draft")
        assert len(seen) == 2
        await screen.press("g", "space")
        assert app.table.window.marks == {2}
        app.table.clear_marks()
        await screen.expect_not("* Draft")


async def test_marks_and_cursor_survive_another_order() -> None:
    app = App(n=50)
    async with console(app) as screen:
        await screen.expect("Campaign 10")
        await screen.press("pagedown", "pagedown", "j", "space")
        app.table.set_ids(range(50, 0, -1))
        await screen.pilot.pause()
        assert app.table.window.cursor == 23
        assert app.table.window.marks == {22}
        assert "Campaign 23 " in screen.lines[3], "the cursor's row keeps its height"
        assert screen.line("Campaign 22 ").startswith("* Draft")


async def test_rows_that_come_in_above_do_not_move_the_cursors_line() -> None:
    app = App(n=50)
    async with console(app) as screen:
        await screen.press("pagedown", "j", "j")
        await screen.expect("Campaign 13")
        line = next(y for y, text in enumerate(screen.lines) if "Campaign 13" in text)
        app.table.set_ids([99, 98, 97, *range(1, 51)])
        await screen.expect("Campaign 13")
        assert "Campaign 13" in screen.lines[line]


async def test_an_emptied_list_posts_that_nothing_is_highlighted() -> None:
    app = App()
    seen, hook = collector(PagedTable.Highlighted)
    async with console(app, hook=hook) as screen:
        await screen.expect("Campaign 10")
        app.table.set_ids([])
        await screen.pilot.pause()
        assert not screen.sees("Campaign")
        assert ids(seen)[-1] is None
        await screen.press("j", "space", "enter", "pagedown", "G")
        assert app.table.window.marks == set()


async def test_a_resize_keeps_the_cursors_row_in_view() -> None:
    app = App()
    async with console(app, (60, 30)) as screen:
        await screen.press(*["j"] * 25)
        await screen.expect("Campaign 26")
        await screen.resize(60, 8)
        await screen.expect("Campaign 26")
        await screen.resize(60, 30)
        await screen.expect("Campaign 26")
        assert app.table.window.cursor == 26


async def test_a_click_moves_the_cursor_and_a_double_click_opens() -> None:
    app = App()
    seen, hook = collector(PagedTable.Opened)
    async with console(app, hook=hook) as screen:
        await screen.expect("Campaign 10")
        await screen.click("#table", (10, 4))
        assert app.table.window.cursor == 4
        assert seen == []
        await screen.click("#table", (10, 6), times=2)
        assert ids(seen) == [6]


async def test_a_click_below_the_last_row_does_nothing() -> None:
    app = App(n=3)
    async with console(app) as screen:
        await screen.click("#table", (10, 8))
        assert app.table.window.cursor == 1


async def test_a_click_on_a_title_asks_for_that_order() -> None:
    seen, hook = collector(PagedTable.SortAsked)
    async with console(App(), hook=hook) as screen:
        await screen.click("#table", (14, 0))
        assert [one.key for one in seen] == ["name"]


async def test_the_header_shows_the_order() -> None:
    app = App()
    async with console(app) as screen:
        app.table.sort = Sort("name")
        await screen.expect("NAME▲")
        app.table.sort = Sort("count", reverse=True)
        await screen.expect("▼COUNT")
        assert not screen.sees("NAME▲")


async def test_the_wheel_scrolls_and_leaves_the_cursor() -> None:
    app = App()
    async with console(app) as screen:
        await screen.expect("Campaign 10")
        for _ in range(4):
            app.table._on_mouse_scroll_down(_wheel(app.table))
        await screen.expect_not("Campaign 1 ")
        assert app.table.window.cursor == 1


def _wheel(widget: Widget) -> events.MouseScrollDown:
    return events.MouseScrollDown(widget, 5, 5, 0, 1, 0, False, False, False)


async def test_a_click_on_the_scroll_bar_jumps() -> None:
    app = App(n=1_000)
    async with console(app) as screen:
        await screen.expect("Campaign 10")
        await screen.click("#table", (59, 10))
        await screen.expect("Campaign 1000")
        await screen.click("#table", (59, 1))
        await screen.expect("Campaign 1 ")
        assert app.table.window.cursor == 1


async def test_move_to_id_shows_the_row() -> None:
    app = App(n=1_000)
    async with console(app) as screen:
        assert app.table.move_to_id(700)
        await screen.expect("Campaign 700")
        assert not app.table.move_to_id(7_000)
        assert 700 in app.table.visible_ids


async def test_what_was_typed_is_shown_literally() -> None:
    app = App(n=1, serve=False)
    async with console(app) as screen:
        app.table.update_rows({1: Row(1, "[bold]x[/] \x1b[31m日本")})
        await screen.expect("[bold]x[/] ␛[31m日本")


async def test_the_cursor_is_seen_without_colours() -> None:
    app = App()
    async with console(app) as screen:
        await screen.expect("Campaign 10")
        line = app.table.render_line(1)
        assert [segment.style is not None and segment.style.reverse for segment in line] == [True]
        app.screen.set_focus(None)
        await screen.pilot.pause()
        blurred = [segment.style for segment in app.table.render_line(1)]
        assert [style is not None and style.underline for style in blurred] == [True]


async def test_a_line_costs_one_run_unless_its_status_has_a_style() -> None:
    app = App()
    async with console(app) as screen:
        app.table.update_rows({2: Row(2, "x", "Failed")})
        await screen.expect("Failed")
        assert len(list(app.table.render_line(2))) == 3
        assert len(list(app.table.render_line(3))) == 1
        await screen.press("j")
        assert len(list(app.table.render_line(2))) == 1


@pytest.mark.parametrize("theme", ["sendoff", "sendoff-ansi", "textual-light"])
async def test_it_is_drawn_under_every_theme(theme: str) -> None:
    app = App()
    async with console(app) as screen:
        app.table.update_rows({2: Row(2, "x", "Failed")})
        app.theme = theme
        await screen.expect("Failed", "Campaign 3")
