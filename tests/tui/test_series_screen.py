"""Series in the console: made from the list, shown, paused, resumed, ended (R21)."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from engine import schedule
from engine.clock import DAY, HOUR, MINUTE
from engine.commands import recurring, setup
from engine.commands.recurring import Shown
from store import database
from store.series import State
from tests import builders
from tests.clock import FakeClock
from tests.driver import Console
from tests.tui import scenes
from tests.tui.scenes import Desk, asked, opened, paste, told
from tests.tui.test_snapshots_text import SIZES, check, check_dialog, still
from tui.command import Scope
from tui.screens.prompt import PromptScreen
from tui.screens.report import ReportScreen
from tui.screens.series import SeriesScreen
from tui.widgets.paged_table import PagedTable


@pytest.fixture
def desk(tmp_path: Path, clock: FakeClock) -> Desk:
    return scenes.empty(tmp_path, clock)


def repeated(desk: Desk, cron: str = "0 10 * * MON", name: str = "Weekly offer", until: int | None = None) -> int:
    """A series of a draft of this name."""
    source = desk.draft(name)
    with database.session():
        return recurring.create(builders.context(desk.clock), source, cron, until=until).series.id


def known(series_id: int, desk: Desk) -> Shown:
    with database.session():
        return recurring.show(series_id, desk.clock.now())


async def shown(console: Console, *texts: str) -> SeriesScreen:
    await opened(console)
    await console.press("E")
    await console.until(lambda: isinstance(console.app.screen, SeriesScreen), "the series are shown")
    await console.expect("Series", *texts)
    screen = console.app.screen
    assert isinstance(screen, SeriesScreen)
    return screen


async def test_R21_a_campaign_is_repeated_with_an_echo_while_it_is_typed(desk: Desk) -> None:
    desk.draft("Weekly offer")
    async with desk.console() as console:
        await opened(console, "Weekly offer")
        await console.press("P")
        await console.until(lambda: isinstance(console.app.screen, PromptScreen), "it asks when")
        await paste(console, "0 10 * * SOMEDAY")
        await console.expect("is no cron expression that can be used here")
        await console.press("enter")
        assert isinstance(console.app.screen, PromptScreen)
        await console.press("ctrl+u")
        await paste(console, "0 0 30 2 *")
        await console.expect("never fires")
        await console.press("ctrl+u")
        await paste(console, "31 14 * * *")
        await console.expect("LOCKED from the start")
        await console.press("ctrl+u")
        await paste(console, "0 10 * * mon")
        await console.expect_not("LOCKED from the start")
        await console.expect("every Monday at 10:00 (Asia/Kolkata)")
        await console.expect("next: Mon 30 Nov 10:00, Mon 7 Dec 10:00, Mon 14 Dec 10:00")
        await console.press("enter")
        await told(console, "“Weekly offer” repeats; first Mon 30 Nov 2026 10:00 IST")
        await console.expect("↻ W…30 Nov 10:00")
    made = known(1, desk)
    assert (made.series.cron, made.series.timezone) == ("0 10 * * MON", "Asia/Kolkata")


async def prompted(console: Console, recurrence: str) -> None:
    """Type a recurrence for the campaign under the cursor."""
    await console.press("P")
    await console.until(lambda: isinstance(console.app.screen, PromptScreen), "it asks when")
    await paste(console, recurrence)


async def test_R17_R21_a_first_firing_that_is_born_locked_takes_the_number_of_recipients(desk: Desk) -> None:
    desk.draft("Weekly offer", 10)
    async with desk.console() as console:
        await opened(console, "Weekly offer")
        await prompted(console, "31 14 * * *")
        await console.expect("LOCKED from the start")
        await console.press("enter")
        await asked(
            console,
            desk,
            "Repeat “Weekly offer” and send the first?",
            "Mon 23 Nov 2026 14:31 IST",
            "10 messages for",
            "cannot be cancelled",
            "Type 10 to confirm",
        )
        await console.press("enter", "y")
        await console.type("9")
        await console.press("enter")
        await console.expect("9 is not 10; nothing was done.")
        assert desk.names() == ["Weekly offer"]
        await console.press("ctrl+u")
        await console.type("10")
        await console.press("enter")
        await told(console, "“Weekly offer” repeats; first Mon 23 Nov 2026 14:31 IST")
    assert len(known(1, desk).occurrences) == 1


async def test_R21_leaving_that_question_makes_nothing(desk: Desk) -> None:
    desk.draft("Weekly offer", 10)
    async with desk.console() as console:
        await opened(console, "Weekly offer")
        await prompted(console, "31 14 * * *")
        await console.press("enter")
        await asked(console, desk, "Type 10 to confirm")
        await console.press("escape")
        await opened(console, "Weekly offer")
    assert desk.names() == ["Weekly offer"]


async def test_R21_a_firing_that_can_still_be_cancelled_is_made_without_that_question(desk: Desk) -> None:
    desk.draft("Weekly offer", 10)
    async with desk.console() as console:
        await opened(console, "Weekly offer")
        # 14:30 IST now: at 14:35 it can be cancelled to the millisecond.
        await prompted(console, "35 14 * * *")
        await console.press("enter")
        await told(console, "“Weekly offer” repeats")


async def test_R21_R45_the_prompt_says_that_the_campaign_is_on_hold(desk: Desk) -> None:
    campaign_id = desk.started("Weekly offer")
    desk.hold(campaign_id, "WhatsApp paused the template for low quality (132015).")
    async with desk.console() as console:
        await opened(console, "Weekly offer")
        await prompted(console, "0 10 * * MON")
        await console.expect("! this campaign is on hold: WhatsApp paused the template for low quality")


async def test_R21_R23_a_campaign_whose_template_cannot_be_sent_is_not_repeated_and_says_why(desk: Desk) -> None:
    desk.draft("Weekly offer")
    with database.session():
        template = builders.template_file(desk.folder, status="PAUSED")
        setup.add_templates(builders.context(desk.clock), template)
    async with desk.console() as console:
        await opened(console, "Weekly offer")
        await console.press("P")
        await told(console, "It cannot be repeated yet", "template greeting:en_US is paused")


async def test_R13_R21_another_zone_and_an_end_may_be_typed(desk: Desk) -> None:
    desk.draft("Weekly offer")
    async with desk.console() as console:
        await opened(console, "Weekly offer")
        await console.press("P")
        await console.until(lambda: isinstance(console.app.screen, PromptScreen), "it asks when")
        await paste(console, "30 9 * * 1-5 in Europe/Berln")
        await console.expect("Did you mean Europe/Berlin")
        await console.press("ctrl+u")
        await paste(console, "30 9 * * 1-5 in Europe/Berlin until 2026-11-25")
        await console.expect("every Monday to Friday at 09:30 (Europe/Berlin)")
        await console.expect("next: Tue 24 Nov 09:30, Wed 25 Nov 09:30")
        await console.press("enter")
        await told(console, "“Weekly offer” repeats")
    made = known(1, desk)
    assert made.series.timezone == "Europe/Berlin"
    assert [one.local for one in made.upcoming] == ["2026-11-24T09:30", "2026-11-25T09:30"]


async def test_R21_leaving_the_prompt_makes_nothing(desk: Desk) -> None:
    desk.draft("Weekly offer")
    async with desk.console() as console:
        await opened(console, "Weekly offer")
        await console.press("P")
        await console.until(lambda: isinstance(console.app.screen, PromptScreen), "it asks when")
        await paste(console, "0 10 * * MON")
        await console.press("escape")
        await shown(console, "Nothing repeats yet.")
    assert desk.names() == ["Weekly offer"]


async def test_R21_an_incomplete_campaign_is_not_repeated_and_says_why(desk: Desk) -> None:
    with database.session():
        from engine.commands import drafts
        from store.types import DraftFields

        drafts.create(builders.context(desk.clock), DraftFields("Half done"))
    async with desk.console() as console:
        await opened(console, "Half done")
        await console.press("P")
        # Before anything is typed that would be lost.
        await told(console, "It cannot be repeated yet", "no sender chosen")
    assert desk.names() == ["Half done"]


async def test_R21_pause_and_resume_say_what_stays(desk: Desk) -> None:
    repeated(desk)
    async with desk.console() as console:
        await shown(console, "▸ active", "every Monday at 10:00", "30 Nov 10:00", "2026-11-30T04:30 UTC")
        await console.press("p")
        await told(console, "“Weekly offer” is paused", "The campaign made for Mon 30 Nov 10:00 IST stays")
        await console.expect("‖ paused")
        assert known(1, desk).series.state is State.PAUSED
        await console.press("p")
        await told(console, "This series is paused already.")
        await console.press("R")
        await told(console, "is active again")
        await console.expect("▸ active")
    assert known(1, desk).series.state is State.ACTIVE
    assert desk.rows()[0].status == "scheduled"


async def test_R15_R21_a_firing_that_is_locked_is_not_said_to_be_cancellable(desk: Desk) -> None:
    repeated(desk)
    desk.clock.advance(known(1, desk).upcoming[0].at - desk.clock.now() - 4 * MINUTE)
    async with desk.console() as console:
        await shown(console, "▸ active")
        await console.press("p")
        await told(console, "The campaign made for Mon 30 Nov 10:00 IST is locked: it goes at its time.")


async def test_R13_R21_a_series_in_another_zone_shows_its_times_with_their_zones(desk: Desk) -> None:
    source = desk.draft("Weekly offer")
    with database.session():
        end = schedule.parse_when("2026-12-31 23:00", "Europe/Berlin", desk.clock.now())
        recurring.create(builders.context(desk.clock), source, "0 10 * * MON", timezone="Europe/Berlin", until=end)
    async with desk.console() as console:
        await shown(console, "CET: every Monday at 10:00", "30 Nov 14:30", "until Thu 31 Dec 2026 23:00 CET")
        assert "10:00" not in console.line("active").partition("at 10:00")[2]
        await console.expect("Mon 30 Nov 10:00 CET    Mon 30 Nov 14:30 IST    2026-11-30T09:00 UTC")
        await console.press("p")
        await told(console, "The campaign made for Mon 30 Nov 10:00 CET stays")


async def test_R21_ending_asks_first(desk: Desk) -> None:
    repeated(desk)
    async with desk.console() as console:
        await shown(console)
        await console.press("d")
        await asked(console, desk, "End the series “Weekly offer”?", "cannot be made active again")
        await console.press("n")
        await console.until(lambda: isinstance(console.app.screen, SeriesScreen), "the dialog closes")
        assert known(1, desk).series.state is State.ACTIVE
        await console.press("d")
        await asked(console, desk, "End the series")
        await console.press("y")
        await told(console, "“Weekly offer” has ended.")
        await console.expect("■ ended")
        await console.press("R")
        await told(console, "This series has ended.")


async def test_R21_enter_goes_to_the_campaign_made_last(desk: Desk) -> None:
    repeated(desk)
    async with desk.console() as console:
        await shown(console)
        await console.press("enter")
        screen = await opened(console)
        assert screen.subject is not None
        assert screen.subject.name == "Weekly offer, Mon 30 Nov 10:00"


async def test_R21_the_report_says_which_series_it_belongs_to(desk: Desk) -> None:
    repeated(desk)
    async with desk.console() as console:
        screen = await opened(console)
        assert screen.query_one(PagedTable).move_to_id(desk.id_of("Weekly offer, Mon 30 Nov 10:00"))
        await console.expect("one of series 1: its firing of 2026-11-30 10:00")
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, ReportScreen), "the report opens")
        await console.expect("one of series 1: its firing of 2026-11-30 10:00")


async def test_R21_a_read_only_console_shows_series_and_changes_none(desk: Desk) -> None:
    repeated(desk)
    async with desk.console(read_only=True) as console:
        await opened(console)
        await console.press("P")
        await told(console, "read-only")
        await shown(console, "Weekly offer", "READ-ONLY")
        for key in ("p", "R", "d"):
            await console.press(key)
        assert isinstance(console.app.screen, SeriesScreen)
    assert known(1, desk).series.version == 1


async def test_R21_without_a_series_its_keys_say_so(desk: Desk) -> None:
    async with desk.console() as console:
        screen = await shown(console, "Nothing repeats yet.", "on a campaign in the list repeats it")
        await console.press("p")
        await told(console, "There is no series under the cursor.")
        await console.press("enter")
        await told(console, "No campaign of this series")
        await console.press("d", "escape")
        assert screen.SCOPE is Scope.SERIES
        await opened(console, "No campaigns yet.")


def several(desk: Desk) -> None:
    """An active one that missed something, a frequent one, a paused and an ended one."""
    context = builders.context(desk.clock)
    repeated(desk, "0 20 * * *", "Evening reminder")
    paused = repeated(desk, "0 9 1 * *", "Monthly statement")
    ended = repeated(desk, "30 8 * * 1-5", "Morning digest \x1b[31m")
    from engine import firing

    with database.session():
        recurring.pause(context, paused)
        recurring.end(context, ended)
    desk.clock.advance(3 * DAY + 6 * HOUR + 20 * MINUTE)
    with database.session():
        firing.tend(desk.clock, builders.OPERATOR)
    repeated(desk, "0 10 * * MON", "Weekly offer", until=desk.clock.now() + 20 * DAY)


@SIZES
async def test_series_full(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.empty(tmp_path, clock)
    several(desk)
    async with desk.console(size) as console:
        await shown(console, "Weekly offer")
        await console.press("down")
        await console.expect("firings missed up to")
        await still(console)
        check("series_full", console)


@SIZES
async def test_series_empty(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    async with scenes.empty(tmp_path, clock).console(size) as console:
        await shown(console, "Nothing repeats yet.")
        await still(console)
        check("series_empty", console)


@SIZES
async def test_series_prompt(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.empty(tmp_path, clock)
    desk.draft("Weekly offer")
    async with desk.console(size) as console:
        await opened(console, "Weekly offer")
        await console.press("P")
        await console.until(lambda: isinstance(console.app.screen, PromptScreen), "it asks when")
        console.app.screen.query_one(Input).value = "0 10 * * MON"
        await console.expect("every Monday at 10:00")
        await still(console)
        check_dialog("series_prompt", console)
