"""What one transaction moves beside the rows: counters, tallies and credits, always together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from store import ledger, tallies
from store.codec import load
from store.database import execute
from store.errors import Missing
from store.models import Campaign as CampaignModel
from store.models import Progress as ProgressModel
from store.query import first

if TYPE_CHECKING:
    from collections.abc import Mapping

    from store.types import RecipientState, SkipReason

WORKER = "worker"


@dataclass(slots=True)
class Moves:
    """What one transaction changes beside the rows."""

    counters: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    skips: Counter[str] = field(default_factory=Counter)
    settled: int = 0
    released: int = 0
    answered: list[tuple[int, int]] = field(default_factory=list)
    """`seq` of what the gateway took or may have, with when that was known."""
    not_taken: list[int] = field(default_factory=list)
    """`seq` of what was claimed and then not taken."""

    def apply(self, campaign_id: int, now: int) -> None:
        deltas = {name: n for name, n in self.counters.items() if n}
        changes = {name: getattr(ProgressModel, name) + n for name, n in deltas.items()}
        changes["settled"] = ProgressModel.settled + self.settled
        changes["released"] = ProgressModel.released + self.released
        changes["version"] = ProgressModel.version + 1
        ProgressModel.update(changes).where(ProgressModel.campaign == campaign_id).execute()
        tallies.add(campaign_id, tallies.ERROR, self.errors)
        tallies.add(campaign_id, tallies.SKIP, self.skips)
        ledger.settle(now, campaign_id, self.settled, WORKER)
        ledger.release(now, campaign_id, self.released, WORKER)


def price_of(prices: Mapping[str, int], country: str | None) -> int:
    return prices.get(country or "", prices.get("", 0))


def audience_and_prices(campaign_id: int) -> tuple[int, dict[str, int]]:
    query = CampaignModel.select(CampaignModel.audience, CampaignModel.prices)
    row = first(query.where(CampaignModel.id == campaign_id))
    if row is None or row[0] is None:
        raise Missing(f"campaign {campaign_id} has no audience")
    return row[0], load(row[1])


def skip_row(audience_id: int, seq: int, reason: SkipReason, state: RecipientState) -> int:
    return int(
        execute(
            "UPDATE recipient SET state = 4, skip = ? WHERE audience_id = ? AND seq = ? AND state = ?",
            (reason.value, audience_id, seq, int(state)),
        ).rowcount
    )
