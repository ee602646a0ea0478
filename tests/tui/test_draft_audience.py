"""The contact file in the draft editor."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from textual.widgets import Input

from store import audit, database
from tests import builders
from tests.clock import FakeClock
from tests.tui.draft_scene import DATA, ROWS, Scene, choose, editor, fill_in, told, wrong
from tui.screens.draft import DraftScreen
from tui.screens.draft_choices import COUNTRY, FILE, NUMBER
from tui.screens.draft_skipped import SkippedRows


@pytest.fixture
def scene(tmp_path: Path, clock: FakeClock) -> Scene:
    return Scene.make(tmp_path, clock)


async def test_R33_a_file_whose_number_column_is_unclear_asks_for_it(scene: Scene) -> None:
    file = scene.folder / "two.csv"
    file.write_text(f"Mobile,Phone\n{builders.number(1)},+4915170000002\n", encoding="utf-8")
    async with scene.console() as console:
        screen = await editor(console)
        await fill_in(console, screen, FILE, str(file))
        await console.press("enter")
        await wrong(console, screen, NUMBER, "Several columns may hold the numbers: Mobile, Phone. Choose it here.")
        await choose(console, screen, NUMBER, "Phone")
        await console.expect("two.csv, 1 row: 1 will get it")
    assert scene.only_campaign().audience is not None
    assert scene.only_campaign().audience.number_column == "Phone"  # type: ignore[union-attr] # asserted above


async def test_R34_the_country_completes_national_numbers(scene: Scene) -> None:
    async with scene.console() as console:
        screen = await editor(console)
        await fill_in(console, screen, FILE, str(DATA / "national.tsv"))
        await fill_in(console, screen, COUNTRY, "xx")
        await console.press("enter")
        await wrong(console, screen, COUNTRY, "There is no country 'xx'")
        await fill_in(console, screen, COUNTRY, "in")
        await console.press("tab", "tab")
        await console.expect("national.tsv, ", " will get it")
        audience = scene.only_campaign().audience
    assert audience is not None
    assert audience.country == "IN"


async def test_a_file_that_is_not_there_is_told_at_its_field(scene: Scene) -> None:
    async with scene.console() as console:
        screen = await editor(console)
        await fill_in(console, screen, FILE, "/no/such/contacts.csv")
        await console.press("enter")
        await wrong(console, screen, FILE, "/no/such/contacts.csv")


async def test_leaving_the_files_fields_reads_the_file_once(scene: Scene) -> None:
    file = builders.contacts_file(scene.folder, ROWS)
    async with scene.console() as console:
        screen = await editor(console)
        await fill_in(console, screen, FILE, str(file))
        await console.press("tab", "tab", "tab")
        await console.expect("4 rows: 2 will get it")
        await console.press("shift+tab", "tab")
    with database.session():
        imports = [event for event in audit.events(campaign_id=1) if event.action == "campaign.import"]
    assert len(imports) == 1


async def test_an_import_tells_how_far_it_is_and_esc_stops_it(scene: Scene) -> None:
    campaign_id = scene.draft(rows=3)
    file = builders.contacts_file(scene.folder, 20_000, "more.csv")
    gate = threading.Event()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        held = asyncio.create_task(screen.services.threads.write(gate.wait))
        await fill_in(console, screen, FILE, str(file))
        await console.press("enter")
        await console.expect("reading more.csv: 0 rows so far   esc stops")
        await console.press("escape")
        gate.set()
        await held
        await told(console, "Stopped. The audience is as it was before.")
        await console.expect("3 rows: 3 will get it")
    assert scene.campaign(campaign_id).progress.audience == 3


async def test_typing_goes_on_while_a_file_is_read(scene: Scene) -> None:
    campaign_id = scene.draft(rows=3)
    file = builders.contacts_file(scene.folder, 5, "five.csv")
    gate = threading.Event()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        held = asyncio.create_task(screen.services.threads.write(gate.wait))
        await fill_in(console, screen, FILE, str(file))
        await console.press("enter")
        await fill_in(console, screen, "name", "Typed meanwhile")
        await console.press("ctrl+g")
        await told(console, "The file is still being read. Press ctrl+g again when it is done.")
        gate.set()
        await held
        await console.expect("five.csv, 5 rows: 5 will get it", "Typed meanwhile *")
        await console.press("ctrl+s")
        await told(console, "Saved “Typed meanwhile”.")
    assert scene.campaign(campaign_id).progress.audience == 5
    assert scene.campaign(campaign_id).name == "Typed meanwhile"


async def test_saving_reads_a_file_that_was_typed_and_not_read_yet(scene: Scene) -> None:
    file = builders.contacts_file(scene.folder, ROWS)
    async with scene.console() as console:
        screen = await editor(console)
        await fill_in(console, screen, FILE, str(file))
        await console.press("ctrl+s")
        await told(console, "Saved “Untitled”.")
        await console.expect("4 rows: 2 will get it")
    assert scene.only_campaign().progress.audience == 4


async def test_R35_the_skipped_rows_are_listed_and_written_to_a_file(scene: Scene) -> None:
    campaign_id = scene.draft(ROWS)
    target = scene.folder / "skipped.csv"
    async with scene.console() as console:
        await editor(console, campaign_id)
        await console.expect("duplicate 1, invalid number 1   f9 shows them")
        await console.press("f9")
        await console.until(lambda: isinstance(console.app.screen, SkippedRows), "the list opens")
        await console.expect("call me", "invalid number", "duplicate")
        await console.press("ctrl+e")
        await console.until(lambda: bool(console.app.screen.query("#echo")), "asks for a file")
        console.app.screen.query_one(Input).value = str(target)
        await console.press("enter")
        await told(console, "Wrote 2 rows")
        await console.press("escape")
        await console.until(lambda: isinstance(console.app.screen, DraftScreen), "back in the form")
    lines = target.read_text("utf-8-sig").splitlines()
    assert lines[0] == "line,number as typed,reason,Name,Phone number,Coupon"
    assert [line.split(",")[0] for line in lines[1:]] == ["4", "5"]
