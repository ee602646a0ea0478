"""Which of WhatsApp's endpoints takes a campaign, chosen in the draft form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.commands import drafts, setup
from engine.preflight_facts import ENDPOINT
from store import campaigns, database
from store.types import ORDINARY, Endpoint, ProductPolicy, Route
from tests import builders
from tests.clock import FakeClock
from tests.driver import Console, check_text_snapshot
from tests.tui.draft_scene import Scene, choose, editor, focused
from tui.screens.draft import DraftScreen
from tui.screens.draft_fields import ACTIVITY, POLICY, TEMPLATE

ORDER = {**builders.GREETING, "name": "order", "category": "UTILITY"}
SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
BY_MARKETING = Route(Endpoint.MARKETING, ProductPolicy.STRICT, False)


@pytest.fixture
def scene(tmp_path: Path, clock: FakeClock) -> Scene:
    found = Scene.make(tmp_path, clock)
    with database.session():
        setup.add_templates(builders.context(clock), builders.template_file(tmp_path, ORDER))
    return found


def routed(scene: Scene, route: Route) -> int:
    """A stored draft that goes this way."""
    campaign_id = scene.draft()
    with database.session():
        before = campaigns.get(campaign_id)
        fields = replace(drafts.fields_of(before), route=route)
        drafts.edit(builders.context(scene.clock), campaign_id, before.version, fields)
    return campaign_id


def shown(screen: DraftScreen) -> list[str]:
    """The fields of the route that are in sight."""
    return [name for name in (ENDPOINT, POLICY, ACTIVITY) if screen.panel.fields[name].display]


async def pick(console: Console, *downs: str) -> None:
    """Open the list that has the focus and take what so many keys lead to."""
    await console.press("enter", *downs, "enter")
    await console.pilot.pause()


async def test_the_endpoint_is_chosen_and_saved_with_keys_alone(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        assert shown(screen) == [ENDPOINT]
        screen.panel.go_to(TEMPLATE)
        await console.press("tab")
        assert focused(console) == ENDPOINT
        await pick(console, "down")
        assert shown(screen) == [ENDPOINT, POLICY, ACTIVITY]
        await console.expect("✓ goes by marketing_messages")
        await console.press("tab")
        assert focused(console) == POLICY
        await pick(console, "down", "down")
        await console.press("tab")
        assert focused(console) == ACTIVITY
        await pick(console, "down", "down")
        await console.expect("✓ goes by marketing_messages, what it cannot take", "not saved")
        await console.press("ctrl+s")
        await console.until(lambda: scene.campaign(campaign_id).route == BY_MARKETING, "it is saved")
        # The other way: what only this endpoint knows goes with it.
        screen.panel.go_to(ENDPOINT)
        await pick(console, "up")
        assert shown(screen) == [ENDPOINT]
        await console.press("ctrl+s")
        await console.until(lambda: scene.campaign(campaign_id).route == ORDINARY, "it is saved again")
        await pick(console, "down")
        assert screen.panel.form.route == Route(Endpoint.MARKETING)
        assert screen.panel.fields[POLICY].value == screen.panel.fields[ACTIVITY].value == "unsaid"


async def test_what_is_stored_stands_in_the_form(scene: Scene) -> None:
    campaign_id = routed(scene, BY_MARKETING)
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        assert shown(screen) == [ENDPOINT, POLICY, ACTIVITY]
        await console.expect("marketing_messages, for marketing only", "not at all: it fails", "not shared")
        assert not screen.draft.changed(screen.panel.form, screen.panel.keys)


async def test_where_there_is_no_choice_none_is_offered(scene: Scene) -> None:
    async with scene.console() as console:
        screen = await editor(console)
        assert shown(screen) == [], "no template yet"
        await choose(console, screen, TEMPLATE, scene.template_id("order"))
        assert shown(screen) == [], "nothing but marketing goes by the other one"
        await choose(console, screen, TEMPLATE, scene.template_id("greeting"))
        assert shown(screen) == [ENDPOINT]


async def test_R22_an_endpoint_that_does_not_take_the_template_is_told_and_can_be_mended(scene: Scene) -> None:
    campaign_id = routed(scene, BY_MARKETING)
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await choose(console, screen, TEMPLATE, scene.template_id("order"))
        await console.expect("✗ marketing_messages takes only marketing templates", "Endpoint: Choose messages")
        assert ENDPOINT in shown(screen)
        await console.press("f8")
        assert focused(console) == ENDPOINT
        await pick(console, "up")
        await console.until(lambda: shown(screen) == [], "the choice is gone with the problem")
        assert screen.panel.form.route == ORDINARY


@SIZES
async def test_looks_with_the_other_endpoint(scene: Scene, size: tuple[int, int]) -> None:
    campaign_id = routed(scene, BY_MARKETING)
    async with scene.console(size) as console:
        await editor(console, campaign_id)
        await console.expect("If refused")
        check_text_snapshot(f"draft_endpoint_{size[0]}x{size[1]}", console.screen)
