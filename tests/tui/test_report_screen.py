"""The report of one campaign on the whole screen, as an operator uses it, on a real database."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from engine.commands import drafts
from engine.gateway import errors
from store import database, recipients
from store.types import DraftFields, ResultKind, Status
from tests import builders
from tests.clock import FakeClock
from tests.driver import Console
from tests.tui import scenes
from tests.tui.scenes import NARROW, Desk, opened, paste, told, under_cursor
from tui.app import SendoffApp
from tui.command import Scope
from tui.commands import commands_of
from tui.screens.campaigns import CampaignsScreen
from tui.screens.report import ReportScreen
from tui.widgets.footer import Footer
from tui.widgets.paged_table import PagedTable


@pytest.fixture
def desk(tmp_path: Path, clock: FakeClock) -> Desk:
    return scenes.empty(tmp_path, clock)


@pytest.fixture
def sampled(tmp_path: Path, clock: FakeClock) -> Desk:
    return scenes.sampled(tmp_path, clock)


async def report(console: Console, campaign_id: int) -> ReportScreen:
    """Open a campaign's report from the list and wait until its rows are there."""
    await opened(console)
    app = console.app
    assert isinstance(app, SendoffApp)
    await app.open_report(campaign_id)
    screen = app.screen
    assert isinstance(screen, ReportScreen)
    await console.until(lambda: screen._report is not None, "the report is read")
    return screen


def row_under_cursor(screen: ReportScreen) -> str:
    """The number of the recipient under the cursor."""
    window = screen._table.window
    row = window.row(window.cursor_index)
    return "" if row is None else f"+{row.phone}"


async def test_enter_opens_the_report_and_esc_goes_back_to_the_same_campaign(sampled: Desk) -> None:
    async with sampled.console() as console:
        await opened(console)
        await console.press("end", "up")
        await console.until(lambda: under_cursor(console) == "Renewal October", "on the last but one")
        await console.press("enter")
        await console.expect("Renewal October   ✓ Completed", "[1 all]", "610 rows")
        await console.press("escape")
        await opened(console, "Back to school")
        assert under_cursor(console) == "Renewal October"


async def test_a_click_on_the_footer_is_the_key_that_stands_there(sampled: Desk) -> None:
    async with sampled.console() as console:
        await report(console, sampled.id_of("Order updates"))
        await console.expect("esc back")
        await console.click(Footer, (3, 0))
        await opened(console, "Back to school")


async def test_R40_the_root_cause_with_what_to_do_is_the_first_thing(sampled: Desk) -> None:
    causes = {
        "Win-back 2019": ("The gateway refused every message.", "What to do: Put right what the errors name"),
        "Morning news": ("No worker ran at the campaign's time", "What to do: Keep a worker running"),
        "Weekend offer": ("Template weekend_offer:en_US is paused", "What to do: Pick another template"),
        "Flash Friday": ("There were not enough credits", "What to do: Add at least"),
    }
    async with sampled.console() as console:
        for name, (cause, advice) in causes.items():
            await report(console, sampled.id_of(name))
            await console.expect(f"{name}   FAILED: {cause}", advice)
            screen = console.screen
            assert 0 < screen.index("FAILED") < screen.index("What to do") < screen.index("audience ")
            await console.press("escape")


async def test_R41_R47_the_always_true_line_and_every_share_beside_its_n_of_m(sampled: Desk) -> None:
    counters = sampled.campaign(sampled.id_of("Order updates")).progress
    valid = counters.audience - counters.skipped
    async with sampled.console() as console:
        await report(console, sampled.id_of("Order updates"))
        await console.expect(
            f"audience 610 = sent {counters.sent} + failed {counters.failed} + pending 0 + skipped {counters.skipped} "
            "+ unknown 0  ✓",
            f"{counters.sent} of {valid}",
            f"{counters.delivered} of {counters.sent}",
            f"{counters.read} of {counters.delivered}",
            f"{counters.failed} of {valid}",
        )


async def test_R48_errors_are_told_in_words_with_advice(sampled: Desk) -> None:
    async with sampled.console() as console:
        await report(console, sampled.id_of("Win-back 2019"))
        row = errors.classify(131026)
        await console.expect(f"{row.text} (131026)", row.advice[:40])


