"""Keys that arrive all at once, as over a slow line: each means what it would have meant one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from textual.events import Key, Paste
from textual.widgets import Input

from tests.clock import FakeClock
from tests.driver import Console
from tests.tui import scenes
from tests.tui.scenes import BLINK_MS, Desk, opened
from tui.screens.campaigns import CampaignsScreen
from tui.widgets.field import Field
from tui.widgets.paged_table import PagedTable


@pytest.fixture
def desk(tmp_path: Path, clock: FakeClock) -> Desk:
    return scenes.sampled(tmp_path, clock)


def at_once(console: Console, keys: Iterable[str]) -> None:
    """All keys in one go, before any of them is looked at."""
    for key in keys:
        console.app.post_message(Key(key, {"slash": "/"}.get(key, key if len(key) == 1 else None)))


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


@pytest.mark.parametrize(
    ("keys", "left"),
    [
        ([*"Sale", "ctrl+u", *"Fair"], "Fair"),
        ([*"Sael", "backspace", "backspace", *"le", "home", *"A "], "A Sale"),
        ([*"Flash Friday", "ctrl+w", *"Monday", "ctrl+left", *"on "], "Flash on Monday"),
    ],
)
async def test_editing_keys_among_letters_do_what_they_say(desk: Desk, keys: list[str], left: str) -> None:
    async with desk.console() as console:
        await opened(console)
        await console.press("n")
        await console.expect("Draft  Untitled")
        at_once(console, keys)
        await console.expect(f"Draft  {left} *")


async def test_what_is_pasted_among_keys_stands_where_it_was_pasted(desk: Desk) -> None:
    async with desk.console() as console:
        await opened(console)
        await console.press("n")
        await console.expect("Draft  Untitled")
        at_once(console, [*"Sale", "ctrl+u"])
        console.app.post_message(Paste("Flash"))
        at_once(console, [*" sael", "backspace", "backspace"])
        console.app.post_message(Paste("le"))
        await console.expect("Draft  Flash sale *")


async def test_letters_behind_a_tab_go_to_the_next_field(desk: Desk) -> None:
    async with desk.console() as console:
        await opened(console)
        await console.press("n")
        await console.expect("Draft  Untitled")
        field = console.app.screen.query_one("#f-when", Field).query_one(Input)
        field.focus()
        await console.pilot.pause()
        at_once(console, [*"tomorrow 10:00", "tab", "ctrl+u", *"Europe/Berlin", "shift+tab", "end", *"!", "backspace"])
        zone = console.app.screen.query_one("#f-zone", Field).query_one(Input)
        await console.until(lambda: zone.value == "Europe/Berlin", "the zone is typed")
        await console.until(lambda: console.app.focused is field and field.value == "tomorrow 10:00", "back again")


async def test_a_key_behind_enter_is_for_what_enter_led_to(desk: Desk) -> None:
    async with desk.console() as console:
        await opened(console)
        # The search is over with enter, so the letter behind it is a key of the list, as it would be a second later.
        at_once(console, ["slash", *"flash", "enter", "A"])
        await console.expect("Audit")
        assert not isinstance(console.app.screen, CampaignsScreen)
        await console.press("escape")
        await console.expect("[All 2]", "Flash Friday")


async def test_what_is_typed_behind_a_save_is_typed_after_it(desk: Desk) -> None:
    async with desk.console() as console:
        await opened(console)
        await console.press("n")
        await console.expect("Draft  Untitled")
        at_once(console, [*"Sale", "ctrl+s", *" 2"])
        await console.expect("Draft  Sale 2 *")
        assert "Sale" in {row.name for row in desk.rows()}, "saved as it was then"


async def test_a_field_that_is_gone_keeps_no_key_waiting_for_ever(desk: Desk) -> None:
    async with desk.console() as console:
        await opened(console)
        await console.press("slash", *"flash")
        await console.expect("[All 2]")
        box = console.app.focused
        assert isinstance(box, Input)
        box.post_message = lambda message: False  # type: ignore[method-assign]  # as one that is closing
        at_once(console, ["left", "x"])
        await console.pilot.pause()
        del box.post_message
        await console.until(lambda: not console.app._behind, "it waits no more")  # type: ignore[attr-defined]
        await console.press("escape")
        await console.expect("[All 16]")
