"""Settling unknown recipients in the report (R42)."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.roles import Role
from store import callbacks, database
from store.types import Progress, ResultKind, StatusUpdate
from tests.clock import START, FakeClock
from tests.driver import Console, check_text_snapshot
from tests.tui import scenes
from tests.tui.scenes import BLINK_MS, NARROW, WIDE, Desk, opened, told
from tui.screens.draft_choice import Choice
from tui.screens.report import ReportScreen
from tui.widgets.paged_table import PagedTable

SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "120x40"])


@pytest.fixture
def desk(tmp_path: Path, clock: FakeClock) -> Desk:
    """A run with two sent and three unknown recipients, the rest to come."""
    found = scenes.empty(tmp_path, clock)
    campaign_id = found.started()
    found.hand_over(campaign_id, [ResultKind.SENT] * 2 + [ResultKind.UNKNOWN] * 3)
    return found


def figures(desk: Desk) -> Progress:
    return desk.campaign(desk.id_of("Spring sale")).progress


async def report_at(console: Console, seq: int) -> ReportScreen:
    """The report, its cursor on a recipient."""
    await opened(console)
    await console.press("enter")
    await console.expect("Report", "Spring sale", "10 rows")
    screen = console.app.screen
    assert isinstance(screen, ReportScreen)
    assert screen.query_one(PagedTable).move_to_id(seq)
    await console.until(lambda: screen._under_cursor is not None and screen._under_cursor.seq == seq, "the row is read")
    return screen


async def chosen(console: Console, desk: Desk, *texts: str) -> None:
    """Wait for the dialog and until it listens."""
    await console.until(lambda: isinstance(console.app.screen, Choice), "the dialog opens")
    await console.expect(*texts)
    desk.clock.advance(BLINK_MS)


@SIZES
async def test_R42_settle_one_dialog(desk: Desk, size: tuple[int, int]) -> None:
    async with desk.console(size) as console:
        await report_at(console, 3)
        await console.press("u")
        await chosen(console, desk, "What became of +49 1517 0000002?", "no answer came", "[ Leave it open ]")
        width, height = console.app.size
        check_text_snapshot(f"settle_one_{width}x{height}", console.screen)


@SIZES
async def test_R42_settle_all_dialog(desk: Desk, size: tuple[int, int]) -> None:
    async with desk.console(size) as console:
        await report_at(console, 1)
        await console.press("U")
        await chosen(console, desk, "What became of the 3 unknown?", "no answer came", "[ Leave it open ]")
        width, height = console.app.size
        check_text_snapshot(f"settle_all_{width}x{height}", console.screen)


@pytest.mark.parametrize("key", ["enter", "escape"])
async def test_R42_the_harmless_answer_has_the_focus_and_leaves_it_unknown(desk: Desk, key: str) -> None:
    async with desk.console() as console:
        await report_at(console, 3)
        await console.press("u")
        await chosen(console, desk)
        assert console.app.focused is not None and console.app.focused.id == "stay"
        await console.press(key)
        await console.until(lambda: isinstance(console.app.screen, ReportScreen), "the dialog closes")
    assert figures(desk).unknown == 3


@pytest.mark.parametrize(
    ("key", "sent", "failed", "words"), [("s", 3, 0, "settled as sent"), ("f", 2, 1, "as not sent")]
)
async def test_R42_one_is_settled(desk: Desk, key: str, sent: int, failed: int, words: str) -> None:
    async with desk.console() as console:
        await report_at(console, 3)
        await console.press("u")
        await chosen(console, desk)
        await console.press(key)
        await told(console, "1 recipient", words)
        await console.expect(f"sent {sent} + failed {failed} + pending 5 + skipped 0 + unknown 2")
    found = figures(desk)
    assert (found.sent, found.failed, found.unknown) == (sent, failed, 2)


async def test_R42_all_are_settled_at_once(desk: Desk) -> None:
    async with desk.console() as console:
        await report_at(console, 1)
        await console.press("U")
        await chosen(console, desk)
        await console.press("f")
        await told(console, "3 recipients settled as not sent, 3 credits given back.")
        await console.expect("Settled by hand as not sent")
    assert (figures(desk).failed, figures(desk).unknown) == (3, 0)


async def test_R42_a_callback_while_the_dialog_is_open_wins(desk: Desk) -> None:
    campaign_id = desk.id_of("Spring sale")
    async with desk.console() as console:
        await report_at(console, 3)
        await console.press("u")
        await chosen(console, desk)
        with database.session():
            callbacks.apply([], [StatusUpdate(campaign_id, 3, "wamid.3", "read", START)], START)
        await console.press("f")
        await told(console, "None of these is unknown any more.")
    assert (figures(desk).sent, figures(desk).read, figures(desk).failed) == (3, 1, 0)


async def test_R42_only_an_unknown_recipient_can_be_settled(desk: Desk) -> None:
    async with desk.console() as console:
        await report_at(console, 1)
        await console.press("u")
        await told(console, "The recipient under the cursor is not unknown.")
        assert isinstance(console.app.screen, ReportScreen)


@pytest.mark.parametrize(
    ("role", "read_only", "words"), [(Role.AGENT, False, "permission send"), (Role.OWNER, True, "read-only")]
)
@pytest.mark.parametrize("key", ["u", "U"])
async def test_R57_R42_settling_is_gated(desk: Desk, role: Role, read_only: bool, words: str, key: str) -> None:
    async with desk.console(role=role, read_only=read_only) as console:
        await report_at(console, 3)
        await console.press(key)
        await told(console, words)
        assert isinstance(console.app.screen, ReportScreen)
    assert figures(desk).unknown == 3