@pytest.mark.parametrize(
    ("key", "name", "counter"),
    [("2", "pending", "pending"), ("3", "sent", "sent"), ("4", "failed", "failed"), ("6", "skipped", "skipped"),
     ("7", "read", "read"), ("5", "unknown", "unknown")],
)  # fmt: skip
async def test_R48_one_key_shows_only_the_recipients_in_one_state(
    sampled: Desk, key: str, name: str, counter: str
) -> None:
    campaign_id = sampled.id_of("Loyalty week" if name in ("pending", "unknown") else "Order updates")
    n = getattr(sampled.campaign(campaign_id).progress, counter)
    assert n > 0
    async with sampled.console() as console:
        screen = await report(console, campaign_id)
        await console.press(key)
        await console.expect(f"[{key} {name}]", f"{n:,} row")
        assert len(screen._table.window) == n
        await console.press("1")
        await console.expect("[1 all]", "610 rows")


async def test_the_filter_that_is_chosen_already_leaves_the_cursor_where_it_is(sampled: Desk) -> None:
    async with sampled.console() as console:
        screen = await report(console, sampled.id_of("Loyalty week"))
        await console.press("j", "j", "j", "1")
        assert screen.query_one(PagedTable).window.cursor_index == 3
        await console.press("3")
        await console.expect("[3 sent]")
        assert screen.query_one(PagedTable).window.cursor_index == 0


async def test_R42_where_the_unknown_ones_are_shown_the_footer_offers_to_settle_them(sampled: Desk) -> None:
    async with sampled.console() as console:
        await report(console, sampled.id_of("Loyalty week"))
        await console.expect_not("U settle")
        await console.press("5")
        await console.expect("[5 unknown]", "u settle   U settle all unknown")
        await console.press("1")
        await console.expect("[1 all]")
        await console.expect_not("U settle")


async def test_a_state_nobody_is_in_says_so(sampled: Desk) -> None:
    async with sampled.console() as console:
        await report(console, sampled.id_of("Back to school"))
        await console.press("2")
        await console.expect("[2 pending]", "0 rows", "No recipient is pending.")
        await console.press("1")
        await console.expect("610 rows")
        await console.expect_not("No recipient is")


async def test_R48_a_number_is_found_by_its_last_digits(sampled: Desk) -> None:
    async with sampled.console() as console:
        screen = await report(console, sampled.id_of("Order updates"))
        await console.expect("610 rows")
        await console.press("4", "/")
        await console.type("0440")
        await console.press("enter")
        await console.until(lambda: row_under_cursor(screen) == "+441614960440", "the cursor is on the number")
        await console.expect("[1 all]", "+44 161 496 0440")


@pytest.mark.parametrize("typed", ["+44 161 496-0440", "441614960440", "161 496 0440", "0440"])
async def test_a_number_may_be_typed_as_people_write_it(sampled: Desk, typed: str) -> None:
    async with sampled.console(NARROW) as console:
        screen = await report(console, sampled.id_of("Order updates"))
        await console.press("/")
        await paste(console, typed)
        await console.press("enter")
        await console.until(lambda: row_under_cursor(screen) == "+441614960440", "the cursor is on the number")


async def test_a_number_that_is_not_there_is_told_and_esc_closes_the_search_only(sampled: Desk) -> None:
    async with sampled.console() as console:
        screen = await report(console, sampled.id_of("Order updates"))
        await console.press("/")
        await console.type("99999")
        await console.press("enter")
        await told(console, "No row of this campaign has 99999 in its number.")
        await console.press("escape")
        assert console.app.screen is screen
        await console.press("escape")
        await console.until(lambda: isinstance(console.app.screen, CampaignsScreen), "the list is back")


async def test_letters_in_the_number_search_are_told(sampled: Desk) -> None:
    async with sampled.console() as console:
        await report(console, sampled.id_of("Order updates"))
        await console.press("/")
        await console.type("asha")
        await console.press("enter")
        await told(console, "Type a number or its last digits.")


