"""The draft editor as an operator uses it: a draft from nothing, what is kept, what will happen."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import campaigns, database
from store.types import Fill, Status
from tests import builders
from tests.clock import FakeClock
from tests.tui.draft_scene import ROWS, Scene, choose, dialog, editor, fill_in, focused, told, wrong
from tui.screens.confirm import Confirm
from tui.screens.draft_choices import FILE
from tui.screens.draft_fields import TEMPLATE


@pytest.fixture
def scene(tmp_path: Path, clock: FakeClock) -> Scene:
    return Scene.make(tmp_path, clock)


async def test_a_new_draft_is_stored_by_saving_and_not_before(scene: Scene) -> None:
    async with scene.console() as console:
        await editor(console)
        await console.type("Diwali [b]early")
        await console.expect("Diwali [b]early *", "new, not saved yet")
        with database.session(), pytest.raises(Exception, match="no campaign 1"):
            campaigns.get(1)
        await console.press("ctrl+s")
        await told(console, "Saved “Diwali [b]early”.")
        await console.expect("saved   14:30 IST")
    assert scene.only_campaign().name == "Diwali [b]early"
    assert scene.only_campaign().status is Status.DRAFT


async def test_the_form_is_saved_whatever_is_missing_in_it(scene: Scene) -> None:
    async with scene.console() as console:
        await editor(console)
        await console.press("f2")
        await told(console, "Saved “Untitled”.")
    assert scene.only_campaign().template_id is None


async def test_what_is_typed_into_a_draft_that_was_just_opened_is_added_to_its_name(scene: Scene) -> None:
    campaign_id = scene.draft()
    name = scene.campaign(campaign_id).name
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await console.until(lambda: focused(console) == "name", "the name has the focus")
        await console.type(" b")
        assert screen.panel.form.name == f"{name} b"


async def test_the_only_sender_is_chosen_and_counts_as_no_change(scene: Scene) -> None:
    async with scene.console() as console:
        await editor(console)
        await console.expect("+91 80 4021 4021  80/s", "✗ no template chosen")
        assert " *" not in console.lines[0]
        await console.press("escape")
        await console.until(lambda: console.app.current_mode == "campaigns", "it leaves without a question")


async def test_R22_a_whole_journey_from_nothing_to_scheduled(scene: Scene) -> None:
    file = builders.contacts_file(scene.folder, ROWS)
    async with scene.console() as console:
        screen = await editor(console)
        await console.type("Diwali")
        await choose(console, screen, TEMPLATE, scene.template_id("greeting"))
        await fill_in(console, screen, FILE, str(file))
        await console.press("enter")
        await console.expect("contacts.csv, 4 rows: 2 will get it, 2 skipped")
        await console.expect("✗ body.1 has no text yet")
        # The placeholders' lines: the source by its list, the text by typing.
        screen.panel.go_to("body.1")
        await console.press("enter", "down", "down", "enter", "tab")
        await console.type("friend")
        await console.expect("Hello Asha, your coupon is {{2}} today.")
        await console.press("tab", "enter", "down", "enter", "tab")
        await console.type("XMAS")
        await console.expect("Hello Asha, your coupon is XMAS today.", "✓ every placeholder filled")
        await fill_in(console, screen, "when", "tomorrow 10:00")
        await console.expect("Tue 24 Nov 2026 10:00 IST, in 19 h 30 min", "can be cancelled until tomorrow 09:55")
        await console.press("ctrl+g")
        await dialog(console, Confirm, scene)
        await console.expect("Schedule “Diwali”?", "2 recipients, 2 credits of 41,250 free.", "tomorrow 09:55")
        await console.press("y")
        await console.until(lambda: console.app.current_mode == "campaigns", "back to the list")
        await told(
            console,
            "“Diwali” goes Tue 24 Nov 2026 10:00 IST, in 19 h 29 min; can be cancelled until tomorrow 09:55 IST.",
        )
    campaign = scene.only_campaign()
    assert campaign.status is Status.SCHEDULED
    assert campaign.fills == {"body.1": Fill(column="Name", fallback="friend"), "body.2": Fill(fixed="XMAS")}
    assert campaign.timezone == builders.ZONE


async def test_what_is_stored_is_shown_literally(scene: Scene) -> None:
    campaign_id = scene.draft([("[b]Asha\x1b[31m", builders.number(1), "C1")], name="Sale [red]\x1b[2J")
    async with scene.console() as console:
        await editor(console, campaign_id)
        await console.expect("Draft  Sale [red]␛[2J", "Name        Sale [red][2J")
        # What WhatsApp gets has no control character either.
        await console.expect("Hello [b]Asha[31m, your coupon is C1 today.")


# What will happen


async def test_the_preview_steps_through_those_who_would_get_it(scene: Scene) -> None:
    campaign_id = scene.draft(ROWS)
    async with scene.console() as console:
        await editor(console, campaign_id)
        await console.expect("1 of 2", "Hello Asha, your coupon is C1 today.")
        await console.press("f4")
        await console.expect("2 of 2", "Hello there, your coupon is C2 today.")
        await console.press("f4", "f3")
        await console.expect("1 of 2", "Hello Asha")


async def test_R37_counts_and_preview_follow_a_mapping_that_is_not_saved(scene: Scene) -> None:
    campaign_id = scene.draft(ROWS)
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        screen.panel.go_to("body.1")
        await console.press("end", "ctrl+u")
        await console.expect("1 will get it, 3 skipped", "a blank cell behind a", "1 of 1")
        await console.type("you")
        await console.expect("2 will get it, 2 skipped", "1 of 2")
    assert scene.campaign(campaign_id).fills["body.1"].fallback == "there"


async def test_f8_goes_from_problem_to_problem(scene: Scene) -> None:
    async with scene.console() as console:
        await editor(console)
        found = []
        for _ in range(5):
            await console.press("f8")
            found.append(focused(console))
        assert found == ["name", "template", "file", "when", "name"]


async def test_the_line_of_a_narrow_terminal_names_the_problem_that_f8_goes_to(scene: Scene) -> None:
    async with scene.console((80, 24)) as console:
        await editor(console)
        for problem, field in (
            ("4 problems: the campaign has no name", "name"),
            ("4 problems: no template chosen", "template"),
            ("4 problems: no audience yet", "file"),
            ("4 problems: no time yet", "when"),
            ("4 problems: the campaign has no name", "name"),
        ):
            await console.expect(problem)
            await console.press("f8")
            assert focused(console) == field
        # Where something was mended it begins anew.
        await console.type("Diwali")
        await console.expect("3 problems: no template chosen")


async def test_f6_there_and_back_goes_on_in_the_field_where_one_was(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console((80, 24)) as console:
        screen = await editor(console, campaign_id)
        name = screen.panel.form.name
        await fill_in(console, screen, "when", "tomorrow 10")
        await console.press("end", "f6")
        await console.expect("Before it goes")
        await console.press("f6")
        await console.expect("Zone")
        assert focused(console) == "when"
        await console.type(":30")
        assert (screen.panel.form.when, screen.panel.form.name) == ("tomorrow 10:30", name)
        # The line of a placeholder too, and by esc as by f6.
        screen.panel.go_to("body.1")
        await console.press("f6")
        field = screen._left
        await console.press("escape")
        assert field is not None
        assert screen.focused is field


async def test_R23_a_template_that_is_not_approved_cannot_be_chosen(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        before = screen.panel.form.template_id
        await choose(console, screen, TEMPLATE, scene.template_id("weekend_offer"))
        await wrong(console, screen, TEMPLATE, "template weekend_offer:en_US is paused by WhatsApp for low quality.")
        assert screen.panel.form.template_id == before
        await console.expect("greeting  en_US  marketing")


async def test_a_template_is_found_by_typing_in_the_list(scene: Scene) -> None:
    async with scene.console() as console:
        screen = await editor(console)
        screen.panel.go_to("template")
        await console.press("enter")
        await console.type("season")
        await console.press("enter")
        await console.expect("season_sale  en_US  marketing", "Reply STOP to opt out")


async def test_another_template_keeps_the_lines_of_the_one_before(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await choose(console, screen, TEMPLATE, scene.template_id("season_sale"))
        await console.expect("header.1", "Reply STOP to opt out", "[ Call us ]")
        await choose(console, screen, TEMPLATE, scene.template_id("greeting"))
        await console.expect_not("header.1")
        await console.expect("✓ every placeholder filled")


async def test_R26_short_of_credits_blocks_and_says_how_many_are_missing(tmp_path: Path, clock: FakeClock) -> None:
    scene = Scene.make(tmp_path, clock, credits=4)
    campaign_id = scene.draft(rows=10)
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "tomorrow 10:00")
        await console.expect("✗ 10 credits needed, 4 free: 6 missing")
        await console.press("ctrl+g")
        await told(console, "It cannot go yet: 10 credits needed, 4 free: 6 missing.")
    assert scene.campaign(campaign_id).status is Status.DRAFT


# Somebody may only look


async def test_a_read_only_console_shows_the_form_and_changes_nothing(scene: Scene) -> None:
    campaign_id = scene.draft()
    file = builders.contacts_file(scene.folder, 3, "other.csv")
    async with scene.console(read_only=True) as console:
        screen = await editor(console, campaign_id)
        await console.expect("READ-ONLY", "Hello Customer 0")
        await fill_in(console, screen, "name", "Other")
        for key in ("ctrl+s", "ctrl+g"):
            await console.press(key)
            await told(console, "This console is read-only.")
            console.app.clear_notifications()
        await fill_in(console, screen, FILE, str(file))
        await console.press("enter")
        await console.pilot.pause()
    assert scene.campaign(campaign_id).name == "Spring sale"
    assert scene.campaign(campaign_id).progress.audience == 10
