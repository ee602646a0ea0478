"""The other endpoint by a key while a run is on hold, and a file uploaded from the draft editor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.commands import launch, setup
from engine.placeholders import MEDIA_ID
from store import account, campaigns, database
from store.types import Endpoint, Fill, Gateway, Status
from tests import builders
from tests.clock import FakeClock
from tests.driver import Console
from tests.graph_server import TOKEN, GraphServer, graph_server
from tests.tui import scenes
from tests.tui.scenes import NARROW, Desk, asked, opened, paste, told
from tui.screens.draft import DraftScreen
from tui.screens.prompt import PromptScreen
from tui.screens.upload import UploadScreen, bar

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 5_000
PICTURE = [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Hello {{1}}, {{2}}"}]


@pytest.fixture
def desk(tmp_path: Path, clock: FakeClock) -> Desk:
    return scenes.empty(tmp_path, clock)


@pytest.fixture
def graph() -> Iterator[GraphServer]:
    with graph_server() as server:
        yield server


def running(desk: Desk, hold: bool) -> int:
    campaign_id = desk.draft("Weekly offer")
    with database.session():
        launch.send_now(builders.context(desk.clock), campaign_id)
    if hold:
        desk.hold(campaign_id, "Marketing is off (131063)")
    return campaign_id


@pytest.mark.parametrize("in_report", [False, True])
async def test_a_held_run_goes_on_by_the_other_endpoint(desk: Desk, in_report: bool) -> None:
    campaign_id = running(desk, hold=True)
    async with desk.console() as console:
        await opened(console, "Weekly offer")
        if in_report:
            await console.press("enter")
            await console.expect("on hold: Marketing is off")
        await console.press("M")
        await asked(console, desk, "by marketing_messages?", "From now on: marketing_messages")
        await console.press("y")
        await told(console, "Weekly offer goes on by marketing_messages.")
    after = desk.campaign(campaign_id)
    assert after.hold is None and after.route.endpoint is Endpoint.MARKETING
    assert after.status is Status.IN_PROGRESS


async def test_a_run_that_goes_on_has_nothing_to_switch(desk: Desk) -> None:
    running(desk, hold=False)
    async with desk.console() as console:
        await opened(console, "Weekly offer")
        await console.press("M")
        await told(console, "The campaign is not on hold")


async def editing(console: Console, name: str) -> DraftScreen:
    await opened(console, name)
    await console.press("e")
    await console.until(lambda: isinstance(console.app.screen, DraftScreen), "the editor is open")
    await console.expect("header.media_id")
    screen = console.app.screen
    assert isinstance(screen, DraftScreen)
    return screen


@pytest.fixture
def pictured(desk: Desk, graph: GraphServer, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("SENDOFF_TOKEN", TOKEN)
    (desk.folder / "offer.png").write_bytes(PNG)
    campaign_id = desk.draft("Weekly offer")
    with database.session():
        assert campaigns.get(campaign_id).template_id == account.templates()[0].id
        context = builders.context(desk.clock)
        setup.add_templates(context, builders.template_file(desk.folder, components=PICTURE))
        setup.set_gateway(context, gateway=Gateway.CLOUD_API, base_url=graph.url)
    return desk


@pytest.mark.parametrize("size", [NARROW, (120, 40)])
async def test_a_file_is_uploaded_into_the_header(pictured: Desk, graph: GraphServer, size: tuple[int, int]) -> None:
    async with pictured.console(size) as console:
        await editing(console, "Weekly offer")
        await console.press("f7")
        await console.until(lambda: isinstance(console.app.screen, PromptScreen), "it asks which file")
        await paste(console, str(pictured.folder / "none.png"))
        await console.expect("cannot be read")
        await console.press("ctrl+u")
        await paste(console, str(pictured.folder / "offer.png"))
        await console.expect("image, 0.0 MB")
        await console.press("enter")
        await told(console, "offer.png is uploaded; it can be used for 30 days.")
        await console.expect("media-2" if size == NARROW else "uploaded file media-")
        await console.press("ctrl+s")
        await console.until(lambda: MEDIA_ID in pictured.campaign(1).fills, "it is saved")
    media_id = next(n for n, one in enumerate(graph.requests, 1) if one.path.endswith("/media"))
    assert pictured.campaign(1).fills[MEDIA_ID] == Fill(fixed=f"media-{media_id}")
    assert next(one for one in graph.requests if one.form).form["file"] == PNG


def card(text: str) -> dict[str, object]:
    return {"components": [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": text}]}


CAROUSEL = [{"type": "BODY", "text": "Look"}, {"type": "CAROUSEL", "cards": [card("One"), card("Two")]}]


async def test_files_are_uploaded_into_the_cards_one_after_the_other(pictured: Desk, graph: GraphServer) -> None:
    with database.session():
        setup.add_templates(
            builders.context(pictured.clock), builders.template_file(pictured.folder, components=CAROUSEL)
        )
    keys = [f"card.{index}.{MEDIA_ID}" for index in range(2)]
    async with pictured.console() as console:
        screen = await editing(console, "Weekly offer")

        async def uploaded(into: int) -> str:
            await console.press("f7")
            await console.until(lambda: isinstance(console.app.screen, PromptScreen), "it asks which file")
            await console.expect(f"Upload a file for the header of card {into}")
            before = screen.panel.form.fills.get(keys[into])
            await paste(console, str(pictured.folder / "offer.png"))
            await console.press("enter")
            await console.until(lambda: screen.panel.form.fills.get(keys[into]) != before, "it is filled")
            await console.until(lambda: console.app.screen is screen, "back in the editor")
            return screen.panel.form.fills[keys[into]].fixed

        first, second = await uploaded(0), await uploaded(1)
        screen.panel.go_to(keys[1])
        await console.pilot.pause()
        third = await uploaded(1)
        assert len({first, second, third}) == 3
        await console.press("ctrl+s")
        await console.until(lambda: len(pictured.campaign(1).fills) > 1, "it is saved")
    assert [pictured.campaign(1).fills[key] for key in keys] == [Fill(fixed=first), Fill(fixed=third)]


async def test_a_refused_upload_says_why_and_fills_nothing(pictured: Desk, graph: GraphServer) -> None:
    graph.refuse("media", 131053)
    async with pictured.console() as console:
        await editing(console, "Weekly offer")
        await console.press("f7")
        await console.until(lambda: isinstance(console.app.screen, PromptScreen), "it asks which file")
        await paste(console, str(pictured.folder / "offer.png"))
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, UploadScreen), "it uploads")
        await console.expect("(131053)")
        await console.press("escape")
        await console.until(lambda: isinstance(console.app.screen, DraftScreen), "back in the editor")
    assert MEDIA_ID not in pictured.campaign(1).fills


async def test_a_template_without_a_file_has_nothing_to_upload(desk: Desk) -> None:
    desk.draft("Weekly offer")
    async with desk.console() as console:
        await opened(console, "Weekly offer")
        await console.press("e")
        await console.until(lambda: isinstance(console.app.screen, DraftScreen), "the editor is open")
        await console.expect("body.1")
        await console.press("f7")
        await told(console, "The template has no header for a file.")


@pytest.mark.parametrize(("done", "percent"), [(0, "  0 %"), (50, " 50 %"), (100, "100 %")])
def test_the_bar_fills(done: int, percent: str) -> None:
    said = bar(done, 100)
    assert said.endswith(percent) and said.count("█") == 40 * done // 100


@pytest.mark.parametrize("in_report", [False, True])
async def test_R45_what_whatsapp_says_is_told_before_a_run_goes_on(
    desk: Desk, graph: GraphServer, monkeypatch: pytest.MonkeyPatch, in_report: bool
) -> None:
    monkeypatch.setenv("SENDOFF_TOKEN", TOKEN)
    campaign_id = running(desk, hold=True)
    with database.session():
        setup.set_gateway(builders.context(desk.clock), gateway=Gateway.CLOUD_API, base_url=graph.url, waba_id="1")
        number = account.senders()[0].phone_number_id
    blocked = {"entity_type": "PHONE_NUMBER", "can_send_message": "BLOCKED"}
    graph.nodes[number] = {"health_status": {"can_send_message": "BLOCKED", "entities": [blocked]}}
    async with desk.console() as console:
        await opened(console, "Weekly offer")
        if in_report:
            await console.press("enter")
            await console.expect("on hold: Marketing is off")
        await console.press("R")
        await told(console, "It cannot go on yet: the number is blocked.")
        assert desk.campaign(campaign_id).hold is not None
        desk.clock.advance(6_000)
        graph.nodes[number]["health_status"]["entities"] = [{**blocked, "can_send_message": "LIMITED"}]
        await console.press("R")
        if not in_report:
            await asked(console, desk, "Resume", "! WhatsApp says: the number is limited")
            await console.press("y")
        await told(console, "Resumed: Weekly offer.", *(["the number is limited"] if in_report else []))
    assert desk.campaign(campaign_id).hold is None