async def test_the_report_follows_what_is_recorded_elsewhere_and_the_cursor_stays(desk: Desk) -> None:
    campaign_id = desk.started("Renewal July", 20)
    async with desk.console() as console:
        screen = await report(console, campaign_id)
        await console.expect("sent 0 + failed 0 + pending 20", "20 rows")
        await console.press("down", "down", "down")
        before = row_under_cursor(screen)
        desk.hand_over(campaign_id, [ResultKind.SENT])
        await console.expect("sent 1 + failed 0 + pending 19")
        desk.hand_over(campaign_id, [ResultKind.SENT] * 2 + [ResultKind.FAILED] * 3, 131026)
        await console.expect("sent 3 + failed 3 + pending 14", "3 of 20", "(131026)")
        await console.until(lambda: screen._table.window.row(4) is not None, "rows are read")
        await console.expect("failed  ")
        assert row_under_cursor(screen) == before


async def test_rows_that_changed_out_of_view_are_read_again_when_they_come_into_view(desk: Desk) -> None:
    campaign_id = desk.started("Renewal July", 90)
    async with desk.console() as console:
        await report(console, campaign_id)
        await console.expect("90 rows")
        await console.press("end")
        await console.expect("  91 +49")
        await console.press("home")
        for n in (1, 10, 50, 29):
            desk.hand_over(campaign_id, [ResultKind.SENT] * n)
        await console.expect("sent 90 + failed 0 + pending 0")
        await console.press("end")
        await console.expect("  91 +49", "sent         14:30:00")
        await console.expect_not("pending      -")


async def test_under_a_filter_rows_come_and_go_as_their_state_changes(desk: Desk) -> None:
    campaign_id = desk.started("Renewal July", 5)
    async with desk.console() as console:
        await report(console, campaign_id)
        await console.press("2")
        await console.expect("[2 pending]", "5 rows")
        desk.hand_over(campaign_id, [ResultKind.SENT])
        await console.expect("4 rows")
        await console.press("4")
        await console.expect("[4 failed]", "0 rows")
        desk.hand_over(campaign_id, [ResultKind.FAILED, ResultKind.SENT], 131026)
        await console.expect(" 1 row", "Cannot be delivered")


async def test_a_store_that_cannot_be_read_is_told_and_the_report_stays(desk: Desk) -> None:
    campaign_id = desk.started("Renewal July", 5)
    async with desk.console() as console:
        await report(console, campaign_id)
        await console.expect("pending 5", "5 rows")
        with database.session():
            database.execute("ALTER TABLE campaign RENAME TO gone")
        await console.expect("! The database cannot be used: no such table", "pending 5")
        with database.session():
            database.execute("ALTER TABLE gone RENAME TO campaign")
        await console.expect_not("! The database")
        desk.hand_over(campaign_id, [ResultKind.SENT])
        await console.expect("sent 1 + failed 0 + pending 4")


async def test_deleted_elsewhere_says_so_and_esc_goes_back(desk: Desk) -> None:
    campaign_id = desk.draft("Renewal July")
    desk.draft("Other")
    async with desk.console() as console:
        await report(console, campaign_id)
        await console.expect("Renewal July   · Draft")
        with database.session():
            drafts.delete(builders.context(desk.clock), campaign_id)
        await console.expect("This campaign is not there any more.")
        await console.expect_not("Renewal July", "10 rows", "LINE")
        await console.press("D")
        await told(console, "There is no campaign under the cursor.")
        await console.press("escape")
        await opened(console, "Other")


async def test_a_draft_without_an_audience_has_an_empty_report(desk: Desk) -> None:
    with database.session():
        campaign_id = drafts.create(builders.context(desk.clock), DraftFields(""))
    async with desk.console() as console:
        await report(console, campaign_id)
        await console.expect("Untitled   · Draft", "audience 0 = sent 0", "0 rows", "There is no audience yet.")


async def test_another_campaigns_report_starts_anew(sampled: Desk) -> None:
    async with sampled.console() as console:
        screen = await report(console, sampled.id_of("Order updates"))
        await console.press("4", "/")
        await console.press("escape", "escape")
        await report(console, sampled.id_of("Win-back 2019"))
        await console.expect("Win-back 2019   FAILED", "[1 all]", "40 rows")
        await console.expect("Dev Moreau | +441614960712")
        assert screen._table.window.cursor_index == 0
        await console.press("escape")
        # Its rows have the same places in the file; they must not be taken for those of the campaign before.
        await report(console, sampled.id_of("Weekend offer"))
        await console.expect("Ethan Hayes | +13035550174", "610 rows")
        await console.expect_not("Order updates", "Dev Moreau")


