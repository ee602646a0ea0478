"""The cancel lock at its edge, as operators meet it: a stale screen, two consoles at once, a clock that is set back.

Decided by the store's clock at the write, whatever a screen believes (R14, R15). The engine's own edge is in
`tests/engine/test_commands_launch.py` and `tests/engine/test_lock.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.clock import HOUR
from engine.commands import launch
from engine.lifecycle import LOCK
from store import audit, database
from store.types import Status
from tests import builders
from tests.cli import Here
from tests.clock import START, FakeClock
from tests.driver import Console
from tests.tui import scenes
from tests.tui.scenes import MINUTE, Desk, asked, opened, paste, told
from tui.screens.campaigns import CampaignsScreen
from tui.screens.confirm import Confirm
from tui.screens.timed_prompt import TimedPrompt

AHEAD = 30
EDGE = START + AHEAD * MINUTE - LOCK
"""5 min 00.000 s before the campaign's time."""
LATER = "tomorrow 10:00"
LATER_AT = START + (19 * 60 + 30) * MINUTE
TOO_LATE = "It is too late: within 5 minutes of its time a campaign"


class Way(NamedTuple):
    """One of the three ways to call a campaign off."""

    key: str
    after: Status
    at: int | None
    """Its time afterwards."""
    notice: str
    command: Callable[[Any, int], object]


WAYS = {
    "cancel": Way("c", Status.CANCELLED, START + AHEAD * MINUTE, "Cancelled: Renewal July.", launch.cancel),
    "reopen": Way("b", Status.DRAFT, None, "Back to draft: Renewal July.", launch.reopen),
    "reschedule": Way(
        "t",
        Status.SCHEDULED,
        LATER_AT,
        "“Renewal July” goes Tue 24 Nov",
        lambda ctx, one: launch.reschedule(ctx, one, LATER),
    ),
}
EACH = pytest.mark.parametrize("name", list(WAYS))


@pytest.fixture
def desk(tmp_path: Path, clock: FakeClock) -> Desk:
    return scenes.empty(tmp_path, clock)


async def begin(console: Console, desk: Desk, way: Way) -> None:
    """Go as far as the one key that does it."""
    await console.press(way.key)
    if way.key == "t":
        await console.expect("Another time for")
        await paste(console, LATER)
        await console.expect("Tue 24 Nov 2026 10:00 IST")
    else:
        await asked(console, desk, "Still possible for")


def last_key(way: Way) -> str:
    return "enter" if way.key == "t" else "y"


def stored(desk: Desk, campaign_id: int) -> tuple[Status, int | None]:
    found = desk.campaign(campaign_id)
    return found.status, found.scheduled_at


UNCHANGED = (Status.SCHEDULED, START + AHEAD * MINUTE)


def refusals(campaign_id: int) -> list[str]:
    with database.session():
        return [one.action for one in audit.events(campaign_id) if one.action.endswith(".refused")]


# One console


@EACH
async def test_R14_in_the_console_five_minutes_before_are_accepted_to_the_millisecond(desk: Desk, name: str) -> None:
    way = WAYS[name]
    campaign_id = desk.scheduled("Renewal July", AHEAD)
    async with desk.console() as console:
        await opened(console)
        await begin(console, desk, way)
        desk.clock.set(EDGE)
        await console.press(last_key(way))
        await told(console, way.notice)
    assert stored(desk, campaign_id) == (way.after, way.at)


@pytest.mark.parametrize("name", ["cancel", "reopen"])
async def test_R15_a_yes_a_millisecond_after_the_edge_is_refused_and_the_dialog_only_closes(
    desk: Desk, name: str
) -> None:
    way = WAYS[name]
    campaign_id = desk.scheduled("Renewal July", AHEAD)
    async with desk.console() as console:
        await opened(console)
        await begin(console, desk, way)
        desk.clock.set(EDGE + 1)
        # Before the dialog's next look at the clock.
        await console.press("y")
        await console.expect(TOO_LATE, "[ Close ]")
        await console.expect_not("Yes, ", "Keep it")
        assert isinstance(console.app.screen, Confirm)
        await console.press("y")
        assert isinstance(console.app.screen, Confirm)
        assert stored(desk, campaign_id) == UNCHANGED
        await console.press("enter")
        await opened(console, "LOCKED")
    assert stored(desk, campaign_id) == UNCHANGED


