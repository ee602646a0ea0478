"""Letting a run on hold go on by WhatsApp's other endpoint, from the list and from the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import routes
from store import campaigns
from tui.signs import named

if TYPE_CHECKING:
    from store.types import CampaignRow
    from tui.screens.base import ConsoleScreen

_TITLE = 40
"""Cells of a name in the dialog's title."""


async def reroute(screen: ConsoleScreen, row: CampaignRow) -> bool:
    """Ask, then switch and resume; answers whether it was done. Call it in a worker."""
    from engine.commands import resuming

    campaign = await screen.reading(campaigns.get, row.id)
    if campaign is None:
        return False
    endpoint = routes.other(campaign.route.endpoint)
    lines = [
        f"So far: {campaign.route.endpoint.value}. From now on: {endpoint.value}.",
        "Sending goes on at once. Nobody who got it gets it again.",
    ]
    if not await screen.ask(f"Go on with “{named(row.name, _TITLE)}” by {endpoint.value}?", lambda now: lines, "Go on"):
        return False
    done = await screen.doing(resuming.reroute, screen.services.context, row.id, endpoint, row.hold_reason)
    if done is None:
        return False
    screen.notify(f"{named(row.name)} goes on by {endpoint.value}.", markup=False)
    return True