async def test_R8_duplicate_from_the_report_goes_to_the_copy_in_the_list(sampled: Desk) -> None:
    async with sampled.console() as console:
        await report(console, sampled.id_of("Flash Friday"))
        await console.press("D")
        await told(console, "Duplicated Flash Friday")
        await opened(console, "[All 17]")
        await console.until(lambda: under_cursor(console) == "Flash Friday (copy)", "the cursor is on the copy")
    assert sampled.campaign(sampled.id_of("Flash Friday (copy)")).status is Status.DRAFT


async def test_R45_a_hold_is_told_with_its_reason_and_can_be_lifted(sampled: Desk) -> None:
    campaign_id = sampled.id_of("Loyalty week")
    async with sampled.console() as console:
        await report(console, campaign_id)
        await console.expect(
            "‖ On hold",
            "on hold: WhatsApp paused the template",
            "tries again by itself today 15:26",
            "1 unknown:",
            "R resume",
        )
        await console.press("R")
        await told(console, "Resumed: Loyalty week.")
        await console.expect("▶ In Progress")
    assert sampled.campaign(campaign_id).hold is None


async def test_R45_a_run_resumed_from_its_report_that_is_on_hold_again_is_told(sampled: Desk) -> None:
    campaign_id = sampled.id_of("Loyalty week")
    async with sampled.console() as console:
        await report(console, campaign_id)
        await console.press("R")
        await told(console, "Resumed: Loyalty week.")
        sampled.clock.advance(1_000)
        sampled.hold(campaign_id, "It is paused still.")
        await told(console, "Loyalty week is on hold again: It is paused still.")


async def test_R48_export_from_the_report(sampled: Desk, tmp_path: Path) -> None:
    async with sampled.console() as console:
        await report(console, sampled.id_of("Win-back 2019"))
        await console.press("x", "ctrl+u")
        await paste(console, str(tmp_path / "out.csv"))
        await console.press("enter")
        await told(console, "40 rows written to")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as handle:
        assert {row["state"] for row in csv.DictReader(handle)} >= {"failed"}


