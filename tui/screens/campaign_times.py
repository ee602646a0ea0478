"""When a Scheduled campaign of the list goes instead, asked for in a line while its lock is still ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import schedule
from engine.commands import launch
from engine.lifecycle import Action, cancel_locked, lock_at
from store import listing
from tui.screens.campaign_deeds import TITLE, by_the_rules
from tui.screens.timed_prompt import TimedPrompt
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
        TimedPrompt(
            f"Another time for “{named(row.name, TITLE)}”",
            lambda text: _echo(text, services),
            services.context.clock,
            until=lock_at(row.scheduled_at or services.now),
            too_late=lambda now: by_the_rules(Action.RESCHEDULE, row, now),
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
