"""From the form to Scheduled or In Progress."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.clock import MINUTE
from store.types import Status
from tests.clock import FakeClock
from tests.tui.draft_scene import Scene, dialog, editor, fill_in, focused, told
from tui.screens.confirm import Confirm
from tui.screens.draft import DraftScreen


@pytest.fixture
def scene(tmp_path: Path, clock: FakeClock) -> Scene:
    return Scene.make(tmp_path, clock)


async def test_R12_a_past_time_cannot_be_confirmed(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "2026-11-23 14:00")
        await console.expect("! Mon 23 Nov 2026 14:00 IST is in the past")
        await console.press("ctrl+g")
        await told(console, "It cannot go yet: Mon 23 Nov 2026 14:00 IST is in the past")
        assert focused(console) == "when"
    assert scene.campaign(campaign_id).status is Status.DRAFT


async def test_R13_the_zone_typed_counts(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "2026-11-24 10:00")
        await fill_in(console, screen, "zone", "Europe/Berlin")
        await console.expect("Tue 24 Nov 2026 10:00 CET")
        await console.press("ctrl+g")
        await dialog(console, Confirm, scene)
        await console.press("y")
        await console.until(lambda: console.app.current_mode == "campaigns", "scheduled")
    campaign = scene.campaign(campaign_id)
    assert campaign.timezone == "Europe/Berlin"
    assert campaign.scheduled_at == 1_795_510_800_000


async def test_R16_the_dialog_says_that_it_is_locked_from_the_start(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "in 3 min")
        await console.press("ctrl+g")
        await dialog(console, Confirm, scene)
        await console.expect("LOCKED from the start: less than 5 minutes ahead")
        await console.press("y")
        await told(console, "LOCKED from the start: less than 5 minutes ahead, it cannot be cancelled")
    assert scene.campaign(campaign_id).status is Status.SCHEDULED


async def test_R18_not_yet_is_the_default_and_changes_nothing(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "tomorrow 10:00")
        await console.press("ctrl+g")
        await dialog(console, Confirm, scene)
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, DraftScreen), "back in the form")
        await console.expect("Tue 24 Nov 2026 10:00 IST")
    assert scene.campaign(campaign_id).status is Status.DRAFT


async def test_a_relative_time_is_scheduled_as_it_was_shown(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "in 30 min")
        asked_at = scene.clock.now()
        await console.press("ctrl+g")
        await dialog(console, Confirm, scene)
        scene.clock.advance(2 * MINUTE)
        await console.press("y")
        await console.until(lambda: console.app.current_mode == "campaigns", "scheduled")
    assert scene.campaign(campaign_id).scheduled_at == asked_at + 30 * MINUTE


async def test_R12_a_time_that_passes_while_the_dialog_is_open_cannot_be_confirmed(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "in 3 min")
        await console.press("ctrl+g")
        await dialog(console, Confirm, scene)
        scene.clock.advance(4 * MINUTE)
        await console.press("y")
        await console.expect("That time has passed.")
    assert scene.campaign(campaign_id).status is Status.DRAFT


async def test_what_somebody_else_changed_during_the_question_is_not_scheduled_unseen(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "tomorrow 10:00")
        await console.press("ctrl+g")
        await dialog(console, Confirm, scene)
        scene.change(campaign_id, "Theirs")
        await console.press("y")
        await told(console, "Somebody else changed this draft while you were asked")
    assert scene.campaign(campaign_id).status is Status.DRAFT


async def test_R17_sending_now_asks_for_the_number_of_recipients(scene: Scene) -> None:
    campaign_id = scene.draft(rows=3)
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "now")
        await console.press("ctrl+g")
        await dialog(console, Confirm, scene)
        await console.expect("Sending now cannot be cancelled.", "Type 3 to confirm:")
        await console.type("4")
        await console.press("enter")
        await console.expect("4 is not 3; nothing was done.")
        assert scene.campaign(campaign_id).status is Status.DRAFT
        await console.press("ctrl+u")
        await console.type("3")
        await console.press("enter")
        await console.until(lambda: console.app.current_mode == "report", "its report opens")
    assert scene.campaign(campaign_id).status is Status.IN_PROGRESS
