"""What a launch costs by country, and whether there are prices and credits for it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import pricing, templates
from engine.preflight_facts import Check, Level
from engine.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.preflight_facts import Facts
    from store.types import PriceLine, Template

LISTED = 5
"""Countries that are named in one sentence."""
NO_PRICE_ADVICE = (
    "Import a price list with a line for it, or with a default line (an empty country): sendoff prices import."
)


def table_of(facts: Facts) -> Mapping[str, int]:
    """What one message costs by country, as far as a draft has got."""
    if facts.template is None:
        # Without a template there is no price in the list to look up.
        return pricing.price_table((), "", "")
    return price_table(facts.price_list, facts.template)


def price_table(price_list: Sequence[PriceLine], template: Template) -> dict[str, int]:
    """What one message of a template costs by country, see `pricing.price_table`."""
    return pricing.price_table(price_list, template.category, templates.media(template.components))


def no_price(template: Template, countries: Mapping[str, int]) -> str:
    """What to say of recipients that the price list has no price for."""
    media = templates.media(template.components)
    what = f"{template.category} with {media}" if media in pricing.MEDIA else template.category
    listed = [f"{country or 'no country'} {n:,}" for country, n in countries.items()]
    more = f" and {len(listed) - LISTED:,} more" if len(listed) > LISTED else ""
    return f"the price list has no price for {what} to {', '.join(listed[:LISTED])}{more}"


def checks(facts: Facts, table: Mapping[str, int], price: int) -> list[Check]:
    """Whether every recipient has a price, and whether the free credits cover the `price` of them all."""
    if not facts.valid:
        return []
    gaps = pricing.unpriced(table, facts.countries)
    if gaps and facts.template is not None:
        return [Check("no_price", Level.BLOCK, no_price(facts.template, gaps), NO_PRICE_ADVICE, "template")]
    free = facts.balance.free
    if price > free:
        return [
            Check(
                "insufficient_credits",
                Level.BLOCK,
                f"{counted(price, 'credit')} needed, {free:,} free: {price - free:,} missing",
                "Top up with `sendoff credits add`, or choose a smaller audience.",
                "file",
            )
        ]
    found = [Check("credits", Level.OK, f"{counted(price, 'credit')}, {free:,} free")]
    if facts.scheduled_price and price + facts.scheduled_price > free:
        short = price + facts.scheduled_price - free
        found.append(
            Check(
                "credits_overcommitted",
                Level.WARN,
                f"with what is scheduled already, {counted(short, 'credit')} will be missing",
                "The campaign that starts last would fail. Top up before its time.",
            )
        )
    return found