async def test_copy_takes_the_number_under_the_cursor(sampled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    async with sampled.console() as console:
        screen = await report(console, sampled.id_of("Order updates"))
        monkeypatch.setattr(screen, "to_clipboard", copied.append)
        await console.expect("610 rows", "+1 303-555-0174")
        await console.press("y")
        await console.until(lambda: copied == ["+13035550174"], "the number is copied")


async def test_R54_copy_takes_the_numbers_of_all_marked_rows(sampled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async with sampled.console() as console:
        campaign_id = sampled.id_of("Loyalty week")
        screen = await report(console, campaign_id)
        copied: list[str] = []
        monkeypatch.setattr(screen, "to_clipboard", copied.append)
        window = screen._table.window
        wanted = sorted(window.ids[at] for at in (0, 2))
        for seq in wanted:
            window.toggle_mark(seq)
        await console.press("y")
        with database.session():
            found = recipients.page(campaign_id, wanted)
        await console.until(lambda: bool(copied), "copied")
        assert copied == ["\n".join(f"+{found[seq].phone}" for seq in wanted)]


async def test_a_row_without_a_number_says_that_there_is_nothing_to_copy(sampled: Desk) -> None:
    async with sampled.console() as console:
        screen = await report(console, sampled.id_of("Order updates"))
        await console.press("6")
        await console.expect("[6 skipped]")
        await console.until(lambda: screen._table.window.row(screen._table.window.cursor_index) is not None, "read")
        for _ in range(10):
            if row_under_cursor(screen) == "+None":
                break
            await console.press("down")
        await console.press("y")
        await told(console, "This row has no number.")


async def test_the_summary_can_be_scrolled_with_the_keyboard(sampled: Desk) -> None:
    async with sampled.console(NARROW) as console:
        await report(console, sampled.id_of("Order updates"))
        await console.expect("Order updates   ✓ Completed")
        await console.press("tab", "end")
        await console.expect_not("Order updates   ✓ Completed")
        await console.press("tab")
        await console.expect("LINE NUMBER")


async def test_a_read_only_report_refuses_every_command_that_writes(sampled: Desk) -> None:
    campaign_id = sampled.id_of("Loyalty week")
    before = sampled.campaign(campaign_id)
    writing = [one for one in commands_of(Scope.REPORT) if one.writes]
    assert len(writing) >= 2
    async with sampled.console(read_only=True) as console:
        screen = await report(console, campaign_id)
        await console.expect("READ-ONLY")
        for command in writing:
            for key in command.keys:
                console.app.clear_notifications()
                await console.press(key)
                await told(console, "This console is read-only.")
                assert console.app.screen is screen
    database.open_database(sampled.url)
    assert sampled.campaign(campaign_id) == before
    assert len(sampled.rows()) == 16


async def test_cells_and_names_are_shown_literally(desk: Desk) -> None:
    rows = [(scenes.MARKUP, builders.number(1), scenes.ESCAPES), (scenes.RIGHT_TO_LEFT, "\x1b[2Jcall", "[b]x")]
    campaign_id = desk.draft(scenes.ESCAPES, rows)
    async with desk.console() as console:
        await report(console, campaign_id)
        await console.expect("␛[31mred␛[0m␇", "[b]Bold[/b] [@", "2 rows")
        for strip in console.app.screen._compositor.render_strips():
            assert not any(ord(character) < 32 for character in strip.text)


async def test_a_name_of_ten_thousand_characters_leaves_the_report_readable(desk: Desk) -> None:
    campaign_id = desk.draft(scenes.ENDLESS)
    async with desk.console(NARROW) as console:
        await report(console, campaign_id)
        await console.expect("xxx…   · Draft", "audience 10 =", "10 rows", "LINE NUMBER")


async def test_R50_w_tells_why_of_the_recipient_under_the_cursor(
    sampled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    async with sampled.console() as console:
        screen = await report(console, sampled.id_of("Order updates"))
        monkeypatch.setattr(screen, "to_clipboard", copied.append)
        await console.press("/")
        await console.type("0440")
        await console.press("enter")
        await console.until(lambda: row_under_cursor(screen) == "+441614960440", "the cursor is on the number")
        await console.press("w")
        await console.expect(
            "why +44 161 496 0440 in Order updates", "row 2 of contacts.csv, line 3: valid", "accepted:"
        )
        await console.press("y")
        await console.until(lambda: bool(copied), "the story is copied")
        assert copied[0].startswith("why +441614960440 in Order updates\nSun 22 Nov 2026\n09:10:00.000  row 2")
        await console.press("escape")
        await console.until(lambda: console.app.screen is screen, "the report is back")
        assert row_under_cursor(screen) == "+441614960440"


async def test_R50_a_row_without_a_number_has_a_story_too(sampled: Desk) -> None:
    async with sampled.console(NARROW) as console:
        await report(console, sampled.id_of("Order updates"))
        await console.press("6")
        await console.expect("[6 skipped]", "10 rows", "blank")
        await console.press("w")
        await console.expect("why line 4", "skipped, it has no number", "stands  skipped; no credit taken")


async def test_R50_without_a_row_there_is_no_why(desk: Desk) -> None:
    with database.session():
        campaign_id = drafts.create(builders.context(desk.clock), DraftFields("Empty"))
    async with desk.console() as console:
        await report(console, campaign_id)
        await console.press("w")
        await told(console, "There is no recipient under the cursor.")


async def test_R48_e_shows_the_recipients_with_one_error_after_the_other(sampled: Desk) -> None:
    async with sampled.console() as console:
        screen = await report(console, sampled.id_of("Order updates"))
        seen = []
        for _ in range(4):
            await console.press("e")
            await console.until(lambda: screen._reason is not None and screen._reason.words not in seen, "another one")
            await console.expect(screen._reason.words if screen._reason else "", "4 rows")
            assert screen._reason is not None
            seen.append(screen._reason.words)
        assert sum("after it was sent" in words for words in seen) == 2
        await console.press("e")
        await console.expect("[e skipped: duplicate]", "3 rows")
        await console.press("1")
        await console.expect("[1 all]", "610 rows")
        await console.expect_not("[e ")
        for _ in range(4 + 5 + 1):
            await console.press("e")
        await console.expect("[1 all]", "610 rows")


async def test_R48_without_errors_e_says_so(desk: Desk) -> None:
    campaign_id = desk.started("Renewal July", 5)
    async with desk.console() as console:
        await report(console, campaign_id)
        await console.press("e")
        await told(console, "There is no error, and nobody was skipped.")


async def test_R48_the_timeline_follows_the_run_and_marks_its_holds(desk: Desk) -> None:
    campaign_id = desk.started("Renewal July", 20)
    async with desk.console() as console:
        await report(console, campaign_id)
        await console.expect("timeline", "nothing was sent")
        desk.hand_over(campaign_id, [ResultKind.SENT] * 4)
        await console.expect("1 second a column, up to 4 sent")
        desk.hold(campaign_id, "The account is locked")
        desk.clock.advance(10_000)
        await console.press("r")
        await console.expect("█‖‖‖‖‖‖‖‖‖", "14:30:00 to 14:30:10")


@pytest.mark.parametrize(
    ("key", "name", "only"), [("u", "unknown", "unknown"), ("r", "unread", "unread"), ("a", "all", "copy")]
)
async def test_R49_one_key_makes_a_new_draft_of_a_part(sampled: Desk, key: str, name: str, only: str) -> None:
    source = sampled.campaign(sampled.id_of("Catalogue launch")).progress
    expected = {"unknown": source.unknown, "unread": source.sent - source.read, "all": source.audience}[name]
    async with sampled.console() as console:
        await report(console, sampled.id_of("Catalogue launch"))
        await console.press("D")
        await console.expect(
            "A new draft of “Catalogue launch”", "u  unknown: 7 that", "r  unread: 244 that", "a  all: 610 rows"
        )
        await console.expect_not("f  failed")
        sampled.clock.advance(scenes.BLINK_MS)
        await console.press(key)
        await opened(console, f"Catalogue launch ({only})")
    copy = sampled.campaign(sampled.id_of(f"Catalogue launch ({only})"))
    assert (copy.status, copy.progress.audience, copy.scheduled_at) == (Status.DRAFT, expected, None)


async def test_R49_of_the_failed_only_those_that_may_be_retried_are_offered(sampled: Desk) -> None:
    async with sampled.console() as console:
        await report(console, sampled.id_of("Win-back 2019"))
        await console.press("D")
        await console.expect("f  failed: 6 that may be retried, of 40")
        sampled.clock.advance(scenes.BLINK_MS)
        await console.press("f")
        await opened(console, "Win-back 2019 (failed)")
    assert sampled.campaign(sampled.id_of("Win-back 2019 (failed)")).progress.audience == 6


async def test_R49_leaving_the_question_changes_nothing(sampled: Desk) -> None:
    async with sampled.console() as console:
        screen = await report(console, sampled.id_of("Catalogue launch"))
        await console.press("D")
        await console.expect("A new draft of “Catalogue launch”")
        sampled.clock.advance(scenes.BLINK_MS)
        await console.press("enter")
        await console.until(lambda: console.app.screen is screen, "the report is back")
    assert len(sampled.rows()) == 16


@pytest.mark.parametrize(("ending", "begins"), [("xlsx", b"PK"), ("html", b"<!doctype html>")])
async def test_R48_the_files_ending_says_what_is_exported(
    sampled: Desk, tmp_path: Path, ending: str, begins: bytes
) -> None:
    async with sampled.console() as console:
        await report(console, sampled.id_of("Win-back 2019"))
        await console.press("x")
        await console.expect("as .csv, .xlsx or .html", "every recipient")
        await console.press("ctrl+u")
        await paste(console, str(tmp_path / "out.pdf"))
        await console.expect("ends in none of .csv, .xlsx and .html")
        await console.press("ctrl+u")
        await paste(console, str(tmp_path / f"out.{ending}"))
        await console.press("enter")
        await told(console, "40 rows written to")
    assert (tmp_path / f"out.{ending}").read_bytes().startswith(begins)
