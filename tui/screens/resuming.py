"""Letting runs on hold go on, from the list and from the report: what WhatsApp says before, and who is held again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from engine.text import shown
from store import campaigns
from tui.signs import named

if TYPE_CHECKING:
    from engine.errors import Refused
    from store.types import CampaignRow, Hold
    from tui.screens.base import ConsoleScreen

LOOK_S = 0.4
WATCH_S = 5.0
"""A run that meets the same wall again does so with its first messages."""
AGAIN_S = 15.0


class Heard(NamedTuple):
    """What was said of several runs."""

    why_not: Mapping[int, Refused]
    """By campaign: those that would run into the same wall at once."""
    warnings: Sequence[str]
    """Of the others, each once."""
    since: Mapping[int, int]
    """By campaign: when its hold began."""


async def hear(screen: ConsoleScreen, rows: Sequence[CampaignRow]) -> Heard:
    """Ask about the runs among these that are on hold, afresh: what stood in the way may have been mended just now.

    Call it in a worker: it may take a few seconds.
    """
    from engine.asking import AT_A_RESUME_MS
    from engine.commands import resuming

    held = [row.id for row in rows if row.hold_reason is not None]
    for campaign_id in held:
        await screen.ask_gateway(campaign_id, AT_A_RESUME_MS)

    def read() -> Heard:
        why_not, warnings, since = {}, [], {}
        for campaign_id in held:
            campaign = campaigns.get(campaign_id)
            if campaign.hold is not None:
                since[campaign_id] = campaign.hold.since
            refused = resuming.still_blocked(campaign, screen.services.now)
            if refused is not None:
                why_not[campaign_id] = refused
            elif said := resuming.resumes_into(campaign, screen.services.now):
                warnings.append(said)
        return Heard(why_not, tuple(dict.fromkeys(warnings)), since)

    return await screen.reading(read) or Heard({}, (), {})


def watch(screen: ConsoleScreen, rows: Sequence[CampaignRow], told: Heard) -> None:
    """Tell of those that were resumed and are on hold again within a few seconds: what stood in the way still does."""
    steady = screen.services.context.clock.steady
    names = {row.id: named(row.name) for row in rows if row.id in told.since}
    ends = steady() + WATCH_S

    def look() -> None:
        if not names or steady() >= ends or not screen.app.is_running:
            timer.stop()
        else:
            screen.in_background(tell, "resumed")

    async def tell() -> None:
        found = await screen.reading(_holds, list(names))
        for campaign_id, hold in (found or {}).items():
            # One that was not resumed still has the hold that it had.
            if hold.since != told.since[campaign_id] and (name := names.pop(campaign_id, None)):
                text = shown(f"{name} is on hold again: {hold.text}")
                screen.notify(text, severity="warning", markup=False, timeout=AGAIN_S)

    timer = screen.set_interval(LOOK_S, look)


def _holds(campaign_ids: Sequence[int]) -> dict[int, Hold]:
    found = [campaigns.get(campaign_id) for campaign_id in campaign_ids]
    return {one.id: one.hold for one in found if one.hold is not None}
