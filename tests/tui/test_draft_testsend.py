"""Trying a draft out from the editor (R32)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.clock import MINUTE
from engine.gateway.base import Accepted, Outcome, Unknown
from engine.leasing import Leases
from store import account, callbacks, database, ledger, optouts, testsends
from store.types import Status, StatusUpdate
from tests import builders
from tests.clock import FakeClock
from tests.driver import Console, check_text_snapshot
from tests.sending import Scripted, refused, work
from tests.tui.draft_scene import Scene, dialog, editor, fill_in, told
from tui.screens.draft import DraftScreen
from tui.screens.draft_test import Outcomes, lines
from tui.screens.prompt import PromptScreen

ASHA, BOB = "+919876543210", "+4915170000001"
SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])


@pytest.fixture
def scene(tmp_path: Path, clock: FakeClock) -> Scene:
    return Scene.make(tmp_path, clock)


def check(name: str, console: Console) -> None:
    """Only the dialog."""
    width, height = console.app.size
    box = console.app.screen.query_one(".dialog").region
    assert console.app.screen.region.contains_region(box)
    assert abs(box.x - (width - box.right)) <= 1 and abs(box.y - (height - box.bottom)) <= 1, "it is in the middle"
    shown = console.screen.splitlines()[box.y : box.bottom]
    check_text_snapshot(f"{name}_{width}x{height}", "\n".join(line[box.x : box.right].rstrip() for line in shown))


async def asking(console: Console, scene: Scene, campaign_id: int | None = None) -> DraftScreen:
    screen = await editor(console, campaign_id)
    await console.press("ctrl+t")
    await dialog(console, PromptScreen, scene)
    return screen


async def sent(console: Console, scene: Scene, gateway: Scripted) -> None:
    """Let a worker send what waits, in its own thread's connection, and the dialog look again."""

    def run() -> None:
        with database.session():
            asyncio.run(work(scene.clock, gateway))

    await asyncio.to_thread(run)


def outcome(to: str, n: int) -> Outcome:
    answers: dict[str, Outcome] = {ASHA[1:]: Accepted("wamid.1"), BOB[1:]: refused(131026)}
    return answers.get(to, Unknown("timed out"))


@SIZES
async def test_R32_ctrl_t_asks_shows_price_and_row_and_then_each_outcome(scene: Scene, size: tuple[int, int]) -> None:
    campaign_id = scene.draft()
    before = scene.campaign(campaign_id)
    async with scene.console(size) as console:
        await asking(console, scene, campaign_id)
        await console.expect("Test “Spring sale”: to which numbers, up to 5?")
        await console.type(f"{ASHA}, {BOB}, +12015550123")
        await console.expect("3 credits of 41,250 free")
        check("test_send_asked", console)
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, Outcomes), "the outcomes")
        await console.expect("waits for its turn", "No worker runs: it goes when one does, within 10 minutes.")
        check("test_send_waits", console)
        await sent(console, scene, Scripted(outcome))
        await console.expect("failed: ", "unknown: no answer")
        check("test_send_outcomes", console)
        with database.session():
            assert callbacks.apply([], [StatusUpdate(None, None, "wamid.1", "delivered", 1, test_id=1)], 1) == 0
        await console.expect("sent, delivered")
        await console.press("escape")
        await console.until(lambda: isinstance(console.app.screen, DraftScreen), "back in the form")
    assert scene.campaign(campaign_id) == before
    with database.session():
        assert ledger.balance() == (41_250 - 2, 1, 1)


async def test_R32_the_last_numbers_are_there_the_next_time(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        await asking(console, scene, campaign_id)
        await console.type(f"{ASHA} {BOB}")
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, Outcomes), "the outcomes")
        await console.press("escape", "ctrl+t")
        await dialog(console, PromptScreen, scene)
        await console.expect(f"{ASHA}, {BOB}", "2 credits of 41,248 free")


async def test_R32_what_was_typed_in_the_form_is_saved_first_and_tested(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "name", "Renamed")
        await console.press("ctrl+t")
        await dialog(console, PromptScreen, scene)
        await console.expect("Test “Renamed”")
        await console.press("escape")
    assert scene.campaign(campaign_id).name == "Renamed"
    with database.session():
        assert testsends.of_campaign(campaign_id, 5) == []


async def test_R32_it_takes_the_values_of_the_recipient_that_is_shown(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await console.press("f4", "f4")
        await console.until(lambda: screen.position == 2 and screen.outlook is not None, "the third recipient")
        await console.expect("3 of 10")
        await console.press("ctrl+t")
        await dialog(console, PromptScreen, scene)
        await console.type(ASHA)
        await console.expect("with the values of line 4:")
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, Outcomes), "the outcomes")
    with database.session():
        (test,) = testsends.of_campaign(campaign_id, 5)
    assert "Customer 2" in str(test.payload)


async def test_R32_what_cannot_be_is_said_while_typing_and_what_is_refused_can_be_put_right(scene: Scene) -> None:
    campaign_id = scene.draft()
    with database.session():
        optouts.add(int(BOB), 0, "STOP reply")
    async with scene.console() as console:
        await asking(console, scene, campaign_id)
        await console.type("12")
        await console.expect("! '12' is no phone number.")
        await console.press("enter", "ctrl+u")
        await console.type(f"{BOB},{BOB}")
        await console.expect("is there twice")
        await console.press("ctrl+u")
        await console.type(BOB)
        await console.press("enter")
        await told(console, "Opted out: +49 1517 0000001.")
        await dialog(console, PromptScreen, scene)
        await console.expect(BOB)
        await console.press("escape")
        await console.until(lambda: isinstance(console.app.screen, DraftScreen), "back in the form")
    with database.session():
        assert ledger.balance().reserved == 0


async def test_R32_a_draft_that_cannot_be_tested_says_why(scene: Scene) -> None:
    async with scene.console() as console:
        await editor(console)
        await console.press("ctrl+t")
        await told(console, "A test cannot go: no template chosen.")
        assert isinstance(console.app.screen, DraftScreen)


async def test_R32_a_read_only_console_tests_nothing(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console(read_only=True) as console:
        await editor(console, campaign_id)
        await console.press("ctrl+t")
        await told(console, "This console is read-only")


def test_R32_a_worker_that_runs_is_not_missed(scene: Scene, clock: FakeClock) -> None:
    campaign_id = scene.draft()
    assert scene.campaign(campaign_id).status is Status.DRAFT
    from engine import testsends as rules
    from engine.commands import testsends as commands

    with database.session():
        tests = commands.send(builders.context(clock), campaign_id, [ASHA])
        sender_id = account.senders()[0].id
        assert not rules.is_served(sender_id, clock.now())
        assert Leases(clock, "console").ensure(sender_id) is not None
        assert rules.is_served(sender_id, clock.now())
        clock.advance(MINUTE)
        assert not rules.is_served(sender_id, clock.now())
    assert [line.plain for line in lines(tests, served=True)] == ["+91 98765 43210   waits for its turn"]
    assert len(lines(tests, served=False)) == 2
