"""The opt-out list in the console (R38), and what a role or a read-only console leaves of its keys."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from textual.widgets import Input

from engine.roles import Role
from store import audit, database, optouts
from store.types import OptOut
from tests import bad_files, builders
from tests.clock import START, FakeClock
from tests.driver import Console, check_text_snapshot
from tests.tui import scenes
from tests.tui.scenes import MINUTE, NARROW, WIDE, Desk, asked, opened, paste, told
from tui.screens.campaigns import CampaignsScreen
from tui.screens.optouts import OptOutsScreen
from tui.screens.prompt import PromptScreen
from tui.widgets.paged_table import PagedTable

SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "120x40"])
DAY = 24 * 60 * MINUTE
ENTRIES = (
    OptOut(4915170000001, START - MINUTE, "reply: STOP"),
    OptOut(919876543210, START - DAY, "operator"),
    OptOut(16505551234, START - 40 * DAY, "import old list.csv"),
    OptOut(4915170000002, START - 400 * DAY, "WhatsApp settings: STOP"),
    OptOut(4915170000003, START - 400 * DAY, f"import {scenes.MARKUP}"),
)


@pytest.fixture
def desk(tmp_path: Path, clock: FakeClock) -> Desk:
    return scenes.empty(tmp_path, clock)


def keep(*entries: OptOut) -> None:
    with database.session(), database.transaction():
        optouts.add_many(entries)


def kept() -> list[OptOut]:
    with database.session():
        return optouts.page()


async def shown(console: Console, *texts: str) -> OptOutsScreen:
    await opened(console)
    await console.press("U")
    await console.expect("Opt-outs", *texts)
    screen = console.app.screen
    assert isinstance(screen, OptOutsScreen)
    return screen


async def prompted(console: Console, *texts: str) -> None:
    await console.until(lambda: isinstance(console.app.screen, PromptScreen), "a prompt opens")
    await console.expect(*texts)


async def typed(console: Console, text: str) -> None:
    await console.press("ctrl+u")
    await console.type(text)
    await console.press("enter")


def check(name: str, console: Console) -> None:
    width, height = console.app.size
    check_text_snapshot(f"{name}_{width}x{height}", console.screen)


@SIZES
async def test_R38_optouts_full(desk: Desk, size: tuple[int, int]) -> None:
    keep(*ENTRIES)
    async with desk.console(size) as console:
        await shown(console, "5 numbers get no campaign", "reply: STOP", "[b]Bold[/b]")
        check("optouts_full", console)


@SIZES
async def test_R38_optouts_empty_names_the_next_key(desk: Desk, size: tuple[int, int]) -> None:
    async with desk.console(size) as console:
        await shown(console, "Nobody is opted out.", "a  opts a number out")
        check("optouts_empty", console)


@SIZES
async def test_R38_optouts_dialog(desk: Desk, size: tuple[int, int]) -> None:
    keep(*ENTRIES)
    async with desk.console(size) as console:
        await shown(console, "reply: STOP")
        await console.press("d")
        await asked(console, desk, "Take +49 1517 0000001 off", "[ Keep it ]")
        check("optouts_dialog", console)


async def test_R38_R11_add_a_number(desk: Desk) -> None:
    keep(*ENTRIES)
    async with desk.console() as console:
        screen = await shown(console, "5 numbers")
        await console.press("a")
        await prompted(console, "Opt numbers out")
        await console.type("12")
        await console.expect("is no phone number")
        await typed(console, "+49 1517 0000009")
        await told(console, "+49 1517 0000009 gets no campaign from now on.")
        await console.expect("6 numbers get no campaign")
        await console.until(
            lambda: screen.chosen == OptOut(4915170000009, START, "operator"), "the cursor is on the new number"
        )
        await console.press("a")
        await prompted(console)
        await typed(console, "+49 1517 0000009")
        await told(console, "was opted out already")
    with database.session():
        assert [event.after["added"] for event in audit.events() if event.action == "optout.add"] == [1, 0]


async def test_reading_again_by_itself_leaves_the_cursor_on_a_number_just_added(desk: Desk) -> None:
    keep(*ENTRIES)
    added = OptOut(4915170000009, START, "operator")
    async with desk.console() as console:
        screen = await shown(console, "5 numbers")
        assert screen.chosen != added
        keep(added)
        # A look whether there is news has begun when the number is shown, and finds that there is.
        again, showing = screen.run_worker(screen._look_again()), screen.run_worker(screen._load(show=added.phone))
        await again.wait()
        await showing.wait()
        assert screen.chosen == added


async def test_R38_numbers_that_are_pasted_line_by_line_are_all_opted_out(desk: Desk) -> None:
    keep(*ENTRIES)
    async with desk.console() as console:
        await shown(console, "5 numbers")
        await console.press("a")
        await prompted(console, "Opt numbers out")
        await paste(console, "+49 1517 0000009\r\n+49 1517 0000010\n+49 1517 0000009\n")
        await console.expect("3 numbers get no campaign")
        await console.press("enter")
        await told(console, "2 numbers get no campaign from now on.")
        await console.expect("7 numbers get no campaign")
    with database.session():
        assert {4915170000009, 4915170000010} <= {entry.phone for entry in optouts.page()}


async def test_R38_removing_needs_a_yes(desk: Desk) -> None:
    keep(*ENTRIES)
    async with desk.console() as console:
        await shown(console, "reply: STOP")
        await console.press("d")
        await asked(console, desk, "Take +49 1517 0000001 off")
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, OptOutsScreen), "the dialog closes")
        assert len(kept()) == 5
        await console.press("d")
        await asked(console, desk, "Take +49 1517 0000001 off")
        await console.press("y")
        await told(console, "+49 1517 0000001 may get campaigns again.")
        await console.expect("4 numbers get no campaign")
    assert 4915170000001 not in {entry.phone for entry in kept()}


async def test_R38_search_by_digits_and_esc_forgets_it(desk: Desk) -> None:
    keep(*ENTRIES)
    async with desk.console() as console:
        screen = await shown(console, "5 numbers")
        await console.press("/")
        assert isinstance(screen.focused, Input)
        await console.type("0000 00")
        await console.press("enter")
        await console.expect("3 of 5 numbers with 000000")
        await console.press("/")
        await typed(console, "777")
        await console.expect("No opted-out number has 777.")
        await console.press("escape")
        await console.expect("5 numbers get no campaign")
        await console.press("escape")
        await console.until(lambda: isinstance(console.app.screen, CampaignsScreen), "back in the list")


async def test_R38_import_with_a_country_and_export(desk: Desk, tmp_path: Path) -> None:
    file = builders.contacts_file(
        tmp_path, [("A", "9876543210", "x"), ("B", "+4915170000001", "x"), ("C", "junk", "x")]
    )
    async with desk.console() as console:
        await shown(console, "Nobody")
        await console.press("i")
        await prompted(console, "Opt out every number of a file")
        await console.type("/no/such/file")
        await console.expect("There is no file")
        await typed(console, str(file))
        await console.expect("Of which country", "skipped")
        await typed(console, "in")
        await told(console, "3 rows: 2 numbers opted out, 0 known already, skipped: invalid number 1.")
        await console.expect("2 numbers get no")
        await console.press("x")
        await prompted(console, "Export the opt-out list")
        await typed(console, str(tmp_path / "out.csv"))
        await told(console, "2 numbers written to")
        written = (tmp_path / "out.csv").stat().st_ino
        await console.press("x")
        await prompted(console, "Export the opt-out list")
        await typed(console, str(tmp_path / "out.csv"))
        await console.expect("Replace this file?", "[ Keep it ]")
        desk.clock.advance(scenes.BLINK_MS)
        await console.press("escape")
        await console.expect_not("Replace this file?")
        assert (tmp_path / "out.csv").stat().st_ino == written
    with (tmp_path / "out.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["number"] for row in rows} == {"+919876543210", "+4915170000001"}
    assert {row["origin"] for row in rows} == {"import contacts.csv"}


async def test_R38_R33_what_a_workbook_leaves_open_is_asked_for_here(desk: Desk, tmp_path: Path) -> None:
    one, other = [("Mobile",), ("+4915170000001",)], [("Mobile", "Telephone"), ("+4915170000002", "+4915170000003")]
    file = bad_files.workbook(tmp_path / "two.xlsx", North=one, South=one, Both=other)
    async with desk.console() as console:
        await shown(console, "Nobody")
        await console.press("i")
        await prompted(console, "Opt out every number of a file")
        await typed(console, str(file))
        await console.expect("Of which country")
        await console.press("enter")
        await console.expect("Which sheet has the numbers?", "reads North; there are also: South, Both")
        await console.press("ctrl+u")
        await console.type("east")
        await console.expect("There is no 'east'. There are: North, South, Both.")
        await typed(console, "BOTH")
        await console.expect("Which column has the numbers?", "reads Mobile; there are also: Telephone")
        await typed(console, "telephone")
        await told(console, "1 row: 1 number opted out")
    assert [entry.phone for entry in kept()] == [4915170000003]


async def test_R38_a_file_that_cannot_be_used_at_all_asks_nothing_more(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    async with desk.console() as console:
        await shown(console, "Nobody")
        await console.press("i")
        await prompted(console, "Opt out every number of a file")
        await typed(console, str(file))
        await console.expect("Of which country")
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, OptOutsScreen), "nothing else is asked")
        await told(console, "numbers.csv is")
    assert kept() == []


async def test_R38_what_somebody_writes_meanwhile_is_seen_and_the_cursor_stays_on_its_number(desk: Desk) -> None:
    keep(*ENTRIES)
    async with desk.console() as console:
        screen = await shown(console, "5 numbers")
        await console.press("down")
        await console.until(lambda: screen.chosen == ENTRIES[1], "the second number")
        keep(OptOut(4915170000008, START, "reply: STOP"))
        await screen._look_again()
        await console.expect("6 numbers get no campaign", "+49 1517 0000008")
        assert screen.chosen == ENTRIES[1]
        assert screen.query_one(PagedTable).window.cursor_index == 2


async def test_R38_a_long_list_is_read_page_by_page(desk: Desk) -> None:
    n = 20_000
    keep(*(OptOut(4915170000000 + i, START - i, "import list.csv") for i in range(n)))
    async with desk.console(NARROW) as console:
        screen = await shown(console, "20,000 numbers get no campaign", "+49 1517 0000000")
        window = screen.query_one(PagedTable).window
        assert sum(window.get(place) is not None for place in range(n)) < 500
        await console.press("G")
        await console.expect("+49 1517 0019999")
        assert sum(window.get(place) is not None for place in range(n)) < 1_000
        assert screen.chosen == OptOut(4915170019999, START - n + 1, "import list.csv")
        await console.press("g")
        await console.expect("+49 1517 0000000")


@pytest.mark.parametrize("key", ["a", "d", "i", "x"])
async def test_R57_R38_only_who_manages_opt_outs_changes_them(desk: Desk, key: str) -> None:
    keep(*ENTRIES)
    async with desk.console(role=Role.MANAGER) as console:
        await shown(console, "5 numbers")
        await console.press(key)
        await told(console, "needs the permission opt_outs")
        assert isinstance(console.app.screen, OptOutsScreen)


@pytest.mark.parametrize("key", ["a", "d", "i", "x"])
async def test_R38_a_read_only_console_changes_nothing(desk: Desk, key: str) -> None:
    keep(*ENTRIES)
    async with desk.console(read_only=True) as console:
        await shown(console, "5 numbers", "READ-ONLY")
        await console.press(key)
        await told(console, "This console is read-only.")
    assert len(kept()) == 5
