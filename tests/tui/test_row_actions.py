"""What a row of the list allows, for each action and each status: it works, or it says why not when tried (R53)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine import ending
from engine.lifecycle import Action
from store import database
from store.types import ResultKind, Status
from tests import builders
from tests.clock import FakeClock
from tests.tui import scenes
from tests.tui.context import FakeContext, row
from tests.tui.scenes import Desk, opened, told
from tui.command import Scope, footer, refusal
from tui.commands import COMMANDS, commands_of
from tui.screens.campaigns import CampaignsScreen

KEYS = {
    Action.EDIT: "e",
    Action.DELETE: "d",
    Action.SEND_NOW: "S",
    Action.CANCEL: "c",
    Action.REOPEN: "b",
    Action.RESCHEDULE: "t",
    Action.RESUME: "R",
    Action.DUPLICATE: "D",
}
ALLOWED: dict[str, set[Action]] = {
    "draft": {Action.EDIT, Action.DELETE, Action.SEND_NOW},
    "scheduled": {Action.CANCEL, Action.REOPEN, Action.RESCHEDULE},
    "locked": set(),
    "in_progress": set(),
    "held": {Action.RESUME},
    "completed": set(),
    "failed": set(),
    "cancelled": set(),
}
"""Besides duplicating, which every row allows. Written out, so that it is not read from what it is to check."""
REFUSED = [(state, action) for state in ALLOWED for action in KEYS if action not in ALLOWED[state]]
REFUSED = [(state, action) for state, action in REFUSED if action is not Action.DUPLICATE]

WORDS = {
    "draft": "a Draft",
    "scheduled": "Scheduled",
    "locked": "Scheduled",
    "in_progress": "In Progress",
    "held": "In Progress",
    "completed": "Completed",
    "failed": "Failed",
    "cancelled": "Cancelled",
}


def expected(state: str, action: Action) -> str:
    """A part of the reason that names what stands in the way."""
    if state == "locked" and action in (Action.CANCEL, Action.REOPEN, Action.RESCHEDULE):
        return "It is too late: within 5 minutes of its time"
    if state == "in_progress" and action is Action.RESUME:
        return "not on hold"
    return WORDS[state]


def context(state: str) -> FakeContext:
    if state == "locked":
        return FakeContext(row(Status.SCHEDULED, 4))
    return FakeContext(row(Status.IN_PROGRESS if state == "held" else Status(state), held=state == "held"))


def command(action: Action) -> str:
    (found,) = [one.id for one in commands_of(Scope.CAMPAIGNS) if KEYS[action] in one.keys and one.act is action]
    return found


def test_every_action_of_the_list_is_in_the_table() -> None:
    assert {one.act for one in commands_of(Scope.CAMPAIGNS) if one.act is not None} == set(KEYS)


@pytest.mark.parametrize(("state", "action"), REFUSED)
def test_R53_what_a_row_does_not_allow_is_refused_with_its_reason(state: str, action: Action) -> None:
    why_not = refusal(COMMANDS[command(action)], context(state))
    assert why_not is not None
    assert expected(state, action) in why_not.message
    assert why_not.hint.endswith("."), "what to do instead"


@pytest.mark.parametrize("state", list(ALLOWED))
def test_R53_what_a_row_allows_is_offered_and_nothing_else_that_writes(state: str) -> None:
    there = context(state)
    allowed = {action for action in KEYS if refusal(COMMANDS[command(action)], there) is None}
    assert allowed == ALLOWED[state] | {Action.DUPLICATE}
    entries = footer(commands_of(Scope.CAMPAIGNS), there)
    shown = {entry.id for entry in entries if entry.why_not is None}
    acting = {action for action in KEYS if command(action) in shown}
    # Deleting gives way to what is wanted more often where there is no room.
    assert acting | {Action.DELETE} >= allowed
    assert acting <= allowed
    assert all(entry.why_not for entry in entries if entry.id not in shown)


TITLES = {
    Action.DELETE: "Delete “Renewal July”?",
    Action.SEND_NOW: "Send “Renewal July” now?",
    Action.CANCEL: "Cancel “Renewal July”?",
    Action.REOPEN: "Take “Renewal July” back to draft?",
    Action.RESCHEDULE: "Another time for “Renewal July”",
    Action.RESUME: "Resume “Renewal July”?",
}

MAKE: dict[str, Callable[[Desk], int]] = {
    "draft": lambda desk: desk.draft("Renewal July"),
    "scheduled": lambda desk: desk.scheduled("Renewal July"),
    "locked": lambda desk: desk.scheduled("Renewal July", 4),
    "in_progress": lambda desk: desk.started("Renewal July"),
    "held": lambda desk: held(desk),
    "completed": lambda desk: ended(desk, ResultKind.SENT),
    "failed": lambda desk: ended(desk, ResultKind.FAILED),
    "cancelled": lambda desk: desk.cancelled("Renewal July"),
}


def held(desk: Desk) -> int:
    campaign_id = desk.started("Renewal July")
    desk.hold(campaign_id, "The template is paused.")
    return campaign_id


def ended(desk: Desk, kind: ResultKind) -> int:
    """A run that is over, by the same step that ends every run."""
    campaign_id = desk.started("Renewal July", 1)
    desk.hand_over(campaign_id, [kind], 131026)
    with database.session():
        assert ending.finish(desk.clock, campaign_id, builders.OPERATOR) is not None
    return campaign_id


@pytest.mark.parametrize("state", list(ALLOWED))
async def test_R53_every_key_that_a_row_does_not_allow_says_why_and_changes_nothing(
    state: str, tmp_path: Path, clock: FakeClock
) -> None:
    desk = scenes.empty(tmp_path, clock)
    campaign_id = MAKE[state](desk)
    before = desk.campaign(campaign_id)
    async with desk.console() as console:
        screen = await opened(console, "Renewal July")
        for refused in [action for one, action in REFUSED if one == state]:
            console.app.clear_notifications()
            await console.press(KEYS[refused])
            await told(console, expected(state, refused))
            assert console.app.screen is screen and isinstance(screen, CampaignsScreen)
    assert desk.campaign(campaign_id) == before


@pytest.mark.parametrize("state", list(ALLOWED))
async def test_R53_every_key_that_a_row_allows_opens_what_it_is_for(
    state: str, tmp_path: Path, clock: FakeClock
) -> None:
    desk = scenes.empty(tmp_path, clock)
    MAKE[state](desk)
    for allowed in sorted(ALLOWED[state] - {Action.EDIT}):
        async with desk.console() as console:
            await opened(console, "Renewal July")
            await console.press(KEYS[allowed])
            await console.expect(TITLES[allowed])
            await console.press("escape")


async def test_a_notice_goes_when_the_next_command_is_given_and_stays_while_the_cursor_moves(
    tmp_path: Path, clock: FakeClock
) -> None:
    desk = scenes.empty(tmp_path, clock)
    MAKE["cancelled"](desk)
    MAKE["cancelled"](desk)
    async with desk.console() as console:
        await opened(console, "Renewal July")
        await console.press("c")
        await told(console, "cannot be cancelled")
        await console.press("down")
        await told(console, "cannot be cancelled")
        await console.press("t")
        await told(console, "cannot be rescheduled")
        assert len(console.app._notifications) == 1
