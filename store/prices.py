"""The imported price list (R26); empty when none was imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.models import Price
from store.query import tuples
from store.types import PriceLine

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHUNK = 200
"""Rows of one statement: SQLite takes a limited number of values."""


def lines() -> list[PriceLine]:
    """The whole list, by category, country and media."""
    query = Price.select(Price.category, Price.country, Price.media, Price.credits)
    return [PriceLine(*row) for row in tuples(query.order_by(Price.category, Price.country, Price.media))]


def replace(new: Sequence[PriceLine]) -> int:
    """Put another list in the place of the one there is and answer how many lines that had; in a transaction."""
    gone = int(Price.delete().execute())
    for start in range(0, len(new), _CHUNK):
        Price.insert_many([line._asdict() for line in new[start : start + _CHUNK]]).execute()
    return gone
