"""Saving and leaving, and somebody else who was quicker."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clock import FakeClock
from tests.driver import Console
from tests.tui.draft_scene import Scene, dialog, editor, fill_in, focused, told
from tui.screens.draft import DraftScreen
from tui.screens.draft_choice import Choice


@pytest.fixture
def scene(tmp_path: Path, clock: FakeClock) -> Scene:
    return Scene.make(tmp_path, clock)


async def test_leaving_with_something_unsaved_asks_and_stays_by_default(scene: Scene) -> None:
    async with scene.console() as console:
        await editor(console)
        await console.type("Diwali")
        await console.press("escape")
        await dialog(console, Choice, scene)
        await console.expect("Leave the draft?", "[ Stay ]")
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, DraftScreen), "it stays")
        await console.expect("Diwali *")


async def test_leaving_can_save_or_discard(scene: Scene) -> None:
    async with scene.console() as console:
        await editor(console)
        await console.type("Diwali")
        await console.press("escape")
        await dialog(console, Choice, scene)
        await console.press("s")
        await console.until(lambda: console.app.current_mode == "campaigns", "saved and left")
        await editor(console, 1)
        await console.type(" early")
        await console.press("escape")
        await dialog(console, Choice, scene)
        await console.press("d")
        await console.until(lambda: console.app.current_mode == "campaigns", "left")
    assert scene.only_campaign().name == "Diwali"


@pytest.mark.parametrize(("answer", "name"), [("s", "Spring sale!"), ("d", "Spring sale")])
async def test_quitting_with_something_unsaved_asks_too(scene: Scene, answer: str, name: str) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        assert not screen.holds_quit()
        await console.press("end")
        await console.type("!")
        assert screen.holds_quit()
        await dialog(console, Choice, scene)
        await console.press(answer)
        await console.until(lambda: console.app._exit, "it ends")
    assert scene.campaign(campaign_id).name == name


async def test_the_dialog_is_deaf_to_keys_meant_for_the_form(scene: Scene) -> None:
    async with scene.console() as console:
        await editor(console)
        await console.type("Diwali")
        await console.press("escape")
        await console.until(lambda: isinstance(console.app.screen, Choice), "the dialog opens")
        await console.press("d")
        assert isinstance(console.app.screen, Choice)


async def conflict(console: Console, scene: Scene, campaign_id: int) -> DraftScreen:
    screen = await editor(console, campaign_id)
    scene.change(campaign_id, "Theirs")
    await fill_in(console, screen, "name", "Mine")
    await console.press("ctrl+s")
    await dialog(console, Choice, scene)
    await console.expect("changed it today", "(name, ", "n  Save mine as a new draft")
    return screen


async def test_a_conflict_keeps_what_was_typed_and_changes_nothing_by_default(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        await conflict(console, scene, campaign_id)
        await console.press("escape")
        await console.expect("Mine *")
    assert scene.campaign(campaign_id).name == "Theirs"


async def test_a_conflict_can_be_settled_for_mine(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        await conflict(console, scene, campaign_id)
        await console.press("o")
        await told(console, "Saved “Mine”.")
    assert scene.campaign(campaign_id).name == "Mine"


async def test_a_conflict_can_be_settled_for_theirs(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        await conflict(console, scene, campaign_id)
        await console.press("r")
        await console.until(lambda: not isinstance(console.app.screen, Choice), "answered")
        await console.expect("Draft  Theirs   ")


async def test_a_conflict_can_be_saved_as_a_new_draft_with_the_audience(scene: Scene) -> None:
    campaign_id = scene.draft(rows=3)
    async with scene.console() as console:
        screen = await conflict(console, scene, campaign_id)
        await console.press("n")
        await console.until(lambda: screen.draft.campaign_id != campaign_id, "another draft")
        new_id = screen.draft.campaign_id
        await console.expect("Draft  Mine   ")
    assert new_id is not None
    assert scene.campaign(new_id).name == "Mine"
    assert scene.campaign(new_id).progress.audience == 3
    assert scene.campaign(campaign_id).name == "Theirs"


async def test_the_time_typed_for_a_draft_is_there_again_when_it_is_opened_again(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "tomorrow 10:00")
        await console.press("escape")
        await console.until(lambda: console.app.current_mode == "campaigns", "left without a question")
        await editor(console, campaign_id)
        await console.expect("Tue 24 Nov 2026 10:00 IST")


async def test_a_typed_time_is_not_said_to_be_saved(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "tomorrow 10:00")
        await console.expect("saved with the draft, ctrl+g sets it")
        await console.press("ctrl+s")
        await told(console, "Saved “Spring sale”. Its time is not: it is set when you schedule it.")
    assert scene.campaign(campaign_id).scheduled_at is None
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        assert screen.panel.form.when == ""
        await console.press("ctrl+s")
        await told(console, "Saved “Spring sale”.")
        assert not any("time" in notice.message for notice in console.app._notifications)


async def test_a_draft_without_changes_follows_what_somebody_else_saves(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "tomorrow 10:00")
        scene.change(campaign_id, "Theirs")
        screen.look()
        await told(console, "changed it today")
        await told(console, "This is how it is now.")
        await console.expect("Draft  Theirs   ", "saved   14:30 IST")
        # The time is nobody's to change, and the keys go on where they went.
        assert (screen.panel.form.when, focused(console)) == ("tomorrow 10:00", "when")
        await fill_in(console, screen, "name", "Mine now")
        await console.press("ctrl+s")
        await told(console, "Saved “Mine now”.")
    assert scene.campaign(campaign_id).name == "Mine now"


async def test_what_was_typed_stays_when_somebody_else_saves(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "name", "Mine")
        scene.change(campaign_id, "Theirs")
        before = screen.outlook
        screen.look()
        await console.until(lambda: screen.outlook is not before and screen.outlook is not None, "it looked again")
        await console.expect("Draft  Mine *")
        assert not console.app._notifications
