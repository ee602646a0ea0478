"""Every screen in each of its states at two sizes, as text: small enough to be read in a diff."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.widgets import Input

from engine.commands import drafts
from store import database
from store.errors import StoreBusy
from store.types import DraftFields
from tests import builders
from tests.clock import FakeClock
from tests.driver import Console, check_text_snapshot
from tests.tui import scenes
from tests.tui.scenes import NARROW, WIDE, Desk, asked, dialog_open, opened, paste, told
from tui.app import SendoffApp
from tui.feed import Feed
from tui.screens.campaigns import CampaignsScreen
from tui.screens.report import ReportScreen
from tui.widgets.paged_table import PagedTable

SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "120x40"])

Act = Callable[[Console, Desk], Awaitable[None]]


def check(name: str, console: Console) -> None:
    width, height = console.app.size
    assert max(map(cell_len, console.screen.splitlines())) <= width
    check_text_snapshot(f"{name}_{width}x{height}", console.screen)


def check_dialog(name: str, console: Console) -> None:
    """Only the dialog: what is behind it is another screen's picture and may be a second older."""
    width, height = console.app.size
    box = console.app.screen.query_one("#dialog, .dialog").region
    assert console.app.screen.region.contains_region(box)
    lines = console.screen.splitlines()[box.y : box.bottom]
    check_text_snapshot(f"{name}_{width}x{height}", "\n".join(line[box.x : box.right].rstrip() for line in lines))


async def still(console: Console) -> None:
    """Let what is under way come to its end."""
    before = ""
    while before != console.screen:
        before = console.screen
        for _ in range(5):
            await console.pilot.pause()


async def on(console: Console, desk: Desk, name: str) -> None:
    """Put the cursor on a campaign and wait for its pane."""
    screen = await opened(console)
    assert screen.query_one(PagedTable).move_to_id(desk.id_of(name))

    def shown() -> bool:
        seen = screen._snapshot
        return seen is not None and seen.report is not None and seen.report.campaign.name == name

    await console.until(shown, f"the pane is on {name}")


# The list


