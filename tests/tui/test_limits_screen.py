"""The account's limits in the console: seen, set, and met where they matter."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import ending, quota
from engine.clock import DAY
from engine.commands import limits
from engine.commands.limits import Limits
from engine.gateway.errors import Internal
from engine.roles import Role
from store import account, database, outcomes
from store.types import OverQuota, ResultKind
from tests import builders
from tests.clock import FakeClock
from tests.driver import Console
from tests.tui import scenes
from tests.tui.harness import Harness
from tests.tui.scenes import WIDE, Desk, opened, paste, told
from tests.tui.test_snapshots_text import SIZES, check, check_dialog, still
from tui.screens.limits import LimitsScreen

KNOWN = Limits(10_000, 2, 7, ("AE", "IN"))


class Asking(Harness):
    """Asks when it starts; `answers` gets what came back."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Limits | None] = []

    def on_mount(self) -> None:
        self.push_screen(
            LimitsScreen(KNOWN, "7,412 people messaged in the last 24 hours, 2,588 left."), self.answers.append
        )


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_R30_R35_the_limits_stand_there_as_they_are_typed_with_what_they_mean(size: tuple[int, int]) -> None:
    app = Asking()
    async with Console(app, size) as screen:
        await screen.expect(
            "7,412 people messaged in the last 24 hours, 2,588 left.",
            "10,000 people within 24 hours",
            "at most 2 marketing messages to a person in 7 days",
            "messages may go to AE, IN only",
            "ctrl+s or f2 sets them",
        )


async def test_what_is_typed_is_understood_at_once_and_taken_with_f2() -> None:
    app = Asking()
    async with Console(app, (80, 24)) as screen:
        await screen.press("ctrl+u")
        await screen.type("2k")
        await screen.expect("2,000 people within 24 hours")
        await screen.press("enter", "ctrl+u")
        await screen.type("none")
        await screen.expect("any number of marketing messages")
        await screen.press("f2")
        assert app.answers == [Limits(2_000, None, None, ("AE", "IN"))]


async def test_a_line_that_cannot_be_read_is_told_and_nothing_is_taken() -> None:
    app = Asking()
    async with Console(app, (80, 24)) as screen:
        await screen.press("ctrl+u")
        await screen.type("[b]")
        await screen.expect("! '[b]' is no messaging quota.")
        await screen.press("ctrl+s")
        assert app.answers == []
        await screen.press("escape")
        assert app.answers == [None]


@pytest.fixture
def desk(tmp_path: Path, clock: FakeClock) -> Desk:
    return scenes.empty(tmp_path, clock)


def limited(desk: Desk, most: int | None) -> None:
    with database.session():
        limits.change(builders.context(desk.clock), lambda known: known._replace(quota=most))


def kept(desk: Desk) -> Limits:
    with database.session():
        return limits.of(account.get_account())


@SIZES
async def test_R30_the_quota_stands_in_the_first_line_and_is_set_from_the_list(
    desk: Desk, size: tuple[int, int]
) -> None:
    limited(desk, 8)
    desk.hand_over(desk.started("Spring sale", 5), [ResultKind.SENT] * 4 + [ResultKind.UNKNOWN])
    async with desk.console(size) as console:
        await opened(console, "Spring sale")
        if size == WIDE:
            await console.expect("quota 5 of 8")
        await console.press("L")
        await console.expect("5 people messaged in the last 24 hours, 3 left.")
        await still(console)
        check_dialog("dialog_limits", console)
        await console.press("ctrl+u")
        await paste(console, "5")
        await console.press("tab", "ctrl+u")
        await paste(console, "1 in 3 days")
        await console.press("tab", "ctrl+u")
        await paste(console, "de")
        await console.press("ctrl+s")
        await told(console, "The limits are set.")
        # Used up it stays in the line however narrow the terminal is.
        await console.expect("quota 5 of 5")
    assert kept(desk) == Limits(5, 1, 3, ("DE",))


async def test_R57_who_may_not_set_them_is_told_so(desk: Desk) -> None:
    async with desk.console(role=Role.MANAGER) as console:
        await opened(console)
        await console.press("L")
        await told(console, "needs the permission settings")
    assert kept(desk) == Limits(None, None, None, None)


@SIZES
async def test_R30_the_form_warns_and_lets_choose_what_happens_beyond_the_quota(
    desk: Desk, size: tuple[int, int]
) -> None:
    limited(desk, 7)
    campaign_id = desk.draft("Spring sale", 10)
    async with desk.console(size) as console:
        await opened(console, "Spring sale")
        await console.press("e")
        await console.expect("contacts.csv, 10 rows")
        if size != WIDE:
            await console.press("f6")
        await console.expect("quota: 7 left now, 3 would fail")
        await still(console)
        check("draft_quota", console)
        await console.press("f8", "f8", "enter", "down", "enter")
        if size != WIDE:
            await console.press("f6")
        await console.expect("quota: 7 left now, 3 would wait")
        await console.press("ctrl+s")
        await console.until(lambda: desk.campaign(campaign_id).over_quota is OverQuota.WAIT, "it is saved")


@SIZES
async def test_R30_R45_a_run_that_waits_for_the_quota_says_so_with_its_time(desk: Desk, size: tuple[int, int]) -> None:
    limited(desk, 5)
    campaign_id = desk.started("Spring sale", 10)
    desk.hand_over(campaign_id, [ResultKind.SENT] * 5)
    until = desk.clock.now() + DAY
    with database.session():
        ending.hold(desk.clock, campaign_id, quota.hold_order(until), builders.OPERATOR)
    async with desk.console(size) as console:
        await opened(console, "Spring sale")
        await console.press("enter")
        await console.expect("The messaging quota of the last 24 hours is used up")
        await still(console)
        check("report_quota_wait", console)


@SIZES
async def test_R30_the_report_tells_what_failed_for_the_quota_in_words(desk: Desk, size: tuple[int, int]) -> None:
    limited(desk, 5)
    campaign_id = desk.started("Spring sale", 10)
    desk.hand_over(campaign_id, [ResultKind.SENT] * 5)
    with database.session():
        outcomes.fail_over_quota(campaign_id, Internal.QUOTA_EXCEEDED, 0, 100, desk.clock.now())
        ending.finish(desk.clock, campaign_id, builders.OPERATOR)
    async with desk.console(size) as console:
        await opened(console, "Spring sale")
        await console.press("enter")
        await console.expect("The messaging quota of the last 24 hours was used up")
        await still(console)
        check("report_quota_failed", console)
