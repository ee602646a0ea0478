"""Counts by reason, code or country that a report shows without scanning the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.database import execute
from store.models import Tally
from store.query import tuples

if TYPE_CHECKING:
    from collections.abc import Mapping

SKIP = "skip"
"""Skipped rows by reason."""
ERROR = "error"
"""Failed recipients by gateway code."""
UNDELIVERED = "undelivered"
"""Sent ones that a callback reported failed, by code."""
UNPAID = "unpaid"
"""Credits that a sent message did not cost, because none was free when it was proven."""
REFUNDED = "refunded"
"""Credits that were spent at an operator's word and given back when the gateway's answer overruled it."""
CREDITS = "credits"
"""The key of `UNPAID` and `REFUNDED`."""
ROWS = "rows"
"""The other key of `REFUNDED`: how many recipients they were for."""
COUNTRY = "country"
"""Valid recipients by country, for the price."""
SENT_AT = "sent_at"
"""Sent ones by slice of the run: whole seconds from its start to the start of the slice (`slice_of`)."""
PRICING = "pricing"
"""Delivered ones by how WhatsApp bills them: `category/type`."""

SLICES = ((600, 1), (7_200, 10), (86_400, 60))
"""How long a slice is until so many seconds after the start; later ones are `LAST_SLICE` long."""
LAST_SLICE = 600


def slice_length(elapsed: int) -> int:
    """The length in seconds of the slice that holds this second of a run: three days make 3,000 slices."""
    return next((length for until, length in SLICES if elapsed < until), LAST_SLICE)


def slice_of(started_at: int | None, at: int) -> str:
    """The key of the slice that a moment of a run belongs to; both times in UTC epoch milliseconds."""
    elapsed = max(0, at - (at if started_at is None else started_at)) // 1_000
    length = slice_length(elapsed)
    return str(elapsed // length * length)


def add(campaign_id: int, kind: str, deltas: Mapping[str, int]) -> None:
    """Change counts by the given amounts."""
    for key, delta in deltas.items():
        if delta:
            execute(
                "INSERT INTO tally (campaign_id, kind, key, n) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (campaign_id, kind, key) DO UPDATE SET n = tally.n + excluded.n",
                (campaign_id, kind, key, delta),
            )


def replace(campaign_id: int, kind: str, counts: Mapping[str, int]) -> None:
    """Set all counts of one kind anew."""
    Tally.delete().where(Tally.campaign == campaign_id, Tally.kind == kind).execute()
    add(campaign_id, kind, counts)


def of(campaign_id: int, kind: str) -> dict[str, int]:
    """The counts of one kind, largest first; those that came to nothing are left out."""
    query = (
        Tally.select(Tally.key, Tally.n)
        .where(Tally.campaign == campaign_id, Tally.kind == kind, Tally.n > 0)
        .order_by(Tally.n.desc(), Tally.key)
    )
    return {key: n for key, n in tuples(query)}
