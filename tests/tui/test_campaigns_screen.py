"""The campaign list as an operator uses it, on a real database."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from engine.clock import DAY
from engine.commands import drafts, launch
from store import audit, campaigns, database
from store.types import DraftFields, ResultKind, SortKey, Status
from tests import builders
from tests.clock import START, FakeClock
from tests.driver import Console
from tests.tui import scenes
from tests.tui.scenes import MINUTE, NARROW, Desk, asked, opened, paste, told, under_cursor
from tui.command import Scope
from tui.commands import commands_of
from tui.screens.campaigns import CampaignsScreen
from tui.screens.draft import DraftScreen
from tui.screens.report import ReportScreen
from tui.widgets.paged_table import PagedTable
from tui.widgets.status_tabs import StatusTabs


@pytest.fixture
def desk(tmp_path: Path, clock: FakeClock) -> Desk:
    return scenes.empty(tmp_path, clock)


@pytest.fixture
def sampled(tmp_path: Path, clock: FakeClock) -> Desk:
    return scenes.sampled(tmp_path, clock)


async def go_to(console: Console, desk: Desk, name: str) -> None:
    """Put the cursor on a campaign."""
    assert console.app.screen.query_one(PagedTable).move_to_id(desk.id_of(name))
    await console.until(lambda: under_cursor(console) == name, f"the cursor is on {name}")


def status(desk: Desk, campaign_id: int) -> Status:
    return desk.campaign(campaign_id).status


# Tabs, search, order


async def test_R51_tabs_count_every_status_and_narrow_the_list(sampled: Desk) -> None:
    async with sampled.console() as console:
        await opened(console, "[All 16]  Draft 2  Scheduled 3  In Progress 2  Completed 4  Failed 4  Cancelled 1")
        await console.press("5")
        await console.expect("[Failed 4]", "Win-back 2019", "Flash Friday")
        await console.expect_not("Winter preview", "Order updates")
        await console.press("]")
        await console.expect("[Cancelled 1]", "Members' evening")
        await console.press("]")
        await console.expect("[All 16]", "Winter preview")
        await console.press("[")
        await console.expect("[Cancelled 1]")
        await console.click(StatusTabs, (15, 0))
        await console.expect("[Draft 2]", "New year teaser")


async def test_R51_a_status_changed_elsewhere_moves_the_counts(desk: Desk) -> None:
    campaign_id = desk.scheduled("Renewal July")
    async with desk.console() as console:
        await opened(console, "Scheduled 1", "Cancelled 0")
        with database.session():
            launch.cancel(builders.context(desk.clock), campaign_id)
        await console.expect("Scheduled 0", "Cancelled 1", "- Cancelled")


async def test_R51_search_narrows_combines_with_the_tab_and_esc_clears(sampled: Desk) -> None:
    async with sampled.console() as console:
        await opened(console)
        await console.press("/")
        await console.type("renewal")
        await console.expect("[All 3]", "Renewal October", "Renewal December", "Members' evening")
        await console.expect_not("Flash sale")
        await console.press("enter", "4")
        await console.expect("[Completed 1]", "Renewal October")
        await console.expect_not("Renewal December")
        await console.press("escape")
        await console.expect("[Completed 4]", "Back to school")
        await console.press("0")
        await console.expect("[All 16]", "Flash sale")


async def test_a_search_without_a_hit_says_so_and_how_to_get_out(sampled: Desk) -> None:
    async with sampled.console() as console:
        await opened(console)
        await console.press("/")
        await console.type("xyzzy")
        await console.expect("Nothing matches “xyzzy” here.", "esc  clears the search")
        await console.press("escape")
        await console.expect("Winter preview")


async def test_letters_typed_into_the_search_are_no_commands(sampled: Desk) -> None:
    async with sampled.console() as console:
        await opened(console)
        await console.press("/")
        await console.expect("esc clear the search", "f1 help", "ctrl+p commands")
        assert not console.sees("n new")
        await console.type("dcnq")
        await console.expect("Nothing matches “dcnq” here.")
        assert isinstance(console.app.screen, CampaignsScreen)


async def test_an_empty_tab_says_so(desk: Desk) -> None:
    desk.draft()
    async with desk.console() as console:
        await opened(console)
        await console.press("3")
        await console.expect("No campaign is in progress.", "0  shows all")
        await console.press("0")
        await console.expect("Spring sale")


async def test_an_empty_database_names_the_first_step(desk: Desk) -> None:
    async with desk.console() as console:
        await console.expect("No campaigns yet.", "n  starts the first draft")
        await console.press("n")
        await console.until(lambda: isinstance(console.app.screen, DraftScreen), "the editor opens")


async def test_R52_sort_by_the_next_column_and_reverse(desk: Desk) -> None:
    for name in ("Bravo", "alpha", "Charlie"):
        desk.draft(name, 1)
    async with desk.console() as console:
        await opened(console, "WHEN▲")
        await console.press("s")
        await console.expect("NAME▲")
        await console.until(lambda: order(console) == ["alpha", "Bravo", "Charlie"], "sorted by name")
        await console.press("o")
        await console.expect("NAME▼")
        await console.until(lambda: order(console) == ["Charlie", "Bravo", "alpha"], "reversed")
        await console.click(PagedTable, (74, 0))
        await console.expect("▲AUDIENC ")


def order(console: Console) -> list[str]:
    """The names in the order of the lines."""
    table: PagedTable[object] = console.app.screen.query_one(PagedTable)
    rows = [table.window.row(index) for index in range(len(table.window))]
    return [getattr(row, "name", "") for row in rows]


async def test_R52_every_order_can_be_asked_for(sampled: Desk) -> None:
    async with sampled.console() as console:
        screen = await opened(console)
        seen = []
        for _ in SortKey:
            await console.press("s")
            await console.until(lambda: not screen._polling, "read")
            seen.append(screen._asked.sort.value)
            assert sorted(order(console)) == sorted(sampled.names())
        assert set(seen) == set(SortKey)


async def test_the_cursor_stays_on_its_campaign_whatever_moves_around_it(sampled: Desk) -> None:
    async with sampled.console() as console:
        await opened(console)
        await go_to(console, sampled, "Flash sale")
        await console.press("s")
        await console.expect("NAME▲")
        assert under_cursor(console) == "Flash sale"
        await console.press("o")
        await console.expect("NAME▼")
        assert under_cursor(console) == "Flash sale"
        with database.session():
            drafts.create(builders.context(sampled.clock), DraftFields("Zebra crossing"))
        await console.expect("Zebra crossing", "[All 17]")
        assert under_cursor(console) == "Flash sale"


async def test_what_was_looked_at_last_is_taken_up_again(sampled: Desk) -> None:
    async with sampled.console() as console:
        await opened(console)
        await console.press("4", "s")
        await console.expect("[Completed 4]", "NAME▲")
        await go_to(console, sampled, "Order updates")
        await console.press("q")
    async with sampled.console() as console:
        await opened(console, "[Completed 4]", "NAME▲")
        assert under_cursor(console) == "Order updates"


async def test_the_pane_tells_about_the_campaign_under_the_cursor(sampled: Desk) -> None:
    async with sampled.console() as console:
        await opened(console)
        await go_to(console, sampled, "Flash Friday")
        await console.expect("FAILED: There were not enough credits", "What to do: Add at least")
        await go_to(console, sampled, "Back to school")
        await console.expect("audience 610 = sent", "✓")


async def test_a_narrow_terminal_has_no_pane_and_a_wider_one_gets_it_back(sampled: Desk) -> None:
    async with sampled.console(NARROW) as console:
        await opened(console)
        assert not console.sees("audience 610 =")
        await console.resize(120, 40)
        await console.expect("audience 610 =")
        await console.resize(80, 24)
        await console.expect_not("audience 610 =")


def test_no_breakpoints_are_declared_because_they_cost_start_up_time() -> None:
    assert not CampaignsScreen.HORIZONTAL_BREAKPOINTS


# Cancelling


async def test_R18_R19_cancel_names_the_campaign_and_only_yes_cancels(desk: Desk) -> None:
    campaign_id = desk.scheduled("Renewal July", 30, 12)
    async with desk.console() as console:
        await opened(console)
        await console.press("c")
        await asked(
            console,
            desk,
            "Cancel “Renewal July”?",
            "Mon 23 Nov 2026 15:00 IST",
            "12 recipients",
            "Nothing is sent and no credit is taken. It stays in the list.",
            "Still possible for 2",
        )
        assert console.app.focused is not None
        assert console.app.focused.id == "no"
        await console.press("escape")
        await opened(console, "○ Scheduled")
        assert status(desk, campaign_id) is Status.SCHEDULED
        await console.press("c")
        await asked(console, desk)
        await console.press("y")
        await told(console, "Cancelled", "Renewal July")
        await console.expect("- Cancelled")
    campaign = desk.campaign(campaign_id)
    assert campaign.status is Status.CANCELLED
    assert campaign.progress.reserved == campaign.progress.sent == 0


@pytest.mark.parametrize("key", ["enter", "escape", "n", "x", "q"])
async def test_R18_anything_else_changes_nothing(desk: Desk, key: str) -> None:
    campaign_id = desk.scheduled()
    async with desk.console(NARROW) as console:
        await console.expect("○ Scheduled")
        await console.press("c")
        await asked(console, desk)
        await console.press(key)
        await console.press("escape")
        await console.expect("○ Scheduled")
    assert status(desk, campaign_id) is Status.SCHEDULED


async def test_R15_the_dialog_counts_down_and_at_the_lock_only_closes(desk: Desk) -> None:
    campaign_id = desk.scheduled("Renewal July", 30)
    async with desk.console() as console:
        await opened(console)
        await console.press("c")
        await asked(console, desk, "Still possible for 25:00.")
        desk.clock.advance(10 * MINUTE)
        await console.expect("Still possible for 14:59.")
        desk.clock.set(START + 25 * MINUTE + 1)
        await console.expect("It is too late: within 5 minutes of its time", "[ Close ]")
        await console.expect_not("Yes, cancel", "Keep it")
        await console.press("y", "enter")
        await opened(console, "LOCKED")
    assert status(desk, campaign_id) is Status.SCHEDULED


async def test_R14_at_exactly_five_minutes_it_can_still_be_cancelled(desk: Desk) -> None:
    campaign_id = desk.scheduled("Renewal July", 30)
    async with desk.console() as console:
        await opened(console)
        await console.press("c")
        await asked(console, desk)
        desk.clock.set(START + 25 * MINUTE)
        await console.press("y")
        await told(console, "Cancelled")
    assert status(desk, campaign_id) is Status.CANCELLED


async def test_R15_the_list_counts_down_to_the_lock_and_then_to_the_start(desk: Desk) -> None:
    desk.scheduled("Renewal July", 30)
    async with desk.console() as console:
        await opened(console, "locks in 25:00", "next: Renewal July in 30:00", "c cancel")
        desk.clock.advance(1_000)
        await console.expect("locks in 24:59", "next: Renewal July in 29:59")
        desk.clock.advance(25 * MINUTE)
        await console.expect("LOCKED  04:59", "c cancel (locked")
        desk.clock.advance(5 * MINUTE)
        await console.expect("LOCKED  due")


async def test_R9_what_somebody_else_did_meanwhile_wins(desk: Desk) -> None:
    campaign_id = desk.scheduled("Renewal July", 30)
    async with desk.console() as console:
        await opened(console)
        await console.press("c")
        await asked(console, desk)
        with database.session():
            launch.reopen(builders.context(desk.clock), campaign_id)
        await console.press("y")
        await told(console, "A campaign that is a Draft cannot be cancelled.")
        await console.expect("· Draft")
    assert status(desk, campaign_id) is Status.DRAFT


# Refusals


@pytest.mark.parametrize(
    ("key", "done"),
    [("e", "edited"), ("d", "deleted"), ("c", "cancelled"), ("b", "taken back to draft"), ("t", "rescheduled")],
)
async def test_R4_in_progress_is_locked_and_says_so(desk: Desk, key: str, done: str) -> None:
    campaign_id = desk.started()
    before = desk.campaign(campaign_id)
    async with desk.console(NARROW) as console:
        await console.expect("▶ In Progress")
        await console.press(key)
        await told(console, f"The campaign is In Progress, and a run cannot be {done}.", "Wait for its end")
        assert isinstance(console.app.screen, CampaignsScreen)
    assert desk.campaign(campaign_id) == before


async def test_R17_R53_send_now_and_resume_say_why_not(desk: Desk) -> None:
    desk.scheduled()
    async with desk.console() as console:
        await opened(console)
        await console.press("S")
        await told(console, "A campaign that is Scheduled cannot be sent now.", "Take it back to draft first")
        await console.press("R")
        await told(console, "Only a campaign on hold can be resumed")


async def test_without_a_campaign_keys_say_that_there_is_none(desk: Desk) -> None:
    async with desk.console() as console:
        await console.expect("No campaigns yet.")
        for key in ("enter", "c", "D", "x", "y"):
            await console.press(key)
        await told(console, "There is no campaign under the cursor.")
        assert isinstance(console.app.screen, CampaignsScreen)


# Back to draft, delete, duplicate, resume


async def test_back_to_draft(desk: Desk) -> None:
    campaign_id = desk.scheduled("Renewal July")
    async with desk.console() as console:
        await opened(console)
        await console.press("b")
        await asked(console, desk, "Take “Renewal July” back to draft?", "the schedule is lost")
        await console.press("y")
        await told(console, "Back to draft: Renewal July.")
        await console.expect("· Draft")
    campaign = desk.campaign(campaign_id)
    assert campaign.status is Status.DRAFT
    assert campaign.scheduled_at is None


async def test_R3_delete_a_draft(desk: Desk) -> None:
    desk.draft("First", 1)
    desk.draft("Second", 1)
    async with desk.console() as console:
        await opened(console)
        await go_to(console, desk, "First")
        await console.press("d")
        await asked(console, desk, "Delete “First”?", "1 recipient.")
        await console.press("y")
        await told(console, "Deleted: First.")
        await console.expect("[All 1]")
        assert under_cursor(console) == "Second"
    assert desk.names() == ["Second"]


async def test_R10_a_deleted_draft_is_brought_back(desk: Desk) -> None:
    desk.draft("First", 1)
    desk.draft("Second", 1)
    with database.session():
        for name in ("First", "Second"):
            drafts.delete(builders.context(desk.clock), desk.id_of(name))
    async with desk.console() as console:
        await console.expect("No campaigns yet.")
        await console.press("z")
        await console.expect("Restore a deleted draft", "“Second”, 1 row", "Also deleted:", "First")
        await console.press("backspace")
        await console.type("77")
        await console.expect("No deleted draft has that number.")
        await console.press("backspace", "backspace")
        await console.type("1")
        await console.expect("“First”, 1 row")
        await console.press("enter")
        await told(console, "Restored: First.")
        await console.expect("[All 1]")
    assert desk.names() == ["First"]


async def test_R10_with_nothing_deleted_restore_says_so(desk: Desk) -> None:
    desk.draft()
    async with desk.console() as console:
        await opened(console)
        await console.press("z")
        await told(console, "No draft was deleted within the last 7 days.")


async def test_R10_the_list_warns_before_a_draft_goes(desk: Desk) -> None:
    desk.draft()
    desk.clock.advance(26.5 * DAY)
    async with desk.console() as console:
        await console.expect("deleted in 4 d")


async def test_R8_duplicate_puts_the_cursor_on_the_copy(desk: Desk) -> None:
    campaign_id = desk.cancelled("Renewal July", 12)
    async with desk.console() as console:
        await opened(console)
        await console.press("D")
        await told(console, "Duplicated Renewal July")
        await console.until(lambda: under_cursor(console) == "Renewal July (copy)", "the cursor is on the copy")
        await console.expect("[All 2]", "· Draft")
    copy = desk.campaign(desk.id_of("Renewal July (copy)"))
    source = desk.campaign(campaign_id)
    assert (copy.status, copy.scheduled_at) == (Status.DRAFT, None)
    assert (copy.template_id, copy.fills, copy.progress.audience) == (source.template_id, source.fills, 12)
    assert source.status is Status.CANCELLED


async def test_R8_the_copy_is_shown_also_when_the_tab_or_the_search_would_hide_it(desk: Desk) -> None:
    desk.cancelled("Renewal July")
    async with desk.console() as console:
        await opened(console)
        await console.press("6")
        await console.expect("[Cancelled 1]")
        await console.press("D")
        await console.expect("[All 2]")
        await console.until(lambda: under_cursor(console) == "Renewal July (copy)", "the cursor is on the copy")
        await console.press("/")
        await console.type("July")
        await console.press("enter")
        await console.press("D")
        await console.until(lambda: under_cursor(console) == "Renewal July (copy) (copy)", "on the second copy")
        await console.expect("[All 3]")


async def test_R45_resume_what_is_on_hold(desk: Desk) -> None:
    campaign_id = desk.started("Renewal July")
    desk.hold(campaign_id, "The template is paused.")
    async with desk.console() as console:
        await opened(console, "‖ On hold", "on hold: The template is paused.", "Press R to resume.")
        await console.press("R")
        await asked(console, desk, "Resume “Renewal July”?", "Sending goes on at once.")
        await console.press("y")
        await told(console, "Resumed: Renewal July.")
        await console.expect("▶ In Progress")
    assert desk.campaign(campaign_id).hold is None


async def test_R45_a_run_that_is_on_hold_again_at_once_is_told(desk: Desk) -> None:
    campaign_id = desk.started("Renewal July")
    desk.hold(campaign_id, "The template is paused.")
    other = desk.started("Other")
    desk.hold(other, "The other one is paused.")
    async with desk.console() as console:
        screen = await opened(console)
        assert screen.query_one(PagedTable).move_to_id(campaign_id)
        await console.expect("on hold: The template is paused.")
        await console.press("R")
        await asked(console, desk, "Resume “Renewal July”?")
        await console.press("y")
        await told(console, "Resumed: Renewal July.")
        desk.clock.advance(1_000)
        desk.hold(campaign_id, "The template is paused \x1b[31m.")
        await told(console, "Renewal July is on hold again: The template is paused ␛[31m.")
        assert not [one for one in console.app._notifications if "Other" in one.message]


# Sending now, another time


async def test_R17_send_now_needs_the_number_of_recipients_typed(desk: Desk) -> None:
    campaign_id = desk.draft("Renewal July", 12)
    async with desk.console() as console:
        await opened(console)
        await console.press("S")
        await asked(
            console,
            desk,
            "Send “Renewal July” now?",
            "12 messages go out at once, for 12 credits.",
            "Sending now cannot be cancelled.",
            "Type 12 to confirm:",
        )
        await console.press("y", "enter")
        await console.type("11")
        await console.press("enter")
        await console.expect("11 is not 12; nothing was done.")
        assert status(desk, campaign_id) is Status.DRAFT
        await console.press("backspace", "2", "enter")
        await told(console, "On its way: Renewal July.")
        await console.expect("▶ In Progress")
    assert status(desk, campaign_id) is Status.IN_PROGRESS


async def test_R22_send_now_of_what_is_not_ready_tells_every_problem(desk: Desk) -> None:
    with database.session():
        campaign_id = drafts.create(builders.context(desk.clock), DraftFields("Half done"))
    async with desk.console() as console:
        await opened(console)
        await console.press("S")
        await told(console, "It cannot go yet", "template", "sender", "Press e to mend it.")
        assert isinstance(console.app.screen, CampaignsScreen)
    assert status(desk, campaign_id) is Status.DRAFT


async def test_R12_another_time_is_echoed_and_the_past_refused(desk: Desk) -> None:
    campaign_id = desk.scheduled("Renewal July", 30)
    async with desk.console() as console:
        await opened(console)
        await console.press("t")
        await console.expect("Another time for “Renewal July”")
        await paste(console, "2026-11-22 10:00")
        await console.expect("Sun 22 Nov 2026 10:00 IST is in the past")
        await console.press("enter")
        await console.expect("Another time for “Renewal July”")
        assert desk.campaign(campaign_id).scheduled_at == START + 30 * MINUTE
        await console.press("ctrl+u")
        await paste(console, "gibberish")
        await console.expect("! 'gibberish' is not a time")
        await console.press("ctrl+u")
        await paste(console, "tomorrow 10:00")
        await console.expect("Tue 24 Nov 2026 10:00 IST, in 19 h 30 min")
        await console.press("enter")
        await told(console, "“Renewal July” goes Tue 24 Nov 2026 10:00 IST")
        await console.expect("tomorrow 10:00")
    assert desk.campaign(campaign_id).scheduled_at == START + (19 * 60 + 30) * MINUTE


async def test_R16_less_than_five_minutes_ahead_says_that_it_is_locked(desk: Desk) -> None:
    desk.scheduled("Renewal July", 30)
    async with desk.console() as console:
        await opened(console)
        await console.press("t")
        await console.expect("Another time for")
        await console.type("in 3 min")
        await console.expect("LOCKED from the start: less than 5 minutes ahead, it cannot be")
        await console.press("enter")
        await told(console, "It is locked already")
        await console.expect("LOCKED  03:00")


async def test_R14_reschedule_obeys_the_lock(desk: Desk) -> None:
    campaign_id = desk.scheduled("Renewal July", 30)
    async with desk.console() as console:
        await opened(console)
        await console.press("t")
        await console.expect("Another time for")
        await paste(console, "tomorrow 10:00")
        desk.clock.set(START + 26 * MINUTE)
        await console.press("enter")
        await console.expect("It is too late: within 5 minutes of its time a campaign cannot be", "tomorrow 10:00")
    assert desk.campaign(campaign_id).scheduled_at == START + 30 * MINUTE


# Many at once


async def test_R54_one_dialog_says_what_will_and_what_will_not_be_done(desk: Desk) -> None:
    late = desk.scheduled("Too late", 4)
    ahead = desk.scheduled("Ahead", 60)
    other = desk.scheduled("Ahead too", 90)
    draft = desk.draft("A draft")
    async with desk.console() as console:
        await opened(console)
        await console.press("space", "space", "space", "space")
        await console.expect("* ○ Scheduled")
        await console.press("c")
        await asked(
            console,
            desk,
            "Cancel 4 campaigns?",
            "✓ Ahead, today 15:30",
            "✓ Ahead too, today 16:00",
            "✗ Too late: It is too late: within 5 minutes",
            "✗ A draft: A campaign that is a Draft cannot be cancelled.",
            "2 of 4 will be done.",
        )
        await console.press("y")
        await told(
            console,
            "Cancelled: 2 of 4 campaigns. What was not done stays marked.",
            "✗ Too late: It is too late",
            "✗ A draft: A campaign that is a Draft cannot be cancelled.",
        )
        await console.expect("esc unmark 2")
        assert console.app.screen.query_one(PagedTable).window.marks == {late, draft}
    found = {one: status(desk, one) for one in (late, ahead, other, draft)}
    assert found == {
        late: Status.SCHEDULED,
        ahead: Status.CANCELLED,
        other: Status.CANCELLED,
        draft: Status.DRAFT,
    }


async def test_R54_when_nothing_can_be_done_the_dialog_says_why_for_each(desk: Desk) -> None:
    desk.draft("A draft")
    desk.started("A run")
    async with desk.console() as console:
        await opened(console)
        await console.press("space", "space", "c")
        await asked(
            console,
            desk,
            "! None of 2 will be done.",
            "✗ A run: The campaign is In Progress, and a run cannot be",
            "✗ A draft: A campaign that is a Draft cannot be cancelled.",
            "[ Close ]",
        )
        await console.press("escape")
        await opened(console)


async def test_R54_only_a_few_of_many_are_named_and_the_rest_counted(desk: Desk) -> None:
    for n in range(9):
        desk.scheduled(f"Wave {n}", 60 + n, 1)
    async with desk.console(NARROW) as console:
        await opened(console)
        await console.press(*["space"] * 9, "c")
        await asked(console, desk, "Cancel 9 campaigns?", "✓ Wave 0", "… and 3 more", "9 of 9 will be done.", "Keep it")
        await console.press("y")
        await told(console, "Cancelled: 9 campaigns.")
    assert {row.status for row in desk.rows()} == {Status.CANCELLED}


async def test_R18_the_answers_are_in_view_in_the_smallest_terminal(tmp_path: Path, clock: FakeClock) -> None:
    sampled = scenes.sampled(tmp_path, clock)
    async with sampled.console((60, 16)) as console:
        await opened(console)
        await console.press(*["space"] * 12, "c")
        await asked(console, sampled, "2 of 12 will be done.", "[ Keep it ]", "y  Yes, cancel")
        assert not console.sees("Nothing is sent")
        await console.press(*["down"] * 12)
        await console.expect("Nothing is sent", "[ Keep it ]")
        await console.press("escape")


async def test_R54_marks_outlive_another_tab_and_esc_clears_them(desk: Desk) -> None:
    desk.draft("A draft")
    desk.scheduled("A scheduled one")
    async with desk.console() as console:
        screen = await opened(console)
        await console.press("space", "1")
        await console.expect("[Draft 1]")
        assert screen.marked == 1
        await console.press("0", "escape")
        assert screen.marked == 0


async def test_R54_a_marked_campaign_that_was_deleted_elsewhere_is_left_out(desk: Desk) -> None:
    gone = desk.draft("Gone")
    desk.draft("Stays")
    async with desk.console() as console:
        screen = await opened(console)
        await console.press("space", "space")
        assert screen.marked == 2
        with database.session():
            drafts.delete(builders.context(desk.clock), gone)
        await console.press("d")
        await asked(console, desk, "Delete “Stays”?")
        await console.press("y")
        await told(console, "Deleted: Stays.")
    assert desk.names() == []


# Export and the clipboard


async def test_R48_export_writes_the_csv_and_says_how_many_rows(sampled: Desk, tmp_path: Path) -> None:
    async with sampled.console() as console:
        await opened(console)
        await go_to(console, sampled, "Order updates")
        await console.press("x")
        await console.expect("Export “Order updates” as .csv, .xlsx or .html", "order-updates-")
        await console.press("ctrl+u")
        await paste(console, str(tmp_path / "nowhere" / "out.csv"))
        await console.expect("! There is no folder")
        await console.press("enter", "ctrl+u")
        await paste(console, str(tmp_path / "out.csv"))
        await console.expect("writes ")
        await console.press("enter")
        await told(console, "610 rows written to")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 610
    assert {row["state"] for row in rows} >= {"read", "delivered", "failed", "skipped"}


async def test_export_says_when_it_replaces_a_file_and_esc_keeps_it(sampled: Desk, tmp_path: Path) -> None:
    kept = tmp_path / "out.csv"
    kept.write_text("mine", encoding="utf-8")
    async with sampled.console() as console:
        await opened(console)
        await console.press("x", "ctrl+u")
        await paste(console, str(kept))
        await console.expect("REPLACES ")
        await console.press("escape")
        await opened(console)
    assert kept.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("key", ["enter", "y"])
async def test_R48_export_replaces_a_file_only_after_a_yes(sampled: Desk, tmp_path: Path, key: str) -> None:
    kept = tmp_path / "out.csv"
    kept.write_text("mine", encoding="utf-8")
    async with sampled.console() as console:
        await opened(console)
        await console.press("x", "ctrl+u")
        await paste(console, str(kept))
        await console.expect("REPLACES ")
        await console.press("enter")
        await console.expect("Replace this file?", "What is in there now is lost.", "Keep it", "Yes, replace it")
        sampled.clock.advance(scenes.BLINK_MS)
        await console.press(key)
        if key == "y":
            await told(console, "rows written to")
        else:
            await opened(console)
    assert (kept.read_text(encoding="utf-8") == "mine") is (key == "enter")


async def test_copy_sends_name_status_and_figures(sampled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    async with sampled.console() as console:
        screen = await opened(console)
        monkeypatch.setattr(screen, "to_clipboard", copied.append)
        await go_to(console, sampled, "Order updates")
        await console.press("y")
        await console.until(lambda: bool(copied), "it is copied")
    assert copied[0].startswith("Order updates\tcompleted\taudience 610\tsent ")


# Reading only


@pytest.mark.parametrize("name", ["Winter preview", "Flash sale", "Loyalty week"])
async def test_a_read_only_console_refuses_every_command_that_writes(sampled: Desk, name: str) -> None:
    with database.session():
        before = [campaigns.get(row.id) for row in sampled.rows()], len(audit.events())
    writing = [one for one in commands_of(Scope.CAMPAIGNS) if one.writes]
    assert len(writing) >= 8
    async with sampled.console(read_only=True) as console:
        screen = await opened(console, "READ-ONLY")
        await go_to(console, sampled, name)
        for command in writing:
            for key in command.keys:
                console.app.clear_notifications()
                await console.press(key)
                await told(console, "This console is read-only.")
                assert console.app.screen is screen, f"{command.id} opened something"
    database.open_database(sampled.url)
    with database.session():
        assert ([campaigns.get(row.id) for row in sampled.rows()], len(audit.events())) == before


async def test_the_store_of_a_read_only_console_refuses_too(sampled: Desk) -> None:
    async with sampled.console(read_only=True) as console:
        screen = await opened(console)
        campaign_id = sampled.id_of("Renewal December")
        assert await screen.did(launch.cancel, screen.services.context, campaign_id) is False
        await told(console, "attempt to write a readonly database")
        assert sampled.campaign(campaign_id).status is Status.SCHEDULED
        await go_to(console, sampled, "Order updates")
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, ReportScreen), "reading is allowed")


# Live


async def test_outcomes_recorded_elsewhere_are_seen_without_losing_the_cursor(desk: Desk) -> None:
    running = desk.started("Renewal July", 20)
    desk.draft("Other")
    async with desk.console() as console:
        await opened(console)
        await go_to(console, desk, "Renewal July")
        await console.expect("sent 0 + failed 0 + pending 20")
        desk.hand_over(running, [ResultKind.SENT])
        desk.hand_over(running, [ResultKind.SENT] * 7 + [ResultKind.FAILED, ResultKind.UNKNOWN], 131026)
        await console.expect("sent 8 + failed 1 + pending 10 + skipped 0 + unknown 1", "40.0")
        assert under_cursor(console) == "Renewal July"


async def test_a_campaign_deleted_elsewhere_leaves_the_list_and_the_cursor_goes_on(desk: Desk) -> None:
    first = desk.draft("First")
    desk.draft("Second")
    async with desk.console() as console:
        await opened(console)
        await go_to(console, desk, "First")
        with database.session():
            drafts.delete(builders.context(desk.clock), first)
        await console.expect("[All 1]")
        await console.expect_not("First")
        assert under_cursor(console) == "Second"


async def test_the_last_campaign_deleted_elsewhere_leaves_an_empty_list(desk: Desk) -> None:
    only = desk.draft("Only one")
    async with desk.console() as console:
        await opened(console)
        with database.session():
            drafts.delete(builders.context(desk.clock), only)
        await console.expect("No campaigns yet.", "[All 0]")
        await console.expect_not("Only one")


async def test_the_credits_of_the_first_line_follow_the_store(desk: Desk) -> None:
    async with desk.console() as console:
        await opened(console, "credits 41,250 free")
        desk.started(rows=50)
        await console.expect("credits 41,200 free", "50 reserved")


async def test_a_store_that_cannot_be_read_is_told_and_the_rows_stay(desk: Desk) -> None:
    desk.draft("Renewal July")
    async with desk.console() as console:
        await opened(console, "Renewal July", "worker: NONE")
        with database.session():
            database.execute("ALTER TABLE campaign RENAME TO gone")
        await console.expect("worker: not known, The database cannot be used: no such table", "Renewal July")
        await console.press("D")
        await told(console, "The database cannot be used: no such table")
        with database.session():
            database.execute("ALTER TABLE gone RENAME TO campaign")
        await console.expect("worker: NONE", "Renewal July")


# What names may hold


async def test_names_that_try_to_be_something_else_are_shown_literally(tmp_path: Path, clock: FakeClock) -> None:
    rough = scenes.rough(tmp_path, clock)
    async with rough.console() as console:
        await opened(console, "· Draft       [b]Bold[/b] [@c…", "␛[31mred␛[0m␇", "xxxx…")
        for name in scenes.ROUGH_NAMES:
            await go_to(console, rough, name)
            await console.until(lambda: bool(console.screen.strip()), "drawn")
            assert_harmless(console)
            await console.press("d")
            await asked(console, rough, "Delete “", "Keep it")
            assert_harmless(console)
            await console.press("y")
            await told(console, "Deleted")
            assert_harmless(console)
        await console.expect("No campaigns yet.")
        for notice in console.app._notifications:
            assert "\x1b" not in notice.message


def assert_harmless(console: Console) -> None:
    """Nothing on the screen reaches the terminal as a control, and no name gave itself a style."""
    for strip in console.app.screen._compositor.render_strips():
        for segment in strip:
            assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in segment.text)
            assert "\u202e" not in segment.text
            if segment.style is not None and segment.style.meta:
                assert "@click" not in segment.style.meta


async def test_a_name_with_markup_keeps_its_brackets_in_prompts_and_reports(desk: Desk) -> None:
    desk.scheduled(scenes.MARKUP, 60)
    async with desk.console() as console:
        await opened(console)
        await console.press("t")
        await console.expect("Another time for “[b]Bold[/b] [@click=app.quit]quit[/] \\[…”")
        await console.press("escape")
        await console.press("x")
        await console.expect("Export “[b]Bold[/b]", "b-bold-b-click-app-quit-quit-x-1.csv")
        await console.press("escape")
        await console.press("enter")
        await console.expect("[b]Bold[/b] [@click=app.quit]quit[/] \\[x]   ○ Scheduled")
        assert_harmless(console)
