"""What messages cost, in credits (R26): whole numbers, by category, media and destination. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from store.types import PriceLine

DEFAULT: Final = ""
"""The key of a price table for every country that has no price of its own."""
EVERY: Final = ""
"""In the price list: every country, or every media, that has no line of its own."""
NO_MEDIA: Final = "none"
ANY_MEDIA: Final = "media"
MEDIA: Final = frozenset(("image", "video", "document"))

_PLAIN, _WITH_MEDIA = 1, 2


def price_table(price_list: Sequence[PriceLine], category: str, media: str) -> dict[str, int]:
    """What one message of a template costs, by country (ISO 3166 alpha-2); `DEFAULT` is every other.

    Without a price list it is 1 credit, 2 with an image, video or document header. With one, a country's own lines go
    before those of the default country, and of them the line of the very media before the one for any media, before
    the one that names none. What no line covers is not in the table. `category` is upper case, `media` as
    `engine.templates.media` has it; a location is no media.
    """
    with_media = media in MEDIA
    if not price_list:
        return {DEFAULT: _WITH_MEDIA if with_media else _PLAIN}
    kinds = (media, ANY_MEDIA, EVERY) if with_media else (NO_MEDIA, EVERY)
    known = {(line.country, line.media): line.credits for line in price_list if line.category == category}
    table: dict[str, int] = {}
    for country in dict.fromkeys(country for country, _ in known):
        price = next((known[country, kind] for kind in kinds if (country, kind) in known), None)
        if price is not None:
            table[country] = price
    return table


def price_of(table: Mapping[str, int], country: str | None) -> int:
    """Credits for one message to a country (ISO 3166 alpha-2), `KeyError` without a price for it or a default."""
    if country is not None and country in table:
        return table[country]
    return table[DEFAULT]


def unpriced(table: Mapping[str, int], counts_by_country: Mapping[str, int]) -> dict[str, int]:
    """The recipients that no price covers, by country, most of them first."""
    if DEFAULT in table:
        return {}
    found = {country: count for country, count in counts_by_country.items() if count and country not in table}
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def total(table: Mapping[str, int], counts_by_country: Mapping[str, int]) -> int:
    """Credits for so many recipients of each country; those that no price covers are left out, see `unpriced`."""
    gaps = unpriced(table, counts_by_country)
    counts = {country: count for country, count in counts_by_country.items() if count and country not in gaps}
    return sum(price_of(table, country) * count for country, count in counts.items())
