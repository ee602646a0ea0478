"""A campaign of the list made into a series: when it fires is typed; a first firing that is born locked is asked about.

Such a firing goes within minutes and nobody can call it off, so that it takes the same yes as sending now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import schedule
from engine.commands import recurring
from engine.lifecycle import cancel_locked
from engine.recurrence import Recurrence
from engine.text import counted, shown
from store import campaigns
from tui import series_view
from tui.screens.campaign_deeds import TITLE
from tui.screens.prompt import PromptScreen
from tui.signs import named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.preflight import Preflight
    from store.types import CampaignRow
    from tui.screens.base import ConsoleScreen
    from tui.series_view import Typed

_DOUBTS = ("health_limited", "quota_exceeded")
"""Checks that keep nothing from going, and that whoever lets it go should know."""


async def repeat(screen: ConsoleScreen, row: CampaignRow) -> bool:
    """Ask when, and make a series of a campaign; answers whether it was made. Call it in a worker."""
    services = screen.services
    zone = services.zone
    # What cannot be sent now is better said before anything is typed.
    await screen.ask_gateway(row.id)
    each = await screen.doing(recurring.outlook, row.id, services.now)
    if each is None:
        return False
    doubts = [f"! {one}" for one in await screen.reading(_doubts, row.id, each) or ()]
    cost = f"{counted(each.valid, 'message')} for {counted(each.price, 'credit')}"
    text = await screen.app.push_screen_wait(
        PromptScreen(
            f"Repeat “{named(row.name, TITLE)}” when?",
            lambda typed: "\n".join([series_view.echo(typed, zone, services.now), f"each time: {cost}", *doubts]),
            placeholder="minute hour day month weekday [in ZONE] [until DATE]",
            does="makes the series",
        )
    )
    if text is None:
        return False
    wanted = series_view.typed(text, zone)
    if _locked(wanted, services.now) and not await _agreed(screen, row, wanted, each, cost, doubts):
        return False
    done = await screen.doing(
        recurring.create, services.context, row.id, wanted.cron, timezone=wanted.zone, until=wanted.until
    )
    if done is None:
        return False
    first = schedule.describe(done.occurrences[0].at, wanted.zone, services.now)
    screen.notify(f"“{named(done.series.name)}” repeats; first {first}. E shows the series.", markup=False)
    return True


def _doubts(campaign_id: int, each: Preflight) -> list[str]:
    """What speaks against sending its content again, though nothing forbids it."""
    hold = campaigns.get(campaign_id).hold
    held = [] if hold is None else [f"this campaign is on hold: {shown(hold.text)}"]
    return held + [shown(one.text) for one in each.checks if one.code in _DOUBTS]


def _first(wanted: Typed, now: int) -> int | None:
    """When it would fire first (UTC milliseconds)."""
    found = Recurrence(wanted.cron, wanted.zone).next(now, wanted.until)
    return None if found is None else found.at


def _locked(wanted: Typed, now: int) -> bool:
    first = _first(wanted, now)
    return first is not None and cancel_locked(first, now)


async def _agreed(
    screen: ConsoleScreen, row: CampaignRow, wanted: Typed, each: Preflight, cost: str, doubts: Sequence[str]
) -> bool:
    """Whether the operator typed to how many people the first firing goes."""

    def lines(now: int) -> list[str]:
        first = _first(wanted, now)
        if first is None:
            return []
        goes = [f"The first goes {schedule.describe(first, wanted.zone, now)}.", f"{cost}."]
        locked = "It is LOCKED from the start: less than 5 minutes ahead, it cannot be cancelled."
        return [*goes, *doubts, *([locked] if cancel_locked(first, now) else [])]

    return await screen.ask(
        f"Repeat “{named(row.name, TITLE)}” and send the first?",
        lines,
        "Make the series",
        no="Not now",
        too_late=lambda now: "It would not fire once any more." if _first(wanted, now) is None else None,
        number=each.valid,
    )
