"""A file uploaded from the draft form, and the place of the template that is filled with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import Refused
from engine.placeholders import MEDIA_NAME
from store import account
from tui.screens.upload import upload

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from engine.placeholders import Placeholder
    from store.types import Sender
    from tui.screens.draft import DraftScreen


def place_for(found: Sequence[Placeholder], filled: Collection[str], under_cursor: str | None) -> Placeholder | None:
    """Where an upload goes: the line under the cursor where that takes a file, else the first empty one, else any.

    The others are keys of placeholders. `None` where the template takes no file.
    """
    places = [one for one in found if one.name == MEDIA_NAME]
    at_cursor = [one for one in places if one.key == under_cursor]
    empty = [one for one in places if one.key not in filled]
    return next(iter((*at_cursor, *empty, *places)), None)


async def upload_file(screen: DraftScreen) -> None:
    """Ask for a file, upload it, and fill its place with it. Call it in a worker."""
    panel = screen.panel
    filled = [key for key, fill in panel.form.fills.items() if fill.fixed or fill.column]
    place = place_for(panel.placeholders, filled, panel.key_under(screen.focused))
    if place is None:
        screen.tell(Refused("not_now", "The template has no header for a file.", "Choose one that has."))
        return
    senders: list[Sender] = await screen.reading(account.senders) or []
    sender = next((one for one in senders if one.id == panel.form.sender_id), None)
    if sender is None:
        screen.tell(Refused("sender_missing", "An upload belongs to a sender.", "Choose the sender first."))
        return
    of = "the header" if place.card is None else f"the header of card {place.card}"
    media_id = await upload(screen, sender, f"Upload a file for {of}")
    if media_id is not None:
        await panel.fill_fixed(place.key, media_id)
