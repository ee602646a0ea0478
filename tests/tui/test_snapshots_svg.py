"""The screens on which colour or focus is the point, as pictures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.clock import FakeClock
from tests.driver import PATIENCE, screen_text
from tests.tui import scenes
from tests.tui.scenes import NARROW, WIDE, Desk
from tui.app import SendoffApp
from tui.screens.campaigns import CampaignsScreen
from tui.screens.report import ReportScreen
from tui.widgets.paged_table import PagedTable

STILL = 8
"""So many equal pictures in a row count as a still screen."""

Compare = Callable[..., bool]
Act = Callable[[Pilot[Any]], Awaitable[None]]


@pytest.fixture
def apps() -> Iterator[Callable[[Desk, bool], SendoffApp]]:
    """Consoles whose threads end with the test."""
    made: list[SendoffApp] = []

    def make(desk: Desk, read_only: bool = False) -> SendoffApp:
        made.append(desk.app(read_only))
        return made[-1]

    yield make
    for app in made:
        app.services.threads.close()


@pytest.fixture
def sampled(tmp_path: Path, clock: FakeClock) -> Desk:
    return scenes.sampled(tmp_path, clock)


async def until(pilot: Pilot[Any], holds: Callable[[], bool]) -> None:
    for _ in range(PATIENCE):
        if holds():
            return
        await pilot.pause()
    raise AssertionError(f"it did not come to that; the screen is:\n{screen_text(pilot.app)}")


async def still(pilot: Pilot[Any]) -> None:
    """Wait until nothing on the screen changes any more: on a busy machine the last repaint comes late."""
    before, same = "", 0
    for _ in range(PATIENCE):
        await pilot.pause()
        now = pilot.app.export_screenshot()
        same = same + 1 if now == before else 0
        if same >= STILL:
            return
        before = now
    raise AssertionError("the screen goes on changing")


async def listed(pilot: Pilot[Any]) -> CampaignsScreen:
    """Wait until rows, tabs and pane are read."""
    await until(pilot, lambda: isinstance(pilot.app.screen, CampaignsScreen))
    screen = pilot.app.screen
    assert isinstance(screen, CampaignsScreen)

    def whole() -> bool:
        seen = screen._snapshot
        return seen is not None and bool(seen.overview.counts) and seen.report is not None and not screen._polling

    await until(pilot, whole)
    return screen


def on(desk: Desk, name: str, *keys: str, shows: str = "") -> Act:
    """Put the cursor on a campaign, then press keys and wait for a text."""

    async def act(pilot: Pilot[Any]) -> None:
        screen = await listed(pilot)
        screen.query_one(PagedTable).move_to_id(desk.id_of(name))

        def told() -> bool:
            seen = screen._snapshot
            return seen is not None and seen.report is not None and seen.report.campaign.name == name

        await until(pilot, told)
        await pilot.press(*keys)
        await until(pilot, lambda: shows in screen_text(pilot.app))
        await still(pilot)

    return act


def test_list_with_every_status(snap_compare: Compare, sampled: Desk, apps: Callable[..., SendoffApp]) -> None:
    assert snap_compare(apps(sampled), terminal_size=WIDE, run_before=on(sampled, "Loyalty week"))


def test_list_in_a_small_terminal(snap_compare: Compare, sampled: Desk, apps: Callable[..., SendoffApp]) -> None:
    act = on(sampled, "Order updates", "space", shows="* ✓ Completed")
    assert snap_compare(apps(sampled), terminal_size=NARROW, run_before=act)


def test_list_in_the_terminals_own_palette(
    snap_compare: Compare, sampled: Desk, apps: Callable[..., SendoffApp]
) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        pilot.app.theme = "sendoff-ansi"
        await on(sampled, "Flash Friday")(pilot)

    assert snap_compare(apps(sampled), terminal_size=WIDE, run_before=act)


def test_read_only_frame(snap_compare: Compare, sampled: Desk, apps: Callable[..., SendoffApp]) -> None:
    act = on(sampled, "Renewal December", "c", shows="This console is read-only.")
    assert snap_compare(apps(sampled, True), terminal_size=WIDE, run_before=act)


def test_search_has_the_focus(snap_compare: Compare, sampled: Desk, apps: Callable[..., SendoffApp]) -> None:
    act = on(sampled, "Flash sale", "/", *"flash", shows="esc clear the search")
    assert snap_compare(apps(sampled), terminal_size=NARROW, run_before=act)


def test_dialog_focus_is_on_keep_it(snap_compare: Compare, sampled: Desk, apps: Callable[..., SendoffApp]) -> None:
    act = on(sampled, "Renewal December", "c", shows="[ Keep it ]")
    assert snap_compare(apps(sampled), terminal_size=WIDE, run_before=act)


def test_dialog_that_wants_a_number(snap_compare: Compare, sampled: Desk, apps: Callable[..., SendoffApp]) -> None:
    act = on(sampled, "Winter preview", "S", shows="Type 600 to confirm:")
    assert snap_compare(apps(sampled), terminal_size=NARROW, run_before=act)


def test_prompt_with_an_error(snap_compare: Compare, sampled: Desk, apps: Callable[..., SendoffApp]) -> None:
    act = on(sampled, "Renewal December", "t", *"later", shows="! 'later'")
    assert snap_compare(apps(sampled), terminal_size=NARROW, run_before=act)


def test_report_of_a_failed_one(snap_compare: Compare, sampled: Desk, apps: Callable[..., SendoffApp]) -> None:
    act = on(sampled, "Win-back 2019", "enter", shows="40 rows")
    assert snap_compare(apps(sampled), terminal_size=WIDE, run_before=act)


def test_report_of_a_run_on_hold(snap_compare: Compare, sampled: Desk, apps: Callable[..., SendoffApp]) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await on(sampled, "Loyalty week", "enter", shows="610 rows")(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, ReportScreen)
        # The summary has the focus, which its line shows.
        await pilot.press("tab")

    assert snap_compare(apps(sampled), terminal_size=NARROW, run_before=act)


def test_help(snap_compare: Compare, sampled: Desk, apps: Callable[..., SendoffApp]) -> None:
    act = on(sampled, "Flash sale", "question_mark", shows="Keys: Campaigns")
    assert snap_compare(apps(sampled), terminal_size=WIDE, run_before=act)


def test_palette(snap_compare: Compare, sampled: Desk, apps: Callable[..., SendoffApp]) -> None:
    act = on(sampled, "Order updates", "colon", *"cancel", shows="Not now: ")
    assert snap_compare(apps(sampled), terminal_size=WIDE, run_before=act)


def test_setup_with_an_error(
    snap_compare: Compare, tmp_path: Path, clock: FakeClock, apps: Callable[..., SendoffApp]
) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: "Welcome" in screen_text(pilot.app))
        pilot.app.screen.query_one("#zone", Input).value = "Asia/Calcuta"
        await pilot.press("tab")
        await until(pilot, lambda: "There is no time zone" in screen_text(pilot.app))

    assert snap_compare(apps(scenes.fresh(tmp_path, clock)), terminal_size=NARROW, run_before=act)