async def test_R15_another_time_typed_before_the_edge_and_taken_after_it_is_refused_and_stays_typed(desk: Desk) -> None:
    campaign_id = desk.scheduled("Renewal July", AHEAD)
    async with desk.console() as console:
        await opened(console)
        await begin(console, desk, WAYS["reschedule"])
        desk.clock.set(EDGE + 1)
        # Before the dialog's next look at the clock.
        await console.press("enter")
        await console.expect(TOO_LATE, LATER, "esc closes")
        await console.expect_not("Tue 24 Nov 2026 10:00 IST", "reschedules it")
        await console.press("escape")
        await opened(console, "LOCKED")
    assert stored(desk, campaign_id) == UNCHANGED


async def test_R15_the_dialog_for_another_time_counts_down_and_falls_at_the_lock(desk: Desk) -> None:
    desk.scheduled("Renewal July", AHEAD)
    async with desk.console() as console:
        await opened(console)
        await console.press("t")
        await console.expect("Another time for", "Still possible for 25:00.")
        await paste(console, LATER)
        desk.clock.advance(61_000)
        prompt = console.app.screen
        assert isinstance(prompt, TimedPrompt)
        prompt.tick()
        await console.expect("Still possible for 23:59.", "Tue 24 Nov 2026 10:00 IST")
        desk.clock.set(EDGE + 1)
        prompt.tick()
        await console.expect(TOO_LATE, LATER, "esc closes")
        desk.clock.set(EDGE - HOUR)
        prompt.tick()
        await console.expect(TOO_LATE)


@EACH
async def test_R15_time_that_passes_between_the_yes_and_the_write_counts(desk: Desk, name: str) -> None:
    """The key was in time and every screen says so; the write is not."""
    way = WAYS[name]
    campaign_id = desk.scheduled("Renewal July", AHEAD)
    async with desk.console() as console:
        screen = await opened(console)
        await begin(console, desk, way)
        hold_up(screen, desk, EDGE + 1)
        desk.clock.set(EDGE)
        await console.press(last_key(way))
        await told(console, TOO_LATE)
    assert stored(desk, campaign_id) == UNCHANGED
    assert refusals(campaign_id) == [f"campaign.{name}.refused"]


def hold_up(screen: CampaignsScreen, desk: Desk, until: int) -> None:
    """Let the time be later when the next command reaches the store."""
    real = screen.services.threads.write

    async def late(*arguments: Any, **more: Any) -> Any:
        desk.clock.set(until)
        return await real(*arguments, **more)

    setattr(screen.services.threads, "write", late)  # noqa: B010


@EACH
async def test_R15_a_clock_set_back_while_the_dialog_is_open_does_not_lift_the_lock(desk: Desk, name: str) -> None:
    """The lock falls unseen, then an administrator sets the clock back an hour: the dialog believes there is time."""
    way = WAYS[name]
    campaign_id = desk.scheduled("Renewal July", AHEAD)
    async with desk.console() as console:
        screen = await opened(console)
        await begin(console, desk, way)
        desk.clock.advance(EDGE + 1 - desk.clock.now())
        desk.clock.set(desk.clock.now() - HOUR)
        await console.press(last_key(way))
        await told(console, TOO_LATE)
        await console.until(lambda: screen.subject is not None and screen.subject.locked, "the row is seen locked")
        await console.expect("LOCKED")
        console.app.clear_notifications()
        for one in WAYS.values():
            await console.press(one.key)
            await told(console, TOO_LATE)
            assert console.app.screen is screen
    assert stored(desk, campaign_id) == UNCHANGED
    with database.session():
        assert [one.action for one in audit.events() if one.action == "clock.set_back"] == ["clock.set_back"]


async def test_R15_a_dialog_that_said_too_late_stays_so_when_the_clock_is_set_back(desk: Desk) -> None:
    campaign_id = desk.scheduled("Renewal July", AHEAD)
    async with desk.console() as console:
        await opened(console)
        await begin(console, desk, WAYS["cancel"])
        desk.clock.advance(EDGE + 1 - desk.clock.now())
        await console.expect(TOO_LATE)
        desk.clock.set(desk.clock.now() - HOUR)
        await console.press("y")
        await console.expect(TOO_LATE, "[ Close ]")
        assert stored(desk, campaign_id) == UNCHANGED


# Two consoles


