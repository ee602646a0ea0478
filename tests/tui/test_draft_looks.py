"""What the draft editor looks like at two sizes."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from tests import builders
from tests.clock import FakeClock
from tests.driver import check_text_snapshot
from tests.tui.draft_scene import ROWS, Scene, choose, editor, fill_in
from tui.screens.draft import DraftScreen
from tui.screens.draft_choices import FILE
from tui.screens.draft_fields import TEMPLATE

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])


@pytest.fixture
def scene(tmp_path: Path, clock: FakeClock) -> Scene:
    return Scene.make(tmp_path, clock)


@SIZES
async def test_looks_empty(scene: Scene, size: tuple[int, int]) -> None:
    async with scene.console(size) as console:
        await editor(console)
        await console.expect("no time yet" if size[0] > 100 else "f6 all")
        check_text_snapshot(f"draft_empty_{size[0]}x{size[1]}", console.screen)


@SIZES
async def test_looks_full(scene: Scene, size: tuple[int, int]) -> None:
    campaign_id = scene.draft(ROWS)
    async with scene.console(size) as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "tomorrow 10:00")
        await console.expect("19 h 30 min", "f9 shows them")
        check_text_snapshot(f"draft_full_{size[0]}x{size[1]}", console.screen)


async def test_looks_flipped(scene: Scene) -> None:
    campaign_id = scene.draft(ROWS)
    async with scene.console((80, 24)) as console:
        await editor(console, campaign_id)
        await console.press("f6")
        await console.expect("Before it goes", "Hello Asha")
        check_text_snapshot("draft_flipped_80x24", console.screen)
        await console.press("escape")
        await console.expect("Zone")
        assert isinstance(console.app.screen, DraftScreen)


@SIZES
async def test_looks_with_errors(scene: Scene, size: tuple[int, int]) -> None:
    async with scene.console(size) as console:
        screen = await editor(console)
        await choose(console, screen, TEMPLATE, scene.template_id("greeting"))
        await fill_in(console, screen, "when", "2026-11-23 14:00")
        await fill_in(console, screen, FILE, "/no/such/contacts.csv")
        await console.press("enter")
        await console.expect("! /no/such/contacts.csv", "in the past")
        check_text_snapshot(f"draft_errors_{size[0]}x{size[1]}", console.screen)


@SIZES
async def test_looks_importing(scene: Scene, size: tuple[int, int]) -> None:
    campaign_id = scene.draft(ROWS)
    file = builders.contacts_file(scene.folder, 3, "more.csv")
    gate = threading.Event()
    async with scene.console(size) as console:
        screen = await editor(console, campaign_id)
        held = asyncio.create_task(screen.services.threads.write(gate.wait))
        await fill_in(console, screen, FILE, f"~/../../{file}")
        screen.panel.fields[FILE].set_value("~/lists/more.csv")
        await console.press("enter")
        await console.expect("rows so far")
        check_text_snapshot(f"draft_importing_{size[0]}x{size[1]}", console.screen)
        gate.set()
        await held
        await console.until(lambda: screen.importing is None, "it ends")
