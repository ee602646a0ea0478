"""The line of status tabs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from store.types import Status
from tests.driver import Console
from tests.tui.harness import Harness, collector
from tui.widgets.status_tabs import TABS, StatusTabs, lay_out

COUNTS = dict(zip(Status, (6, 4, 1, 109, 5, 3), strict=True))
LARGE = dict(zip(Status, (60_123, 4_000, 1_000, 1_090_000, 50_000, 30_000), strict=True))


def text(width: int, counts: dict[Status, int] = COUNTS, active: Status | None = None) -> str:
    line = ""
    for tab in lay_out(counts, active, width):
        line += " " * (tab.x - cell_len(line)) + tab.text
    return line


def test_R51_all_and_the_six_statuses_with_their_counts() -> None:
    assert text(120) == (" [All 128]  Draft 6  Scheduled 4  In Progress 1  Completed 109  Failed 5  Cancelled 3")


def test_R51_at_80_columns_shorter_words_make_room_for_all_seven() -> None:
    assert text(80) == " [All 128]  Draft 6  Sched 4  In Prog 1  Compl 109  Failed 5  Canc 3"


def test_large_counts_are_rounded_down_before_words_become_signs() -> None:
    assert text(80, LARGE) == " [All 1M] Draft 60k Sched 4000 In Prog 1000 Compl 1M Failed 50k Canc 30k"
    assert text(60, LARGE) == " [All 1M] · 60k ○ 4000 ▶ 1000 ✓ 1M ✗ 50k - 30k"


@given(st.lists(st.integers(0, 9_999_999), min_size=6, max_size=6), st.sampled_from(TABS), st.integers(60, 200))
def test_all_seven_fit_in_every_terminal_that_is_large_enough(
    counts: list[int], active: Status | None, width: int
) -> None:
    tabs = lay_out(dict(zip(Status, counts, strict=True)), active, width)
    assert [tab.status for tab in tabs] == list(TABS)
    assert tabs[-1].x + cell_len(tabs[-1].text) <= width


def test_the_active_tab_is_seen_without_colours() -> None:
    assert " [Failed 5] " in text(120, active=Status.FAILED)
    assert "[All" not in text(120, active=Status.FAILED)


def test_neighbours_go_round_the_end() -> None:
    tabs = StatusTabs()
    assert tabs.next(1) is Status.DRAFT
    assert tabs.next(-1) is Status.CANCELLED


async def test_counts_and_the_active_tab_are_drawn_when_they_change() -> None:
    tabs = StatusTabs()
    async with Console(Harness(tabs), (100, 3)) as screen:
        assert screen.sees("[All 0]")
        tabs.counts = COUNTS
        tabs.active = Status.IN_PROGRESS
        await screen.expect("All 128", "[In Progress 1]")


async def test_nothing_is_repainted_when_the_counts_are_the_same() -> None:
    tabs = StatusTabs()
    async with Console(Harness(tabs), (100, 3)) as screen:
        tabs.counts = COUNTS
        await screen.expect("All 128")
        drawn = tabs._drawn
        tabs.counts = dict(COUNTS)
        await screen.pilot.pause()
        assert tabs._drawn is drawn


async def test_the_hint_stands_at_the_right_where_there_is_room() -> None:
    tabs = StatusTabs()
    async with Console(Harness(tabs), (120, 3)) as screen:
        tabs.counts = COUNTS
        tabs.hint = "/ search   s sort"
        await screen.expect("/ search   s sort")
        assert screen.lines[0].endswith("s sort")
        await screen.resize(80, 3)
        await screen.expect_not("search")


@pytest.mark.parametrize(
    ("x", "status"), [(3, None), (13, Status.DRAFT), (30, Status.SCHEDULED), (80, Status.CANCELLED)]
)
async def test_a_click_selects(x: int, status: Status | None) -> None:
    tabs = StatusTabs()
    seen, hook = collector(StatusTabs.Selected)
    async with Console(Harness(tabs), (120, 3), hook) as screen:
        tabs.counts = COUNTS
        await screen.click(StatusTabs, (x, 0))
        assert [one.status for one in seen] == [status]
        assert tabs.active is None, "the screen decides"


async def test_a_click_between_tabs_selects_nothing() -> None:
    tabs = StatusTabs()
    seen, hook = collector(StatusTabs.Selected)
    async with Console(Harness(tabs), (120, 3), hook) as screen:
        tabs.counts = COUNTS
        await screen.click(StatusTabs, (10, 0))
        await screen.click(StatusTabs, (110, 0))
        assert seen == []
