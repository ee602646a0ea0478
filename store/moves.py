"""What one transaction moves beside the rows: counters, tallies and credits, always together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from store import audit, ledger, tallies
from store.codec import load
from store.database import execute
from store.errors import Missing
from store.models import Campaign as CampaignModel
from store.models import Progress as ProgressModel
from store.query import first
from store.types import Actor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from store.types import RecipientState, SkipReason

WORKER = "worker"


@dataclass(slots=True)
class Moves:
    """What one transaction changes beside the rows."""

    counters: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    undelivered: Counter[str] = field(default_factory=Counter)
    skips: Counter[str] = field(default_factory=Counter)
    slices: Counter[str] = field(default_factory=Counter)
    """What was sent by slice of the run (`tallies.slice_of`)."""
    pricing: Counter[str] = field(default_factory=Counter)
    """What was delivered by how WhatsApp bills it."""
    settled: int = 0
    released: int = 0
    proven: dict[int, int] = field(default_factory=dict)
    """`seq` and price of rows whose credit was given back although the gateway had taken their message."""
    disproven: dict[int, int] = field(default_factory=dict)
    """`seq` and price of rows whose credit was spent although the gateway had refused their message."""
    answered: list[tuple[int, int]] = field(default_factory=list)
    """`seq` of what the gateway took or may have, with when that was known."""
    not_taken: list[int] = field(default_factory=list)
    """`seq` of what was claimed and then not taken."""

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to apply."""
        return not (self.counters or self.settled or self.released or self.proven or any(self.pricing.values()))

    def apply(self, campaign_id: int, now: int, actor: str = WORKER) -> None:
        retaken = self._take_again(campaign_id, now, actor)
        deltas = {name: n for name, n in self.counters.items() if n}
        changes = {name: getattr(ProgressModel, name) + n for name, n in deltas.items()}
        changes["reserved"] = ProgressModel.reserved + retaken
        changes["settled"] = ProgressModel.settled + self.settled + retaken
        changes["released"] = ProgressModel.released + self.released
        changes["version"] = ProgressModel.version + 1
        ProgressModel.update(changes).where(ProgressModel.campaign == campaign_id).execute()
        tallies.add(campaign_id, tallies.ERROR, self.errors)
        tallies.add(campaign_id, tallies.UNDELIVERED, self.undelivered)
        tallies.add(campaign_id, tallies.SKIP, self.skips)
        tallies.add(campaign_id, tallies.SENT_AT, self.slices)
        tallies.add(campaign_id, tallies.PRICING, self.pricing)
        ledger.settle(now, campaign_id, self.settled + retaken, actor)
        ledger.release(now, campaign_id, self.released, actor)
        self._give_back(campaign_id, now, actor)

    def _take_again(self, campaign_id: int, now: int, actor: str) -> int:
        """Credits that were given back too early and are reserved again; what cannot be had is noted as unpaid.

        That a message went out is a fact, and a balance below zero is none: so the state is always put right, and the
        credit only where one is free (R29). Each is an audit event, because it overrules an operator.
        """
        retaken = 0
        for seq, price in self.proven.items():
            paid = ledger.reserve_again(now, campaign_id, seq, price, actor)
            retaken += price if paid else 0
            if not paid:
                tallies.add(campaign_id, tallies.UNPAID, {tallies.CREDITS: price})
            audit.write(
                now,
                Actor(actor),
                "campaign.proven",
                campaign_id,
                before={"row": seq, "state": "failed"},
                after={"row": seq, "state": "sent", "credits": price if paid else 0, "unpaid": 0 if paid else price},
                detail="settled by hand as not sent, but the gateway had taken it",
            )
        return retaken

    def _give_back(self, campaign_id: int, now: int, actor: str) -> None:
        """Credits that were spent too early are free again; each is an audit event, for it overrules an operator."""
        for seq, price in self.disproven.items():
            ledger.give_back(now, campaign_id, seq, price, actor)
            tallies.add(campaign_id, tallies.REFUNDED, {tallies.CREDITS: price, tallies.ROWS: 1})
            audit.write(
                now,
                Actor(actor),
                "campaign.disproven",
                campaign_id,
                before={"row": seq, "state": "sent"},
                after={"row": seq, "state": "failed", "credits": price},
                detail="settled by hand as sent, but the gateway had refused it",
            )


def price_of(prices: Mapping[str, int], country: str | None) -> int:
    return prices.get(country or "", prices.get("", 0))


def audience_and_prices(campaign_id: int) -> tuple[int, dict[str, int]]:
    query = CampaignModel.select(CampaignModel.audience, CampaignModel.prices)
    row = first(query.where(CampaignModel.id == campaign_id))
    if row is None or row[0] is None:
        raise Missing(f"campaign {campaign_id} has no audience")
    return row[0], load(row[1])


def started_at(campaign_id: int) -> int | None:
    query = CampaignModel.select(CampaignModel.started_at).where(CampaignModel.id == campaign_id)
    row = first(query)
    return None if row is None else row[0]


def skip_row(audience_id: int, seq: int, reason: SkipReason, state: RecipientState) -> int:
    return int(
        execute(
            "UPDATE recipient SET state = 4, skip = ? WHERE audience_id = ? AND seq = ? AND state = ?",
            (reason.value, audience_id, seq, int(state)),
        ).rowcount
    )
