"""Bad input in the draft editor: the field that took it says so, and nothing of the draft is lost (R33)."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Select

from engine.commands import setup
from engine.preflight_facts import Level
from store import database
from tests import builders
from tests.bad_files import BAD, GOOD, workbook
from tests.clock import FakeClock
from tests.driver import Console
from tests.tui.draft_scene import Scene, choose, editor, fill_in, focused, told, wrong
from tui.screens.draft import DraftScreen
from tui.screens.draft_choices import FILE, NUMBER, SHEET, file_errors
from tui.screens.draft_fields import NAME, TEMPLATE
from tui.screens.draft_timing import WHEN, ZONE


@pytest.fixture
def scene(tmp_path: Path, clock: FakeClock) -> Scene:
    return Scene.make(tmp_path, clock)


async def read_in(console: Console, screen: DraftScreen, path: Path) -> None:
    await fill_in(console, screen, FILE, str(path))
    await console.press("enter")


def options(screen: DraftScreen, field: str) -> list[str]:
    control = screen.panel.fields[field].field_control
    assert isinstance(control, Select)
    return [str(value) for _, value in control._options if value is not Select.NULL]


async def test_R33_every_bad_file_is_told_at_its_field_and_the_audience_stays(scene: Scene) -> None:
    campaign_id = scene.draft(rows=3)
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        for bad in BAD:
            path = scene.folder / bad.name
            bad.make(path)
            await read_in(console, screen, path)
            field = file_errors(bad.code)
            await wrong(console, screen, field, bad.says)
            assert "--" not in screen.panel.fields[field].error
            screen.panel.fields[field].set_error()
        await console.press("escape")
    assert scene.campaign(campaign_id).progress.audience == 3


async def test_R33_of_several_sheets_one_is_chosen_in_the_form(scene: Scene) -> None:
    path = workbook(
        scene.folder / "b.xlsx",
        North=[["Phone"], [GOOD]],
        South=[["Mobile"], [GOOD], ["+4915170000001"]],
        Notes=[["a"]],
    )
    async with scene.console() as console:
        screen = await editor(console)
        assert not screen.panel.fields[SHEET].display
        await read_in(console, screen, path)
        await wrong(console, screen, SHEET, "Several sheets of the workbook look like contact lists: North, South.")
        assert options(screen, SHEET) == ["North", "South", "Notes"]
        await choose(console, screen, SHEET, "South")
        await console.expect("b.xlsx, 2 rows: 2 will get it")
        await choose(console, screen, SHEET, "North")
        await console.expect("b.xlsx, 1 row: 1 will get it")
        await choose(console, screen, SHEET, "Notes")
        await wrong(console, screen, NUMBER, "None of the columns is recognised")
        assert options(screen, NUMBER) == ["a"]
        await fill_in(console, screen, FILE, str(scene.folder / "other.csv"))
        assert not screen.panel.fields[SHEET].display
    assert scene.only_campaign().progress.audience == 1


async def test_R33_the_sheet_that_was_taken_by_itself_is_shown_and_can_be_changed(scene: Scene) -> None:
    path = workbook(
        scene.folder / "b.xlsx", Leads=[["Phone", "Name"], [GOOD, "=A9"]], Notes=[["Ring"], ["+4915170000001"]]
    )
    async with scene.console() as console:
        screen = await editor(console)
        await read_in(console, screen, path)
        await console.expect("b.xlsx, 1 row: 1 will get it")
        assert screen.panel.fields[SHEET].value == "Leads"
        await told(console, "Cell B2 holds a formula whose value was never stored")
        assert not screen.draft.unread(screen.panel.form)
        await console.press("ctrl+s")
        await told(console, "Saved “Untitled”.")


async def test_a_name_without_end_is_saved_and_shown_as_far_as_there_is_room(scene: Scene) -> None:
    campaign_id = scene.draft(rows=3)
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, NAME, "x" * 10_000)
        await console.press("ctrl+s")
        await console.until(lambda: scene.campaign(campaign_id).name == "x" * 10_000, "saved")
        await console.expect("Draft  xxxx", "…", "saved")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_R51_a_name_that_would_command_the_terminal_is_only_a_name(scene: Scene, size: tuple[int, int]) -> None:
    name = "[red]🪔 \u202eelas[/] \x1b[2J" + "long " * 30
    scene.draft(rows=3, name=name)
    async with scene.console(size) as console:
        await console.expect("[red]🪔 �elas")
        assert "\x1b" not in console.screen and "\u202e" not in console.screen
        await editor(console, 1)
        await console.expect("[red]🪔")


async def test_R13_a_zone_that_does_not_exist_is_told_at_its_field(scene: Scene) -> None:
    campaign_id = scene.draft(rows=3)
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "tomorrow 10:00")
        await fill_in(console, screen, ZONE, "Mars/Olympus")
        await wrong(console, screen, ZONE, "There is no time zone 'Mars/Olympus'.")
        await console.press("ctrl+g")
        await told(console, "It cannot go yet")
    assert scene.campaign(campaign_id).status.value == "draft"


async def test_R23_a_template_of_unknown_parts_is_not_selectable_and_says_why(scene: Scene) -> None:
    odd = {**builders.GREETING, "name": "odd", "components": [{"type": "BODY", "text": "Hi"}, {"type": "HOLOGRAM"}]}
    with database.session():
        setup.add_templates(builders.context(scene.clock), builders.template_file(scene.folder, odd))
    async with scene.console() as console:
        screen = await editor(console)
        await choose(console, screen, TEMPLATE, scene.template_id("odd"))
        await wrong(console, screen, TEMPLATE, "a part of the kind HOLOGRAM")
        assert screen.panel.form.template_id is None


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_R22_a_file_that_cannot_be_read_is_a_problem_that_f8_reaches(scene: Scene, size: tuple[int, int]) -> None:
    campaign_id = scene.draft()
    async with scene.console(size) as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "tomorrow 10:00")
        await console.expect("ready" if size[0] < 100 else "ctrl+g schedules")
        await fill_in(console, screen, FILE, "Cou")
        await console.press("enter")
        await wrong(console, screen, FILE, "Cou")
        blocking = [check.field for check in screen.to_mend() if check.level is Level.BLOCK]
        assert blocking == [FILE]
        await console.expect("✗ 1 problem: Cou" if size[0] < 100 else "File: Put right what is there.")
        screen.panel.go_to(ZONE)
        await console.pilot.pause()
        await console.press("f8")
        assert focused(console) == FILE
        # Taken back, the audience that was there counts as before.
        await fill_in(console, screen, FILE, "")
        await console.expect_not("✗")


async def test_R22_without_an_audience_the_file_is_told_once(scene: Scene) -> None:
    async with scene.console() as console:
        screen = await editor(console)
        await console.expect("✗ no audience yet")
        await fill_in(console, screen, FILE, "Cou")
        await console.press("enter")
        await wrong(console, screen, FILE, "Cou")
        assert [check.code for check in screen.checks if check.field == FILE] == ["unreadable_file"]


async def test_R22_a_zone_that_there_is_not_hides_no_problem_of_the_time(scene: Scene) -> None:
    async with scene.console() as console:
        screen = await editor(console, scene.draft())
        await fill_in(console, screen, ZONE, "Mars/Base")
        await console.expect("There is no time zone 'Mars/Base'", "✗ no time yet")
        assert [check.field for check in screen.time_checks] == [ZONE, WHEN]
        await fill_in(console, screen, WHEN, "half past")
        await wrong(console, screen, WHEN, "half past")
        assert [check.code for check in screen.time_checks] == ["unknown_zone", "bad_time"]
        await fill_in(console, screen, WHEN, "tomorrow 10:00")
        await console.until(lambda: not screen.panel.fields[WHEN].error, "only the zone is wrong")
        assert [check.field for check in screen.time_checks] == [ZONE]
