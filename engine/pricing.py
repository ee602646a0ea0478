"""What messages cost, in credits (R26): whole numbers, by category, media and destination."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DEFAULT: Final = ""
"""The key of a price table for every country that has no price of its own."""

_PLAIN, _WITH_MEDIA = 1, 2
_MEDIA: Final = frozenset(("image", "video", "document"))


def price_table(category: str, media: str) -> dict[str, int]:
    """The prices without an imported price list: 1 credit a message, 2 with an image, video or document header.

    `category` plays no part here; an imported list tells categories apart. `media` is as `engine.templates.media` has
    it; a location is not media.
    """
    del category
    return {DEFAULT: _WITH_MEDIA if media in _MEDIA else _PLAIN}


def price_of(table: Mapping[str, int], country: str | None) -> int:
    """Credits for one message to a country (ISO 3166 alpha-2), `KeyError` without a price for it or a default."""
    if country is not None and country in table:
        return table[country]
    return table[DEFAULT]


def total(table: Mapping[str, int], counts_by_country: Mapping[str, int]) -> int:
    """Credits for so many recipients of each country."""
    return sum(price_of(table, country) * count for country, count in counts_by_country.items())
