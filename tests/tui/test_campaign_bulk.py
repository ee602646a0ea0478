"""One key on many marked campaigns: one dialog, each done for itself, told honestly afterwards (R54)."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from engine.commands import drafts, launch
from engine.roles import Role
from store import campaigns, database, ledger
from store.errors import StoreBusy
from store.types import CampaignRow, DraftFields, Status
from tests import builders
from tests.clock import START, FakeClock
from tests.driver import Console
from tests.tui import scenes
from tests.tui.context import row
from tests.tui.scenes import MINUTE, Desk, asked, opened, paste, told
from tui import bulk
from tui.bulk import Judged
from tui.screens.campaigns import CampaignsScreen
from tui.screens.confirm import Confirm


@pytest.fixture
def desk(tmp_path: Path, clock: FakeClock) -> Desk:
    return scenes.empty(tmp_path, clock)


async def mark(console: Console, *ids: int) -> CampaignsScreen:
    """Mark these campaigns, whatever the cursor is on."""
    screen = await opened(console)
    for campaign_id in ids:
        assert screen._table.move_to_id(campaign_id)
        await console.press("space")
    assert screen.marked == len(ids)
    await console.expect(f"esc unmark {len(ids)}")
    return screen


def marks(screen: CampaignsScreen) -> set[int]:
    return set(screen._table.window.marks)


def statuses(desk: Desk, *ids: int) -> list[Status]:
    return [desk.campaign(one).status for one in ids]


# Words


def judged(*why_not: str | None) -> list[Judged]:
    one = row(Status.DRAFT)
    named = [
        CampaignRow(**{**{name: getattr(one, name) for name in CampaignRow.__slots__}, "name": f"No. {n}"})
        for n in range(len(why_not))
    ]
    return [Judged(*pair) for pair in zip(named, why_not, strict=True)]


def test_R54_an_outcome_counts_what_was_done_and_gives_every_reason_once() -> None:
    found = bulk.outcome("Cancelled", judged(None, "Too late.", None, "Too late.", "It is a Draft."))
    assert found.splitlines() == [
        "Cancelled: 2 of 5 campaigns. What was not done stays marked.",
        "✗ No. 1, No. 3: Too late.",
        "✗ No. 4: It is a Draft.",
    ]
    assert bulk.outcome("Deleted", judged(None)) == "Deleted: No. 0."
    assert bulk.outcome("Deleted", judged(None, None)) == "Deleted: 2 campaigns."
    assert bulk.outcome("Deleted", judged("No.", "No.")).startswith("Deleted: none of 2 campaigns.")


def test_many_names_and_reasons_are_counted() -> None:
    assert "✗ No. 0, No. 1, No. 2 and 2 more: No." in bulk.outcome("Deleted", judged(*["No."] * 5))
    assert bulk.outcome("Deleted", judged(*[f"Reason {n}." for n in range(6)])).endswith("… and 2 more reasons")


def test_a_reason_is_shown_literally() -> None:
    assert "␛[31m" in bulk.outcome("Deleted", judged("\x1b[31m", None))


# Each action


@pytest.mark.parametrize(
    ("key", "after", "notice"),
    [("c", Status.CANCELLED, "Cancelled: 2 of 3"), ("b", Status.DRAFT, "Back to draft: 2 of 3")],
)
async def test_R54_cancel_and_back_to_draft_of_many(desk: Desk, key: str, after: Status, notice: str) -> None:
    first, second, locked = desk.scheduled("First"), desk.scheduled("Second", 60), desk.scheduled("Locked", 3)
    async with desk.console() as console:
        screen = await mark(console, first, second, locked)
        await console.press(key)
        await asked(console, desk, "2 of 3 will be done.", "✓ First, today 15:00", "✗ Locked: It is too late")
        await console.press("y")
        await told(console, notice, "✗ Locked: It is too late", "What was not done stays marked.")
        assert statuses(desk, first, second, locked) == [after, after, Status.SCHEDULED]
        assert marks(screen) == {locked}


async def test_R54_delete_of_many(desk: Desk) -> None:
    first, second, run = desk.draft("First", 1), desk.draft("Second", 1), desk.started("A run")
    async with desk.console() as console:
        screen = await mark(console, first, second, run)
        await console.press("d")
        await asked(
            console, desk, "Delete 3 campaigns?", "2 of 3 will be done.", "✗ A run: The campaign is In Progress"
        )
        await console.press("y")
        await told(console, "Deleted: 2 of 3 campaigns.")
        await console.until(lambda: len(screen._table.window) == 1, "only the run is left")
        assert desk.names() == ["A run"]


async def test_R54_duplicate_of_many_asks_once_and_copies_each(desk: Desk) -> None:
    one, two, three = desk.draft("One", 4), desk.cancelled("Two", 5), desk.started("Three", 6)
    async with desk.console() as console:
        screen = await mark(console, one, two, three)
        await console.press("D")
        await asked(
            console, desk, "Duplicate 3 campaigns?", "3 of 3 will be done.", "✓ Three", "Each becomes a new draft"
        )
        await console.press("escape")
        await opened(console)
        assert len(desk.rows()) == 3
        assert marks(screen) == {one, two, three}, "nothing was changed, marks neither"
        await console.press("D")
        await asked(console, desk)
        await console.press("y")
        await told(console, "Duplicated: 3 campaigns.")
        await console.expect("[All 6]")
        assert marks(screen) == set()
    for name, people in (("One", 4), ("Two", 5), ("Three", 6)):
        copy = desk.campaign(desk.id_of(f"{name} (copy)"))
        assert (copy.status, copy.scheduled_at, copy.progress.audience) == (Status.DRAFT, None, people)
    assert statuses(desk, one, two, three) == [Status.DRAFT, Status.CANCELLED, Status.IN_PROGRESS]


async def test_R17_R54_send_now_of_many_needs_the_sum_typed(desk: Desk) -> None:
    one, two = desk.draft("One", 4), desk.draft("Two", 8)
    with database.session():
        bare = drafts.create(builders.context(desk.clock), DraftFields("Half done"))
    scheduled = desk.scheduled("Scheduled")
    async with desk.console() as console:
        screen = await mark(console, one, two, bare, scheduled)
        await console.press("S")
        await asked(
            console,
            desk,
            "Send 4 campaigns now?",
            "2 of 4 will be done.",
            "✗ Scheduled: A campaign that is Scheduled cannot be sent now.",
            "✗ Half done: It cannot go yet:",
            "12 messages go out at once, for 12 credits.",
            "Sending now cannot be cancelled.",
            "Type 12 to confirm:",
        )
        await console.press("y", "enter")
        await console.type("2")
        await console.press("enter")
        await console.expect("2 is not 12; nothing was done.")
        assert statuses(desk, one, two) == [Status.DRAFT, Status.DRAFT]
        await console.press("backspace", "1", "2", "enter")
        await told(console, "On its way: 2 of 4 campaigns.", "✗ Half done: It cannot go yet", "✗ Scheduled:")
        assert statuses(desk, one, two, bare, scheduled) == [
            Status.IN_PROGRESS,
            Status.IN_PROGRESS,
            Status.DRAFT,
            Status.SCHEDULED,
        ]
        assert marks(screen) == {bare, scheduled}


async def test_R27_R54_credits_that_do_not_reach_for_all_are_told_beforehand(tmp_path: Path, clock: FakeClock) -> None:
    desk = scenes.empty(tmp_path, clock, credits=10)
    one, two = desk.draft("One", 6), desk.draft("Two", 8)
    async with desk.console() as console:
        screen = await mark(console, one, two)
        await console.press("S")
        await asked(
            console, desk, "1 of 2 will be done.", "✓ One", "✗ Two: Behind the others 4 credits would be missing."
        )
        await console.type("6")
        await console.press("enter")
        await told(console, "On its way: 1 of 2 campaigns.", "✗ Two: Behind the others 4 credits would be missing.")
        assert statuses(desk, one, two) == [Status.IN_PROGRESS, Status.DRAFT]
        assert marks(screen) == {two}
    with database.session():
        assert ledger.balance().free == 4


async def test_R54_when_no_draft_is_ready_there_is_nothing_to_type(desk: Desk) -> None:
    with database.session():
        ids = [drafts.create(builders.context(desk.clock), DraftFields(name)) for name in ("One", "Two")]
    async with desk.console() as console:
        await mark(console, *ids)
        await console.press("S")
        await asked(console, desk, "! None of 2 will be done.", "It cannot go yet", "[ Close ]")
        assert not console.sees("to confirm")
        await console.press("y", "enter")
        await opened(console)
    assert statuses(desk, *ids) == [Status.DRAFT, Status.DRAFT]


async def test_R48_R54_export_of_many_writes_one_file_each_and_keeps_the_marks(desk: Desk, tmp_path: Path) -> None:
    one, two = desk.draft("One", 4), desk.cancelled("Two", 5)
    with database.session():
        bare = drafts.create(builders.context(desk.clock), DraftFields("Bare"))
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / f"one-{one}.csv").write_text("mine", encoding="utf-8")
    async with desk.console() as console:
        screen = await mark(console, one, two, bare)
        await console.press("x")
        await console.expect("Export 3 campaigns as CSV into the folder")
        await console.press("ctrl+u")
        await paste(console, str(tmp_path / "nowhere"))
        await console.expect("! There is no folder")
        await console.press("enter", "ctrl+u")
        await paste(console, str(folder))
        await console.expect("2 of 3 will be written to", "✗ 1 without an audience", f"REPLACES one-{one}.csv")
        await console.press("enter")
        await console.expect("Replace this file?", f"one-{one}.csv")
        desk.clock.advance(scenes.BLINK_MS)
        await console.press("y")
        await told(console, "Exported: 2 of 3 campaigns.", "✗ Bare: It has no audience to export.", "9 rows written to")
        assert marks(screen) == {one, two, bare}
    for name, campaign_id, rows in (("one", one, 4), ("two", two, 5)):
        with (folder / f"{name}-{campaign_id}.csv").open(encoding="utf-8", newline="") as handle:
            assert len(list(csv.DictReader(handle))) == rows
    assert len(list(folder.iterdir())) == 2


async def test_R54_export_of_many_says_which_file_could_not_be_written(desk: Desk, tmp_path: Path) -> None:
    one, two = desk.draft("One", 4), desk.draft("Two", 5)
    folder = tmp_path / "reports"
    (folder / f"one-{one}.csv").mkdir(parents=True)
    async with desk.console() as console:
        await mark(console, one, two)
        await console.press("x")
        await console.expect("Export 2 campaigns")
        await console.press("ctrl+u")
        await paste(console, str(folder))
        await console.press("enter")
        await told(console, "Exported: 1 of 2 campaigns.", "✗ One:", "cannot be written", "5 rows written to")


async def test_R54_with_marks_the_footer_offers_what_acts_on_them(desk: Desk) -> None:
    draft, scheduled = desk.draft("A draft"), desk.scheduled("A scheduled one")
    async with desk.console() as console:
        screen = await mark(console, draft, scheduled)
        await console.expect("esc unmark 2", "c cancel", "S send now", "b back to draft", "D duplicate", "d delete")
        await console.press("escape")
        await console.expect_not("unmark")
        assert marks(screen) == set()


@pytest.mark.parametrize("key", ["e", "t"])
async def test_R53_with_marks_what_acts_on_one_still_asks_the_rule(desk: Desk, key: str) -> None:
    run, draft = desk.started("A run"), desk.draft("A draft")
    async with desk.console() as console:
        screen = await mark(console, draft)
        assert screen._table.move_to_id(run)
        await console.press(key)
        await told(console, "The campaign is In Progress, and a run cannot be")
        assert console.app.screen is screen


# Between the dialog and the write


async def test_R54_what_somebody_else_did_meanwhile_is_told_and_the_rest_is_done(desk: Desk) -> None:
    ids = [desk.scheduled(name, 60) for name in ("Untouched", "Reopened", "Moved", "Also untouched")]
    untouched, reopened, moved, also = ids
    other = builders.context(desk.clock)
    async with desk.console() as console:
        screen = await mark(console, *ids)
        await console.press("c")
        await asked(console, desk, "4 of 4 will be done.")
        with database.session():
            launch.reopen(other, reopened)
            launch.reschedule(other, moved, "tomorrow 10:00")
        await console.press("y")
        await told(
            console,
            "Cancelled: 2 of 4 campaigns. What was not done stays marked.",
            "✗ Reopened: A campaign that is a Draft cannot be cancelled.",
            "✗ Moved: Somebody else changed this campaign a moment ago.",
        )
        assert statuses(desk, untouched, reopened, moved, also) == [
            Status.CANCELLED,
            Status.DRAFT,
            Status.SCHEDULED,
            Status.CANCELLED,
        ]
        assert marks(screen) == {reopened, moved}


async def test_R54_what_was_deleted_elsewhere_while_the_dialog_was_open_is_told(desk: Desk) -> None:
    gone, stays = desk.draft("Gone", 1), desk.draft("Stays", 1)
    async with desk.console() as console:
        await mark(console, gone, stays)
        await console.press("d")
        await asked(console, desk, "2 of 2 will be done.")
        with database.session():
            drafts.delete(builders.context(desk.clock), gone)
        await console.press("y")
        await told(console, "Deleted: 1 of 2 campaigns.", f"✗ Gone: There is no campaign {gone}.")


async def test_R15_R54_the_lock_that_falls_while_the_dialog_is_open_moves_a_campaign_to_what_will_not_be_done(
    desk: Desk,
) -> None:
    soon, later = desk.scheduled("Soon", 10), desk.scheduled("Later", 60)
    async with desk.console() as console:
        await mark(console, soon, later)
        await console.press("c")
        await asked(console, desk, "2 of 2 will be done.", "Still possible for 0")
        desk.clock.set(START + 5 * MINUTE + 1)
        await console.expect("1 of 2 will be done.", "✗ Soon: It is too late", "Still possible for 4")
        await console.press("y")
        await told(console, "Cancelled: 1 of 2 campaigns.", "✗ Soon: It is too late")
    assert statuses(desk, soon, later) == [Status.SCHEDULED, Status.CANCELLED]


async def test_R15_R54_the_lock_that_falls_after_the_yes_is_told(desk: Desk) -> None:
    """The writes take their time: the second campaign is locked when its turn comes."""
    first, second = desk.scheduled("First", 10), desk.scheduled("Second", 10)
    async with desk.console() as console:
        screen = await mark(console, first, second)
        real = screen.services.threads.write

        async def slow(*arguments: Any) -> Any:
            done = await real(*arguments)
            desk.clock.set(START + 5 * MINUTE + 1)
            return done

        await console.press("c")
        await asked(console, desk, "2 of 2 will be done.")
        setattr(screen.services.threads, "write", slow)  # noqa: B010
        await console.press("y")
        await told(console, "Cancelled: 1 of 2 campaigns.", "It is too late: within 5 minutes")
    assert sorted(statuses(desk, first, second)) == [Status.CANCELLED, Status.SCHEDULED]


async def test_R54_credits_that_went_elsewhere_meanwhile_are_told(tmp_path: Path, clock: FakeClock) -> None:
    desk = scenes.empty(tmp_path, clock, credits=14)
    one, two = desk.draft("One", 6), desk.draft("Two", 8)
    other = desk.draft("Other", 5)
    async with desk.console() as console:
        await mark(console, one, two)
        await console.press("S")
        await asked(console, desk, "2 of 2 will be done.", "Type 14 to confirm:")
        with database.session():
            launch.send_now(builders.context(clock), other)
        await console.type("14")
        await console.press("enter")
        await told(console, "On its way: 1 of 2 campaigns.", "✗ Two: It cannot go yet: 8 credits needed, 3 free")
    assert statuses(desk, one, two, other) == [Status.IN_PROGRESS, Status.DRAFT, Status.IN_PROGRESS]


async def test_R17_a_draft_that_grew_since_the_number_was_asked_for_is_not_sent(desk: Desk) -> None:
    campaign_id = desk.draft("Renewal July", 4)
    async with desk.console() as console:
        await opened(console)
        await console.press("S")
        await asked(console, desk, "Type 4 to confirm:")
        with database.session():
            found = campaigns.get(campaign_id)
            file = builders.contacts_file(desk.folder, 400)
            drafts.import_audience(builders.context(desk.clock), campaign_id, found.version, file)
        await console.type("4")
        await console.press("enter")
        await told(console, "Somebody else changed this campaign a moment ago.")
    assert statuses(desk, campaign_id) == [Status.DRAFT]


async def test_a_draft_that_somebody_edited_since_the_dialog_is_not_deleted(desk: Desk) -> None:
    campaign_id = desk.draft("Renewal July", 4)
    async with desk.console() as console:
        await opened(console)
        await console.press("d")
        await asked(console, desk, "Delete “Renewal July”?")
        with database.session():
            found = campaigns.get(campaign_id)
            drafts.edit(builders.context(desk.clock), campaign_id, found.version, DraftFields("Much better"))
        await console.press("y")
        await told(console, "Somebody else changed this campaign a moment ago")
        await console.expect("Much better")
    assert desk.names() == ["Much better"]


async def test_R54_a_store_that_is_busy_ends_it_and_says_what_was_not_tried(desk: Desk) -> None:
    ids = [desk.scheduled(f"No. {n}", 60 + n) for n in range(4)]
    async with desk.console() as console:
        screen = await mark(console, *ids)
        real, calls = screen.services.threads.write, 0

        async def busy_from_the_second(*arguments: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls >= 2:
                raise StoreBusy("The database is busy: database is locked")
            return await real(*arguments)

        await console.press("c")
        await asked(console, desk, "4 of 4 will be done.")
        setattr(screen.services.threads, "write", busy_from_the_second)  # noqa: B010
        await console.press("y")
        await told(
            console,
            "Cancelled: 1 of 4 campaigns.",
            "✗ No. 1: The database is busy",
            "✗ No. 2, No. 3: Not tried: The database is busy",
        )
        assert calls == 2
        assert marks(screen) == set(ids[1:])
        setattr(screen.services.threads, "write", real)  # noqa: B010


# Marks


async def test_R54_marks_outlive_refresh_order_search_filter_and_a_dialog_left(desk: Desk) -> None:
    one, two = desk.draft("Bravo", 1), desk.draft("Alpha", 1)
    async with desk.console() as console:
        screen = await mark(console, one, two)
        await console.press("r", "s", "o", "1", "0")
        await console.press("/")
        await console.type("zzz")
        await console.expect("Nothing matches")
        await console.press("enter", "escape")
        await console.press("f")
        await console.expect("Show only")
        await paste(console, "2027-01-01")
        await console.press("enter")
        await console.expect("No campaign here passes the filter.")
        assert marks(screen) == {one, two}
        await console.press("d")
        await asked(console, desk, "Delete 2 campaigns?", "2 of 2 will be done.")
        await console.press("escape")
        # First the filter, then the marks.
        await opened(console)
        await console.press("escape")
        await console.expect("[All 2]", "Alpha", "Bravo")
        assert marks(screen) == {one, two}


async def test_a_key_for_one_campaign_does_nothing_when_only_marks_are_left(desk: Desk) -> None:
    one = desk.draft("One", 1)
    async with desk.console() as console:
        screen = await mark(console, one)
        await console.press("6")
        await console.expect("No campaign is cancelled.")
        await console.press("e")
        await told(console, "There is no campaign under the cursor.")
        assert console.app.screen is screen


# Reading only, roles


@pytest.mark.parametrize("key", ["c", "b", "S", "D", "d", "R"])
@pytest.mark.parametrize("how", ["read-only", "agent"])
async def test_R57_marks_open_no_side_door(desk: Desk, how: str, key: str) -> None:
    ids = [desk.scheduled("One", 60), desk.draft("Two")]
    role = Role.AGENT if how == "agent" else Role.OWNER
    async with desk.console(read_only=how == "read-only", role=role) as console:
        screen = await mark(console, *ids)
        await console.press(key)
        await told(console, "This console is read-only." if how == "read-only" else "The role agent may not do this")
        assert console.app.screen is screen
    database.open_database(desk.url)
    assert statuses(desk, *ids) == [Status.SCHEDULED, Status.DRAFT]


async def test_whoever_may_only_look_may_export_many(desk: Desk, tmp_path: Path) -> None:
    ids = [desk.draft("One", 2), desk.draft("Two", 3)]
    async with desk.console(read_only=True) as console:
        await mark(console, *ids)
        await console.press("x")
        await console.expect("Export 2 campaigns")
        await console.press("ctrl+u")
        await paste(console, str(tmp_path))
        await console.press("enter")
        await told(console, "Exported: 2 campaigns.", "5 rows written to")


async def test_a_dialog_about_many_is_not_answered_by_the_key_that_opened_it(desk: Desk) -> None:
    ids = [desk.draft("One", 2), desk.draft("Two", 3)]
    async with desk.console() as console:
        await mark(console, *ids)
        await console.press("D")
        await console.until(lambda: isinstance(console.app.screen, Confirm), "a dialog opens")
        await console.press("D", "y", "enter")
        assert isinstance(console.app.screen, Confirm)
        desk.clock.advance(scenes.BLINK_MS)
        await console.press("D", "enter")
        await opened(console)
    assert len(desk.rows()) == 2
