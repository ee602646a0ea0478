"""Holds that concern more than the campaign that met them: a whole sender, or the whole account (R44, R45).

While one run is held for such a reason, every other run in its scope is held for it too, also one that starts later; an
operator's resume, its time, or a token that works again, lets all of them go on together. A run may meet such a hold,
or WhatsApp may tell of it in a callback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from engine import ending
from engine.decide import OF_ACCOUNT, OF_SENDER, OF_UTILITY, WIDE, HoldOrder
from store import audit, campaigns, transitions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.clock import Clock
    from store.types import Actor, Campaign


class Wide(NamedTuple):
    """A hold with more than one campaign behind it."""

    order: HoldOrder
    sender_id: int | None
    campaign_id: int
    """The campaign that met it."""

    def covers(self, campaign_id: int, sender_id: int | None) -> bool:
        """Whether it concerns this campaign, which is not the one that met it."""
        return campaign_id != self.campaign_id and _in_scope(self.order, self.sender_id, campaign_id, sender_id)


def _in_scope(order: HoldOrder, of_sender: int | None, campaign_id: int, sender_id: int | None) -> bool:
    if order.reason in OF_UTILITY:
        frozen = campaigns.get(campaign_id).template_frozen
        return frozen is not None and frozen.category.upper() == "UTILITY"
    return order.reason in OF_ACCOUNT or sender_id == of_sender


def standing() -> list[Wide]:
    """The wide holds of all runs, the oldest first."""
    return [
        Wide(HoldOrder(hold.reason, hold.text, hold.until), sender_id, campaign_id)
        for campaign_id, sender_id, hold in campaigns.held(WIDE)
    ]


def over(found: Iterable[Wide], campaign_id: int, sender_id: int | None) -> Wide | None:
    """The first of these holds that concerns a campaign."""
    return next((one for one in found if one.covers(campaign_id, sender_id)), None)


def hold(clock: Clock, order: HoldOrder, sender_id: int | None, actor: Actor) -> None:
    """Hold every run that an order of a sender's or of the account's concerns; that of an unknown sender is none."""
    of_sender = order.reason in OF_SENDER
    if of_sender and sender_id is None:
        return
    for campaign_id in campaigns.running(sender_id if of_sender else None):
        if _in_scope(order, sender_id, campaign_id, sender_id):
            ending.hold(clock, campaign_id, order, actor)


def alike(campaign: Campaign) -> list[int]:
    """The campaigns that are held for the same reason in the same scope, this one included."""
    hold = campaign.hold
    if hold is None or hold.reason not in WIDE:
        return [campaign.id]
    return [
        campaign_id
        for campaign_id, sender_id, _ in campaigns.held((hold.reason,))
        if hold.reason not in OF_SENDER or sender_id == campaign.sender_id
    ]


def lift(now: int, campaign: Campaign, actor: Actor) -> list[int]:
    """Let a held run go on, and with it all that are held for the same reason in its scope; answers which.

    Inside the caller's transaction. Empty when the run is not on hold any more.
    """
    hold = campaign.hold
    if hold is None:
        return []
    lifted = []
    for campaign_id in alike(campaign):
        if transitions.lift(campaign_id, hold.reason):
            detail = "" if campaign_id == campaign.id else f"together with campaign {campaign.id}"
            audit.write(now, actor, "campaign.resume", campaign_id, before={"hold": hold.reason}, detail=detail)
            lifted.append(campaign_id)
    return lifted
