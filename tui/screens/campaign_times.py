"""When a Scheduled campaign of the list goes instead, asked for in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import schedule
from engine.commands import launch
from engine.lifecycle import cancel_locked
from store import listing
from tui.screens.campaign_deeds import TITLE
from tui.screens.prompt import PromptScreen
from tui.signs import named

if TYPE_CHECKING:
    from tui.screens.base import ConsoleScreen
    from tui.services import Services


async def reschedule(screen: ConsoleScreen, campaign_id: int) -> bool:
    """Ask for another time and give it to a Scheduled campaign; answers whether it was done. Call it in a worker."""
    services = screen.services
    # The row in view may be a moment old, and its version is what is agreed to.
    row = (await screen.reading(listing.rows, [campaign_id]) or {}).get(campaign_id)
    if row is None:
        return False
    typed = await screen.app.push_screen_wait(
        PromptScreen(
            f"Another time for “{named(row.name, TITLE)}”",
            lambda text: _echo(text, services),
            placeholder="tomorrow 10:00",
            does="reschedules it",
        )
    )
    if typed is None:
        return False
    done = await screen.doing(launch.reschedule, services.context, row.id, typed, seen=row.version)
    if done is None:
        return False
    words = schedule.describe(done.at, services.zone, services.now)
    locked = " It is locked already: less than 5 minutes ahead." if done.locked else ""
    screen.notify(f"“{named(row.name)}” goes {words}.{locked}", markup=False)
    return True


def _echo(typed: str, services: Services) -> str:
    now = services.now
    at = schedule.parse_when(typed, services.zone, now)
    locked = ".\nLOCKED from the start: less than 5 minutes ahead, it cannot be cancelled."
    return schedule.describe(at, services.zone, now) + (locked if cancel_locked(at, now) else "")
