"""The filter of the list as an operator uses it: days and sender, together with tabs, search and order."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.roles import Role
from store import database
from tests import builders
from tests.clock import FakeClock
from tests.driver import Console
from tests.tui import scenes
from tests.tui.scenes import NARROW, Desk, opened, paste, under_cursor
from tui.screens.campaigns import CampaignsScreen
from tui.screens.filter import FilterScreen


@pytest.fixture
def sampled(tmp_path: Path, clock: FakeClock) -> Desk:
    return scenes.sampled(tmp_path, clock)


async def fill(console: Console, since: str = "", until: str = "", sender: str = "") -> None:
    """Open the filter and type into its three fields."""
    await console.press("f")
    await console.expect("Show only", "Sender")
    for text in (since, until, sender):
        await console.press("ctrl+u")
        if text:
            await paste(console, text)
        await console.press("tab")


async def test_R51_a_range_of_days_narrows_list_and_counts_and_esc_clears(sampled: Desk) -> None:
    async with sampled.console() as console:
        await opened(console, "[All 16]", "/ search   f filter   s sort")
        await fill(console, "2026-11-15", "2026-11-16")
        await console.expect("Shows only: 2026-11-15 to 2026-11-16")
        await console.press("enter")
        await console.expect(
            "only 2026-11-15 to 2026-11-16", "f filter  esc clears", "[All 2]", "Failed 2", "Completed 0"
        )
        await console.expect("Morning news", "Weekend offer")
        await console.expect_not("Flash Friday", "Diwali")
        await console.press("escape")
        await console.expect("[All 16]", "Winter preview")
        await console.expect_not("esc clears")


async def test_R51_tab_search_sender_and_days_combine_and_the_counts_follow(sampled: Desk) -> None:
    async with sampled.console() as console:
        await opened(console)
        await fill(console, sender="4021")
        await console.press("enter")
        await console.expect("only sender ..4021", "[All 10]", "Completed 2", "Failed 3")
        await console.press("5")
        await console.expect("[Failed 3]", "Win-back 2019", "Weekend offer", "Flash Friday")
        await console.expect_not("Morning news")
        await fill(console, until="2026-11-16", sender="4021")
        await console.press("enter")
        await console.expect("only to 2026-11-16, sender ..4021", "[Failed 2]", "Weekend offer")
        await console.press("/")
        await console.type("friday")
        await console.expect("[Failed 1]", "All 1", "Flash Friday")
        await console.press("enter", "0")
        await console.expect("[All 1]")
        # First the search, then the filter.
        await console.press("escape")
        await console.expect("only to 2026-11-16, sender ..4021", "[All 3]", "Back to school")
        await console.press("escape")
        await console.expect("[All 16]")


async def test_R51_the_list_equals_what_the_command_line_lists(sampled: Desk) -> None:
    """One filter, two ways to it."""
    from tests.cli import Here

    listed = Here(Path(sampled.url), sampled.clock).json(
        "campaign", "list", "--sender", "+918040214021", "--from", "2026-11-10", "--to", "2026-11-23"
    )
    database.open_database(sampled.url)
    async with sampled.console() as console:
        screen = await opened(console)
        await fill(console, "2026-11-10", "2026-11-23", "4021")
        await console.press("enter")
        await console.expect(f"[All {len(listed)}]")
        assert list(screen._table.window.ids) == [one["id"] for one in listed]
        assert len(listed) > 2


async def test_R51_what_cannot_be_read_is_told_and_enter_does_nothing(sampled: Desk) -> None:
    async with sampled.console(NARROW) as console:
        await opened(console)
        await fill(console, "soon")
        await console.expect("! 'soon' is no date or time that can be read. Give a date such as")
        await console.press("enter")
        assert isinstance(console.app.screen, FilterScreen)
        await console.press("ctrl+u")
        await paste(console, "tomorrow")
        await console.press("tab")
        await paste(console, "yesterday")
        await console.expect("! That range ends before it begins. Give the earlier day first.")
        await console.press("ctrl+u", "tab")
        await paste(console, "12345")
        await console.expect("! No sender's number ends in '12345'. The senders are: +918040214021,")
        await console.press("enter")
        assert isinstance(console.app.screen, FilterScreen)
        await console.press("escape")
        await opened(console, "[All 16]")


async def test_the_arrows_choose_a_sender(sampled: Desk) -> None:
    async with sampled.console() as console:
        await opened(console)
        await console.press("f", "tab", "tab", "down", "down")
        await console.expect("Shows only: sender +")
        await console.press("up", "up")
        await console.expect("Shows all days and senders.")
        await console.press("up")
        await console.expect("Shows only: sender +")
        await console.press("enter")
        await console.expect("only sender ..", "esc clears")


async def test_the_dialog_opens_with_what_is_filtered_and_ctrl_r_empties_it(sampled: Desk) -> None:
    async with sampled.console() as console:
        await opened(console)
        await fill(console, "2026-11-15", "today", "0018")
        await console.press("enter")
        await console.expect("only 2026-11-15 to 2026-11-23, sender ..0018")
        await console.press("f")
        await console.expect("Shows only: 2026-11-15 to 2026-11-23, sender +442079460018")
        await console.press("ctrl+r")
        await console.expect("Shows all days and senders.")
        await console.press("escape")
        await console.expect("esc clears")
        await console.press("f", "ctrl+r", "enter")
        await console.expect("[All 16]")
        await console.expect_not("esc clears")


async def test_a_filter_that_nothing_passes_says_so_and_how_to_get_out(sampled: Desk) -> None:
    async with sampled.console(NARROW) as console:
        await opened(console)
        await fill(console, "2027-01-01")
        await console.press("enter")
        await console.expect("No campaign here passes the filter.", "esc  clears the filter", "[All 0]")
        await console.press("escape")
        await console.expect("[All 16]")


async def test_R51_the_filter_is_taken_up_again_the_next_time(sampled: Desk) -> None:
    async with sampled.console() as console:
        await opened(console)
        await fill(console, "2026-11-01", "2026-11-20", "4021")
        await console.press("enter", "5")
        await console.expect("[Failed 3]")
        await console.press("q")
    async with sampled.console() as console:
        await console.expect("only 2026-11-01 to 2026-11-20, sender ..4021")
        await opened(console, "[Failed 3]")
        await console.press("escape", "0")
        await console.expect("[All 16]")
        await console.press("q")
    async with sampled.console() as console:
        await opened(console, "[All 16]")
        assert not console.sees("esc clears")


async def test_a_copy_that_the_filter_shows_leaves_the_filter_and_another_lifts_it(sampled: Desk) -> None:
    async with sampled.console() as console:
        screen = await opened(console)
        await fill(console, sender="0018")
        await console.press("enter")
        await console.expect("[All 1]", "Diwali early access")
        await console.press("D")
        await console.until(lambda: under_cursor(console) == "Diwali early access (copy)", "on the copy")
        await console.expect("only sender ..0018", "[All 2]")
        await fill(console, until="2026-11-10")
        await console.press("enter")
        await console.expect("only to 2026-11-10", "Back to school")
        assert screen._table.move_to_id(sampled.id_of("Back to school"))
        await console.press("D")
        await console.until(lambda: under_cursor(console) == "Back to school (copy)", "on the copy")
        await console.expect("[All 18]")
        assert not console.sees("esc clears")


async def test_what_somebody_else_makes_counts_only_when_it_passes(sampled: Desk) -> None:
    async with sampled.console() as console:
        await opened(console)
        await fill(console, sender="0018")
        await console.press("enter")
        await console.expect("[All 1]")
        with database.session():
            builders.draft(sampled.clock, sampled.folder, 1, "Theirs", sender_id=3)
            builders.draft(sampled.clock, sampled.folder, 1, "Not theirs", sender_id=1)
        await console.expect("[All 2]", "Draft 1", "Theirs")
        await console.expect_not("Not theirs")


@pytest.mark.parametrize("how", ["read-only", "agent"])
async def test_R51_whoever_may_only_look_may_filter(sampled: Desk, how: str) -> None:
    role = Role.AGENT if how == "agent" else Role.OWNER
    async with sampled.console(read_only=how == "read-only", role=role) as console:
        await opened(console)
        await fill(console, "2026-11-15", "2026-11-16")
        await console.press("enter")
        await console.expect("[All 2]", "Morning news")


async def test_R52_an_order_whose_column_has_no_room_is_named_above_the_list(sampled: Desk) -> None:
    async with sampled.console(NARROW) as console:
        await opened(console)
        await console.press("s", "s", "s")
        await console.expect("sorted by sender ▲", "s sort")
        await console.press("o")
        await console.expect("sorted by sender ▼")
        await console.resize(120, 40)
        await console.expect("SENDE▼")
        await console.expect_not("sorted by sender")


async def test_letters_typed_into_the_filter_are_no_commands(sampled: Desk) -> None:
    async with sampled.console() as console:
        await opened(console)
        await console.press("f")
        await console.type("dcnq")
        await console.expect("'dcnq' is no date")
        await console.press("escape")
        assert isinstance(console.app.screen, CampaignsScreen)
