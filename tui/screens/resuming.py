"""What WhatsApp says of runs on hold before they are let go on, from the list and from the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from store import campaigns

if TYPE_CHECKING:
    from engine.errors import Refused
    from store.types import CampaignRow
    from tui.screens.base import ConsoleScreen


class Heard(NamedTuple):
    """What was said of several runs."""

    why_not: Mapping[int, Refused]
    """By campaign: those that would run into the same wall at once."""
    warnings: Sequence[str]
    """Of the others, each once."""


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
        why_not, warnings = {}, []
        for campaign_id in held:
            campaign = campaigns.get(campaign_id)
            refused = resuming.still_blocked(campaign, screen.services.now)
            if refused is not None:
                why_not[campaign_id] = refused
            elif said := resuming.resumes_into(campaign, screen.services.now):
                warnings.append(said)
        return Heard(why_not, tuple(dict.fromkeys(warnings)))

    return await screen.reading(read) or Heard({}, ())
