"""The price list as operators keep it (R26)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import preflight, preflight_reading, price_list, pricing
from engine.context import Context, command
from store import audit, campaigns, database, prices
from store.errors import Missing
from store.types import Status

if TYPE_CHECKING:
    from pathlib import Path


_CHUNK = 100
"""Drafts of one transaction: pricing many of them must not keep others from writing."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import of prices did."""

    lines: int
    replaced: int
    """Lines of the list before."""
    without_price: tuple[int, ...]
    """Scheduled campaigns with recipients that the new list has no price for: they would fail at their time."""


def import_file(context: Context, file: Path) -> Imported:
    """Put the list in a file in the place of the one there is, whole or not at all.

    Drafts and what is Scheduled are priced anew; a run keeps the prices it was started with. Raises `BadInput` with
    `bad_price_list`, naming the lines.
    """
    with command(context, "prices.import"):
        lines = price_list.read(file)
        with database.transaction():
            replaced = prices.replace(lines)
            without = tuple(one for one in campaigns.priced(Status.SCHEDULED) if not _reprice(one))
            audit.write(
                context.clock.now(),
                context.actor,
                "prices.import",
                before={"lines": replaced},
                after={"file": file.name, "lines": len(lines), "without_price": list(without)},
            )
        drafts = campaigns.priced(Status.DRAFT)
        for start in range(0, len(drafts), _CHUNK):
            with database.transaction():
                for one in drafts[start : start + _CHUNK]:
                    _reprice(one)
        return Imported(len(lines), replaced, without)


def _reprice(campaign_id: int) -> bool:
    """Keep the new price of a campaign that has not started; tells whether every recipient has one."""
    try:
        campaign = campaigns.get(campaign_id)
    except Missing:
        # Deleted a moment ago.
        return True
    facts = preflight_reading.facts_of(campaign)
    result = preflight.run(facts)
    campaigns.reprice(campaign_id, result.price)
    return not pricing.unpriced(result.prices, facts.countries)