@pytest.mark.parametrize("other", list(WAYS))
@EACH
async def test_R9_R15_of_two_consoles_the_second_is_told_what_the_first_did(desk: Desk, name: str, other: str) -> None:
    """Both have their dialogs open over one campaign; the other one's key comes first."""
    mine, theirs = WAYS[name], WAYS[other]
    campaign_id = desk.scheduled("Renewal July", AHEAD)
    async with desk.two_consoles() as (first, second):
        for console, way in ((first, mine), (second, theirs)):
            await opened(console, "○ Scheduled")
            await begin(console, desk, way)
        await second.press(last_key(theirs))
        await told(second, theirs.notice)
        settled = stored(desk, campaign_id)
        assert settled == (theirs.after, theirs.at)
        await first.press(last_key(mine))
        if other == "reschedule":
            await told(first, "Somebody else changed this campaign a moment ago.")
        else:
            await told(first, f"A campaign that is {'a Draft' if other == 'reopen' else 'Cancelled'} cannot be")
        assert stored(desk, campaign_id) == settled
        # Its list shows it without another key.
        first.app.clear_notifications()
        await opened(first, {"cancel": "- Cancelled", "reopen": "· Draft", "reschedule": "tomorrow 10:00"}[other])
    assert refusals(campaign_id) == [f"campaign.{name}.refused"]


@pytest.mark.parametrize("late", [0, 1])
async def test_R14_two_consoles_at_the_edge_one_wins_or_none(desk: Desk, late: int) -> None:
    campaign_id = desk.scheduled("Renewal July", AHEAD)
    async with desk.two_consoles() as (first, second):
        for console in (first, second):
            await opened(console)
            await begin(console, desk, WAYS["cancel"])
        desk.clock.set(EDGE + late)
        for console in (first, second):
            await console.press("y")
        if late:
            for console in (first, second):
                await console.expect(TOO_LATE, "[ Close ]")
        else:
            await told(first, "Cancelled: Renewal July.")
            await told(second, "A campaign that is Cancelled cannot be cancelled.")
    assert stored(desk, campaign_id)[0] is (Status.SCHEDULED if late else Status.CANCELLED)


@EACH
async def test_R15_a_console_whose_clock_is_an_hour_behind_is_refused_too(desk: Desk, name: str) -> None:
    """Its own clock says there is an hour; the other console has seen the lock, and the machine's steady clock too."""
    way = WAYS[name]
    campaign_id = desk.scheduled("Renewal July", AHEAD)
    behind = Desk(desk.url, desk.folder, FakeClock(START - HOUR, steady=desk.clock.steady()))
    async with desk.two_consoles(behind) as (right, wrong):
        await opened(right)
        await opened(wrong, "○ Scheduled")
        await begin(wrong, behind, way)
        desk.clock.advance(EDGE + 1 - START)
        behind.clock.advance(round((desk.clock.steady() - behind.clock.steady()) * 1_000))
        await right.press(way.key)
        await told(right, TOO_LATE)
        await wrong.press(last_key(way))
        await told(wrong, TOO_LATE)
    assert stored(desk, campaign_id) == UNCHANGED


# The command line


def call_off(sendoff: Here, name: str, campaign_id: int) -> tuple[object, ...]:
    return ("campaign", name, campaign_id, *(("--at", LATER) if name == "reschedule" else ("--yes",)))


@EACH
def test_R14_on_the_command_line_five_minutes_before_are_accepted_and_a_millisecond_later_refused(
    desk: Desk, name: str
) -> None:
    first, second = (desk.scheduled(one, AHEAD) for one in ("First", "Second"))
    sendoff = Here(Path(desk.url), desk.clock)
    desk.clock.set(EDGE)
    assert sendoff(*call_off(sendoff, name, first)).status == 0
    desk.clock.set(EDGE + 1)
    assert sendoff.refused(*call_off(sendoff, name, second)) == (3, "cancel_locked")
    database.open_database(desk.url)
    assert stored(desk, first) == (WAYS[name].after, WAYS[name].at)
    assert stored(desk, second) == UNCHANGED


@EACH
def test_R15_on_the_command_line_a_clock_set_back_does_not_lift_the_lock(desk: Desk, name: str) -> None:
    campaign_id = desk.scheduled("Renewal July", AHEAD)
    sendoff = Here(Path(desk.url), desk.clock)
    desk.clock.advance(EDGE + 1 - START)
    desk.clock.set(desk.clock.now() - HOUR)
    assert sendoff.refused(*call_off(sendoff, name, campaign_id)) == (3, "cancel_locked")
    database.open_database(desk.url)
    assert stored(desk, campaign_id) == UNCHANGED


@EACH
async def test_R15_the_command_line_against_an_open_dialog(desk: Desk, name: str) -> None:
    """A script calls it off while a console asks about it."""
    campaign_id = desk.scheduled("Renewal July", AHEAD)
    async with desk.console() as console:
        await opened(console)
        await begin(console, desk, WAYS[name])
        with database.session():
            launch.cancel(builders.context(desk.clock), campaign_id)
        await console.press(last_key(WAYS[name]))
        await told(console, "A campaign that is Cancelled cannot be")
    assert stored(desk, campaign_id)[0] is Status.CANCELLED
