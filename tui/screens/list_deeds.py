"""What each key of the list does to campaigns, in words and as the engine's command. Imported when first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.commands import drafts, duplicating, launch, resuming
from engine.lifecycle import Action
from tui.screens.campaign_deeds import Deed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.context import Context
    from store.types import CampaignRow


def _with_version(command: Callable[[Context, int, int], object]) -> Callable[[Context, CampaignRow], object]:
    """A command that does nothing to another version than the one agreed to."""
    return lambda context, row: command(context, row.id, row.version)


def _duplicate(context: Context, row: CampaignRow) -> object:
    # A copy of a newer version is as good: nothing happens by it.
    return duplicating.duplicate(context, row.id)


def _resume(context: Context, row: CampaignRow) -> object:
    # Not the version: the worker renews a hold now and then.
    return resuming.resume(context, row.id, row.hold_reason)


CANCEL: Final = Deed(
    Action.CANCEL,
    "Cancel {}?",
    ("Nothing is sent and no credit is taken. It stays in the list.",),
    "Yes, cancel",
    _with_version(launch.cancel),
    "Cancelled",
)
REOPEN: Final = Deed(
    Action.REOPEN,
    "Take {} back to draft?",
    ("It will not go at its time; the schedule is lost, everything else stays.",),
    "Yes, back to draft",
    _with_version(launch.reopen),
    "Back to draft",
    no="Keep it scheduled",
)
DELETE: Final = Deed(
    Action.DELETE,
    "Delete {}?",
    ("The draft and its audience leave the list; z restores them within 7 days.",),
    "Yes, delete",
    _with_version(drafts.delete),
    "Deleted",
)
DUPLICATE: Final = Deed(
    Action.DUPLICATE,
    "Duplicate {}?",
    ("Each becomes a new draft with the same content and audience, nothing scheduled.",),
    "Yes, duplicate",
    _duplicate,
    "Duplicated",
    no="Not now",
)


def resume(warnings: Sequence[str] = ()) -> Deed:
    """Letting held runs go on; the warnings are what WhatsApp says of them."""
    return Deed(
        Action.RESUME,
        "Resume {}?",
        ("Sending goes on at once.", *(f"! {warning}" for warning in warnings)),
        "Yes, resume",
        _resume,
        "Resumed",
        no="Not now",
    )


def send(people: int, price: int, warnings: Sequence[str] = ()) -> Deed:
    """Sending so many messages at once for so many credits; with nobody to send to there is nothing to type."""
    return Deed(
        Action.SEND_NOW,
        "Send {} now?",
        (
            f"{people:,} messages go out at once, for {price:,} credits.",
            *(f"! {warning}" for warning in warnings),
            "Sending now cannot be cancelled.",
        ),
        "Send",
        _with_version(launch.send_now),
        "On its way",
        number=people or None,
        no="Not now",
    )
