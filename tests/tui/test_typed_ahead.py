"""Keys that arrive all at once, as over a slow line: each means what it would have meant one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from textual.events import Key
from textual.widgets import Input

from tests.clock import FakeClock
from tests.driver import Console
from tests.tui import scenes
from tests.tui.scenes import BLINK_MS, Desk, opened
from tui.screens.campaigns import CampaignsScreen
from tui.widgets.paged_table import PagedTable


@pytest.fixture
def desk(tmp_path: Path, clock: FakeClock) -> Desk:
    return scenes.sampled(tmp_path, clock)


def at_once(console: Console, keys: Iterable[str]) -> None:
    """All keys in one go, before any of them is looked at."""
    for key in keys:
        console.app.post_message(Key(key, key if len(key) == 1 else None))


async def test_a_search_typed_at_once_is_searched_for_and_gives_no_command(desk: Desk) -> None:
    before = desk.rows()
    async with desk.console() as console:
        await opened(console)
        # As commands: duplicate, sort, reverse, edit, delete ...
        at_once(console, ["slash", *"Dsoed", "backspace"])
        await console.expect("Nothing matches “Dsoe” here.")
        assert isinstance(console.app.screen, CampaignsScreen)
        await console.press("escape")
        at_once(console, ["slash", *"flash", "enter", "down"])
        await console.expect("[All 2]", "Flash Friday")
        await console.until(lambda: not isinstance(console.app.focused, Input), "the list has the focus")
        assert desk.rows() == before


async def test_a_name_typed_while_the_draft_opens_is_its_name(desk: Desk) -> None:
    async with desk.console() as console:
        await opened(console)
        for _ in range(2):
            # The first time the editor is imported and mounted, the second time it is there.
            at_once(console, ["n", *"Spring sale"])
            await console.expect("Draft  Spring sale *", "new, not saved yet")
            await console.press("escape")
            await console.expect("Leave the draft?")
            desk.clock.advance(BLINK_MS)
            await console.press("d")
            await console.expect("Winter preview")


async def test_a_number_typed_at_once_is_found_in_a_report(desk: Desk) -> None:
    async with desk.console() as console:
        assert (await opened(console)).query_one(PagedTable).move_to_id(desk.id_of("Order updates"))
        await console.press("enter")
        await console.expect("Order updates", "[1 all]")
        at_once(console, ["slash", *"0174"])
        await console.until(
            lambda: isinstance(console.app.focused, Input) and console.app.focused.value == "0174", "it is typed"
        )
        assert console.sees("[1 all]")


async def test_keys_that_move_or_act_at_once_still_do(desk: Desk) -> None:
    async with desk.console() as console:
        await opened(console)
        at_once(console, ["5", "down", "up", "G", "g", "0", "4"])
        await console.expect("[Completed 4]")
