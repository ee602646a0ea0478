"""What sending several drafts now, one after the other, would come to; nothing is reserved or promised by it (R28)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine import lifecycle
from engine.commands import launch
from engine.errors import Refused
from engine.lifecycle import Action
from store import campaigns, ledger
from store.errors import Missing


class Outlook(NamedTuple):
    """Which may go, and what those come to."""

    why_not: Mapping[int, Refused]
    """By campaign; those that may go are not in it."""
    people: int
    price: int
    """Credits."""
    warnings: Sequence[str] = ()
    """What those that may go should be told of the messaging quota (R30)."""


def outlook(campaign_ids: Sequence[int], now: int) -> Outlook:
    """Check each as `launch.check` does, in this order; the free credits are counted down by those before it.

    Codes: those of the preflight and the lifecycle, `insufficient_credits`, `not_found`.
    """
    why_not: dict[int, Refused] = {}
    people = price = 0
    warnings: list[str] = []
    left = ledger.balance().free
    for campaign_id in campaign_ids:
        try:
            campaign = campaigns.get(campaign_id)
        except Missing:
            why_not[campaign_id] = Refused("not_found", "It is not there any more.")
            continue
        refused = lifecycle.refusal(Action.SEND_NOW, campaign.status, scheduled_at=campaign.scheduled_at, now=now)
        if refused is not None:
            why_not[campaign_id] = refused
            continue
        result = launch.check(campaign_id, now)
        if result.blocking:
            problems = "; ".join(one.text for one in result.blocking)
            why_not[campaign_id] = Refused(result.blocking[0].code, f"It cannot go yet: {problems}.")
        elif result.price > left:
            why_not[campaign_id] = Refused(
                "insufficient_credits", f"Behind the others {result.price - left:,} credits would be missing."
            )
        else:
            people, price, left = people + result.valid, price + result.price, left - result.price
            warnings += [check.text for check in result.checks if check.code == "quota_exceeded"]
    return Outlook(why_not, people, price, tuple(dict.fromkeys(warnings)))