@SIZES
async def test_list_full(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.sampled(tmp_path, clock)
    async with desk.console(size) as console:
        await on(console, desk, "Diwali early access")
        await still(console)
        check("list_full", console)


@SIZES
async def test_list_on_hold_locked_and_marked(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.sampled(tmp_path, clock)
    async with desk.console(size) as console:
        await on(console, desk, "Loyalty week")
        await console.press("down", "space")
        await on(console, desk, "Lunch offer")
        await still(console)
        check("list_locked", console)


@SIZES
async def test_list_failed(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.sampled(tmp_path, clock)
    async with desk.console(size) as console:
        await opened(console)
        await console.press("5", "s")
        await on(console, desk, "Win-back 2019")
        await still(console)
        check("list_failed_tab", console)


@SIZES
async def test_list_empty(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    async with scenes.empty(tmp_path, clock).console(size) as console:
        await console.expect("No campaigns yet.", "[All 0]")
        check("list_empty", console)


@SIZES
async def test_list_search_without_a_hit(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    async with scenes.sampled(tmp_path, clock).console(size) as console:
        await opened(console)
        await console.press("/")
        await console.type("easter")
        await console.expect("Nothing matches", "[All 0]", "esc clear the search")
        check("list_search_no_hit", console)


async def filtered(console: Console, *texts: str) -> None:
    """Type into the filter, field by field."""
    await opened(console)
    await console.press("f")
    await console.expect("Show only")
    for text in texts:
        await paste(console, text)
        await console.press("tab")


@SIZES
async def test_list_filtered(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.sampled(tmp_path, clock)
    async with desk.console(size) as console:
        await filtered(console, "2026-11-01", "yesterday", "4021")
        await console.press("enter")
        await console.expect("esc clears")
        await on(console, desk, "Flash Friday")
        await still(console)
        check("list_filtered", console)


@SIZES
async def test_list_filtered_without_a_hit_and_marked(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.sampled(tmp_path, clock)
    async with desk.console(size) as console:
        await opened(console)
        await console.press("space", "space")
        await filtered(console, "2027-01-01")
        await console.press("enter")
        await console.expect("No campaign here passes", "esc unmark 2")
        await still(console)
        check("list_filtered_no_hit", console)


@SIZES
async def test_list_sorted_by_a_column(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.sampled(tmp_path, clock)
    async with desk.console(size) as console:
        await opened(console)
        await console.press(*["s"] * 8)
        await on(console, desk, "Renewal October")
        await still(console)
        check("list_sorted_delivered", console)


@SIZES
@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("empty", ()),
        ("full", ("2026-11-01", "2026-11-30 18:00", "4021")),
        ("wrong_day", ("next week",)),
        ("wrong_sender", ("", "", "99")),
    ],
)
async def test_filter_dialog(
    tmp_path: Path, clock: FakeClock, size: tuple[int, int], name: str, fields: tuple[str, ...]
) -> None:
    desk = scenes.sampled(tmp_path, clock)
    async with desk.console(size) as console:
        await filtered(console, *fields)
        await still(console)
        check_dialog(f"filter_{name}", console)


@SIZES
async def test_list_loading(
    tmp_path: Path, clock: FakeClock, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    real = Feed.poll
    monkeypatch.setattr(Feed, "poll", lambda *arguments: real(*arguments) if go_on.wait(20) else None)
    try:
        async with scenes.fresh(tmp_path, clock).console(size) as console:
            await console.expect("Welcome")
            await console.press("ctrl+s")
            await console.expect("Reading campaigns …")
            check("list_loading", console)
            go_on.set()
            await console.expect("No campaigns yet.")
    finally:
        go_on.set()


def busy(*arguments: object) -> None:
    raise StoreBusy("The database is busy or cannot be reached: database is locked")


@SIZES
async def test_list_that_cannot_be_read(
    tmp_path: Path, clock: FakeClock, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Feed, "poll", busy)
    async with scenes.fresh(tmp_path, clock).console(size) as console:
        await console.expect("Welcome")
        await console.press("ctrl+s")
        await console.expect("! The database is busy", "Try again in a moment.", "worker: not known")
        check("list_error", console)


@SIZES
async def test_list_in_trouble_later(
    tmp_path: Path, clock: FakeClock, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scenes.sampled(tmp_path, clock).console(size) as console:
        await opened(console)
        monkeypatch.setattr(Feed, "poll", busy)
        await console.expect("worker: not known, The database is busy")
        check("list_trouble", console)


@SIZES
async def test_list_whose_database_is_gone_and_comes_back(
    tmp_path: Path, clock: FakeClock, size: tuple[int, int]
) -> None:
    desk = scenes.sampled(tmp_path, clock)
    file, away = Path(desk.url), tmp_path / "away.db"
    async with desk.console(size) as console:
        await opened(console)
        file.rename(away)
        # Its path, another one in each run, comes last and has no room.
        await console.expect("worker: not known, The database file is not there any more;")
        await console.press("D")
        await told(console, "is not there any more", "Put the file back, or see what is there now")
        away.rename(file)
        await console.expect_not("not known")
        await console.expect("worker: NONE")


@SIZES
async def test_list_read_only(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.sampled(tmp_path, clock)
    async with desk.console(size, read_only=True) as console:
        await on(console, desk, "Renewal December")
        await still(console)
        check("list_read_only", console)


@SIZES
async def test_list_with_rough_names(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.rough(tmp_path, clock)
    async with desk.console(size) as console:
        await on(console, desk, scenes.ESCAPES)
        await still(console)
        check("list_rough_names", console)


# The report


async def show(console: Console, campaign_id: int) -> None:
    await opened(console)
    app = console.app
    assert isinstance(app, SendoffApp)
    await app.open_report(campaign_id)
    screen = app.screen
    assert isinstance(screen, ReportScreen)
    await console.until(lambda: screen._report is not None, "the report is read")
    await still(console)


@SIZES
@pytest.mark.parametrize(
    ("name", "campaign"),
    [
        ("in_progress", "Diwali early access"),
        ("completed_with_errors", "Order updates"),
        ("failed", "Win-back 2019"),
        ("failed_to_start", "Flash Friday"),
        ("on_hold", "Loyalty week"),
        ("scheduled", "Flash sale"),
    ],
)
async def test_report(tmp_path: Path, clock: FakeClock, size: tuple[int, int], name: str, campaign: str) -> None:
    desk = scenes.sampled(tmp_path, clock)
    async with desk.console(size) as console:
        await show(console, desk.id_of(campaign))
        check(f"report_{name}", console)


@SIZES
async def test_report_filtered_and_searched(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.sampled(tmp_path, clock)
    async with desk.console(size) as console:
        await show(console, desk.id_of("Order updates"))
        await console.press("6", "/")
        await console.expect("[6 skipped]", "10 rows")
        await console.type("0440")
        await console.expect("f1 help")
        await still(console)
        check("report_filtered", console)


@SIZES
async def test_report_with_one_error(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.sampled(tmp_path, clock)
    async with desk.console(size) as console:
        await show(console, desk.id_of("Order updates"))
        await console.press("e", "e")
        await console.expect("[e ", "4 rows")
        await still(console)
        check("report_one_error", console)


@SIZES
async def test_report_which_part(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.sampled(tmp_path, clock)
    async with desk.console(size) as console:
        await show(console, desk.id_of("Catalogue launch"))
        await console.press("D")
        await console.expect("A new draft of “Catalogue launch”")
        await still(console)
        check_dialog("report_which_part", console)


@SIZES
@pytest.mark.parametrize(
    ("name", "campaign", "keys"),
    [
        ("read", "Order updates", []),
        ("refused", "Win-back 2019", []),
        ("unknown", "Catalogue launch", ["5"]),
        ("twice", "Order updates", ["6", "down", "down", "down"]),
    ],
)
async def test_why(
    tmp_path: Path, clock: FakeClock, size: tuple[int, int], name: str, campaign: str, keys: list[str]
) -> None:
    desk = scenes.sampled(tmp_path, clock)
    async with desk.console(size) as console:
        await show(console, desk.id_of(campaign))
        await console.press(*keys)
        await still(console)
        await console.press("w")
        await console.expect("why ", "stands")
        await still(console)
        check(f"why_{name}", console)


@SIZES
async def test_report_of_a_draft_without_an_audience(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.empty(tmp_path, clock)
    with database.session():
        campaign_id = drafts.create(builders.context(clock), DraftFields("Untried"))
    async with desk.console(size) as console:
        await show(console, campaign_id)
        check("report_without_audience", console)


@SIZES
async def test_report_of_what_is_gone(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.empty(tmp_path, clock)
    desk.draft("Stays")
    gone = desk.draft("Gone")
    async with desk.console(size) as console:
        await show(console, gone)
        with database.session():
            drafts.delete(builders.context(clock), gone)
        await console.expect("not there any more")
        await still(console)
        check("report_missing", console)


# Setting up


@SIZES
async def test_setup(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    async with scenes.fresh(tmp_path, clock).console(size) as console:
        await console.expect("Welcome")
        await still(console)
        check("setup_empty", console)
        console.app.screen.query_one("#zone", Input).value = "Asia/Calcuta"
        await console.press("tab", "tab", "down", "enter")
        await console.expect("There is no time zone")
        await still(console)
        check("setup_wrong_zone", console)
        console.app.screen.query_one("#zone", Input).value = "Asia/Kolkata"
        await console.press("ctrl+s")
        await console.expect("The Cloud API needs")
        await still(console)
        check("setup_without_id", console)


# Dialogs


async def dialog(
    desk: Desk, size: tuple[int, int], name: str, keys: list[str], *texts: str, before: Act | None = None
) -> None:
    """Press keys in the list and keep the dialog that opens."""
    async with desk.console(size) as console:
        await opened(console)
        if before is not None:
            await before(console, desk)
        await console.press(*keys)
        # Time stands still: a dialog that counts down says something else a blink later.
        await dialog_open(console, *texts)
        await still(console)
        check_dialog(name, console)


@SIZES
async def test_dialog_cancel(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.empty(tmp_path, clock)
    desk.scheduled("Renewal July", 30, 12)
    await dialog(desk, size, "dialog_cancel", ["c"], "Renewal July")


@SIZES
async def test_dialog_cancel_too_late(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.empty(tmp_path, clock)
    desk.scheduled("Renewal July", 30, 12)
    async with desk.console(size) as console:
        await opened(console)
        await console.press("c")
        await asked(console, desk)
        clock.advance(26 * scenes.MINUTE)
        await console.expect("It is too late")
        await console.expect_not("Yes, cancel")
        await still(console)
        check_dialog("dialog_cancel_too_late", console)


@SIZES
async def test_dialog_for_many(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.sampled(tmp_path, clock)
    await dialog(desk, size, "dialog_cancel_many", [*["space"] * 9, "c"], "Cancel 9 campaigns?")


@SIZES
async def test_dialog_for_many_of_which_none_can(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.sampled(tmp_path, clock)
    await dialog(desk, size, "dialog_cancel_none", ["space", "space", "space", "c"], "Cancel 3 campaigns?")


@SIZES
async def test_dialog_for_many_to_send(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.sampled(tmp_path, clock)
    await dialog(desk, size, "dialog_send_many", [*["space"] * 9, "S"], "Send 9 campaigns now?")


@SIZES
async def test_dialog_for_many_to_duplicate(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.sampled(tmp_path, clock)
    await dialog(desk, size, "dialog_duplicate_many", [*["space"] * 9, "D"], "Duplicate 9 campaigns?")


@SIZES
async def test_list_after_a_partial_outcome(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.sampled(tmp_path, clock)
    async with desk.console(size) as console:
        await opened(console)
        await console.press(*["space"] * 9, "c")
        await asked(console, desk, "2 of 9 will be done.")
        await console.press("y")
        await told(console, "Cancelled: 2 of 9 campaigns.")
        await console.expect("esc unmark 7")
        await still(console)
        check("list_partial_outcome", console)


@SIZES
async def test_dialog_send_now(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.empty(tmp_path, clock)
    desk.draft("Renewal July", 1_204)
    await dialog(desk, size, "dialog_send_now", ["S"], "Renewal July")


@SIZES
async def test_dialog_delete(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.rough(tmp_path, clock)
    await dialog(desk, size, "dialog_delete_rough_name", ["d"], "Delete")


@SIZES
@pytest.mark.parametrize(
    ("name", "typed"), [("empty", ""), ("time", "tomorrow 10:00"), ("past", "2026-11-22 10:00"), ("locked", "in 3 min")]
)
async def test_prompt_for_a_time(
    tmp_path: Path, clock: FakeClock, size: tuple[int, int], name: str, typed: str
) -> None:
    desk = scenes.empty(tmp_path, clock)
    desk.scheduled("Renewal July", 30, 12)
    async with desk.console(size) as console:
        await opened(console)
        await console.press("t")
        await console.expect("Another time for")
        await paste(console, typed)
        await still(console)
        check_dialog(f"prompt_{name}", console)


# Help, palette, notices


@SIZES
async def test_help(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    async with scenes.sampled(tmp_path, clock).console(size) as console:
        await opened(console)
        await console.press("?")
        await console.expect("Keys: Campaigns")
        await still(console)
        check("help_campaigns", console)


@SIZES
async def test_help_of_the_report(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.sampled(tmp_path, clock)
    async with desk.console(size) as console:
        await show(console, desk.id_of("Order updates"))
        await console.press("?")
        await console.expect("Keys: Report")
        await still(console)
        check("help_report", console)


@SIZES
async def test_notices(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    async with scenes.sampled(tmp_path, clock).console(size) as console:
        screen = await opened(console)
        await console.press("c")
        await told(console, "Wait for its end")
        assert isinstance(screen, CampaignsScreen)
        await still(console)
        check("list_notice", console)
